"""Questions as a model and a judge see them: where each stage that asks about a whole table begins and ends."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from tts_lib.answers.protocols import Codec, ContextOverflowError
from tts_lib.common.errors import StudyError
from tts_lib.grading.judging import ExactJudge, Judge, Judged


@dataclass(frozen=True)
class Question:
    """A question as a policy sees it: prompt int32 (T,), and the id that its seeds are derived from."""

    question_id: str
    prompt: np.ndarray


@dataclass(frozen=True, eq=False)
class QuestionTable:
    """A table of questions in the tokens of one model, with the judge of what is answered.

    The prompts of all questions make one call of a policy or verifier, in a `naming` block, which says whose text did
    not fit. What comes back is decoded by the codec and `judged`, question by question.

    Attributes:
        table: question_id and problem, the text of the prompt; where answers are judged also answer, the right one.
        codec: of the model that is asked.
        judge: how the study compares answers.
    """

    table: pd.DataFrame
    codec: Codec
    judge: Judge = field(default_factory=ExactJudge)

    @cached_property
    def prompts(self) -> dict[str, np.ndarray]:
        """The prompt of each question, int32 (T,), in the order of the table."""
        return self._by_question(self.codec.encode(self.table["problem"].tolist()))

    def __iter__(self) -> Iterator[Question]:
        return (Question(question_id, prompt) for question_id, prompt in self.prompts.items())

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Says whose text it is that does not fit a model's window.

        Raises:
            StudyError: a text does not fit; names the question.
        """
        try:
            yield
        except ContextOverflowError as error:
            begun = (q.question_id for q in self if np.array_equal(error.prefix[: len(q.prompt)], q.prompt))
            raise StudyError(f"question {next(begun, 'unknown')}: {error}") from error

    def judged(self, question_id: str, texts: Sequence[str]) -> Judged:
        """Answers, verdicts and answer classes of solutions of one question."""
        return self.judge.judge(question_id, self._answers[question_id], texts)

    @cached_property
    def _answers(self) -> dict[str, str]:
        return self._by_question(self.table["answer"].tolist())

    def _by_question(self, values: list) -> dict:
        return dict(zip(self.table["question_id"], values, strict=True))
