"""What a policy was asked, found again from its token ids: for verifiers that read text of their own layout."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from tts_lib.answers.protocols import Codec
from tts_lib.common.errors import StudyError


class Asked:
    """The questions behind prompts, and the policy's text in steps.

    Attributes:
        step: text that closes a step.
        tokenizer: names that of the policy, which wrote the token ids.
    """

    def __init__(self, codec: Codec, prompts: Sequence[str], statements: Sequence[str], step: str):
        """Know which statement each prompt (the full text a policy continues) stands for."""
        self.step, self.tokenizer = step, codec.version
        self._codec = codec
        encoded = codec.encode(list(prompts))
        self._statements = {tokens.tobytes(): text for tokens, text in zip(encoded, statements, strict=True)}
        self._lengths = sorted({len(tokens) for tokens in encoded})

    @classmethod
    def about(cls, codec: Codec, tables: Iterable[pd.DataFrame], step: str) -> "Asked":
        """What tables of problems (columns problem and statement) ask."""
        rows = pd.concat(tables)
        return cls(codec, rows["problem"].tolist(), rows["statement"].tolist(), step)

    def statement(self, prefix: np.ndarray) -> tuple[str, int]:
        """The statement of the question that a prefix, int32 (T,), belongs to, and how many tokens its prompt has.

        Raises:
            StudyError: the prefix begins with no known prompt.
        """
        prefix = prefix.astype(np.int32)
        for length in reversed(self._lengths):
            if length <= len(prefix) and (text := self._statements.get(prefix[:length].tobytes())) is not None:
                return text, length
        raise StudyError("a solution to be scored begins with none of the study's prompts: was another tokenizer used?")

    def steps(self, texts: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[tuple[list[str], int]]:
        """The steps of solutions, each given as what is scored already and what is new, int32 (T,) each.

        Returns:
            For each solution its steps that are not blank, without what closes them, and how many of them were closed
            in its first part.
        """
        whole = self._codec.decode([np.concatenate(pair) for pair in texts])
        before = self._codec.decode([old for old, _ in texts])
        return [
            (_filled(text.split(self.step)), len(_filled(old.split(self.step)[:-1])))
            for text, old in zip(whole, before, strict=True)
        ]

    def solutions(self, statements: Sequence[str], texts: Sequence[str]) -> list[tuple[str, list[str]]]:
        """The statement and the steps of whole solutions; one empty step stands for a blank text."""
        nothing = np.zeros(0, np.int32)
        found = self.steps([(nothing, text) for text in self._codec.encode(list(texts))])
        return [(statement, steps or [""]) for statement, (steps, _) in zip(statements, found, strict=True)]


def _filled(steps: list[str]) -> list[str]:
    return [step.strip() for step in steps if step.strip()]
