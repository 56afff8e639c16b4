"""Questions as the study's models are asked them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tokenizers import Tokenizer

from tts_lib.common.errors import StudyError
from tts_lib.models import pointer, prompts
from tts_lib.study.config.study import Study


class QuestionError(StudyError):
    """A question that these models cannot be asked."""


@dataclass(frozen=True, eq=False)
class Prompts:
    """Renders questions, and refuses what the tokenizer has no tokens for.

    Attributes:
        render: question -> prompt.
        unknown: token that stands for unknown text, where the tokenizer has one.
    """

    render: Callable[[str], str]
    unknown: int | None

    @classmethod
    def of(cls, study: Study, base: Path) -> "Prompts":
        """Those of a study: a line of the nano world, or the prompt of its question files.

        Raises:
            StudyError: the prompt shows worked examples.
        """
        weights = pointer.resolve(base).weights
        tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
        name = getattr(tokenizer.model, "unk_token", None)
        unknown = None if name is None else tokenizer.token_to_id(name)
        if not study.questions:
            return cls(lambda question: question.rstrip("\n") + "\n", unknown)
        (questions,) = study.questions.values()
        prompt = questions.prompt.model_dump(mode="json")
        if prompt["kind"] == "few_shot":
            raise StudyError("the study's prompt shows worked examples: send whole prompts to /v1/completions")
        return cls(_rendering(prompt, weights), unknown)

    def check(self, prompt: str, tokens: np.ndarray) -> None:
        """Refuse a prompt that is empty or has no spelling in tokens.

        Raises:
            QuestionError: it is; names the reason.
        """
        if not len(tokens):
            raise QuestionError("the prompt is empty")
        if self.unknown is not None and (tokens == self.unknown).any():
            raise QuestionError("the prompt holds text that the model's tokenizer has no token for")


def _rendering(prompt: Mapping[str, Any], weights: Path) -> Callable[[str], str]:
    from tts_lib.models.chat import ChatTokenizer  # loads transformers

    model = ChatTokenizer(weights)
    nothing: Sequence[str] = ("statement", "solution", "answer")

    def render(question: str) -> str:
        problems, examples = pd.DataFrame({"statement": [question]}), pd.DataFrame(columns=list(nothing))
        (text,) = prompts.rendered(prompt, problems, examples, model.render, model.specials, model.opening)
        return text

    return render
