"""Solutions to verdicts and answer classes, in the way that a study declares (`grading` in params.yaml)."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from tts_lib.grading import exact, words
from tts_lib.grading.answers import Style, extract_answer
from tts_lib.grading.conventions import Conventions
from tts_lib.grading.grader import Grader


@dataclass(frozen=True, eq=False)
class Judged:
    """What became of solutions of one question, in the order given."""

    answers: list[str | None]
    verdicts: list[str]  # of tts_lib.grading
    classes: np.ndarray  # int (solution,): equal answers share one; -1 is no answer


@runtime_checkable
class Judge(Protocol):
    """Judges the solutions of one question; equal answers to it get one class, however many calls are made."""

    def judge(self, question_id: str, gold: str, texts: Sequence[str]) -> Judged: ...


class ExactJudge:
    """The nano benchmark: what follows `=` on the last line, compared character by character."""

    def judge(self, question_id: str, gold: str, texts: Sequence[str]) -> Judged:
        return _by(exact.grade, gold, texts)


class WordsJudge:
    """Names and other words, read after "the answer is", compared with every spelling of the gold."""

    def judge(self, question_id: str, gold: str, texts: Sequence[str]) -> Judged:
        return _by(words.grade, gold, texts)


class MathJudge(AbstractContextManager["MathJudge"]):
    """Mathematical notation: an answer is read from the text and compared by a `Grader`, which ends with the block."""

    def __init__(self, grader: Grader, style: Style):
        self._grader = grader
        self._style: Style = style

    def __exit__(self, *error: object) -> None:
        self._grader.close()

    def judge(self, question_id: str, gold: str, texts: Sequence[str]) -> Judged:
        answers = [extract_answer(text, self._style) for text in texts]
        golds = [gold] * len(texts)
        classes = self._grader.classes([question_id] * len(texts), golds, answers)
        return Judged(answers, self._grader.verdicts(golds, answers), classes)


def _by(grade: Callable[[str, str], tuple[str | None, str]], gold: str, texts: Sequence[str]) -> Judged:
    """Texts judged one by one; answers that are the same text are equal."""
    graded = [grade(text, gold) for text in texts]
    answers = [answer for answer, _ in graded]
    numbers: dict[str, int] = {}
    classes = [-1 if answer is None else numbers.setdefault(answer, len(numbers)) for answer in answers]
    return Judged(answers, [verdict for _, verdict in graded], np.array(classes, int))


def open_judge(how: Mapping[str, Any], cache: Path) -> AbstractContextManager[Judge]:
    """The judge of a study; use it in a `with` statement.

    Args:
        how: the study's `grading` section, a record of `tts_lib.study.config.questions`.
        cache: file that keeps what was read of mathematical answers for the next run.
    """
    if how["kind"] == "exact":
        return nullcontext(ExactJudge())
    if how["kind"] == "words":
        return nullcontext(WordsJudge())
    return MathJudge(Grader(Conventions(**how["conventions"]), how["timeout_s"], cache=cache), how["style"])
