"""Verdicts and answer classes of many answers. Each answer is read once, and readings are compared in this process.

What is no plain number is read by `workers`, under limits of time and memory. A verdict depends on the two answers and
the conventions alone; one that was not reached is said to be so and is tried again by the next grader.
"""

import json
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np

from tts_lib.common.processes import cores
from tts_lib.grading import votes
from tts_lib.grading.cache import ReadingCache
from tts_lib.grading.conventions import Conventions, spelled
from tts_lib.grading.equivalence import compare
from tts_lib.grading.normal_form import normalise
from tts_lib.grading.plain_numbers import number
from tts_lib.grading.reading.amounts import plain
from tts_lib.grading.reading.conditions import Reading
from tts_lib.grading.reading.readings import VERSION
from tts_lib.grading.verdicts import CORRECT, NO_ANSWER, WRONG, Finding
from tts_lib.grading.workers import Workers

_SAVE_EVERY = 500  # readings lost at most by a kill


class Explanation(NamedTuple):
    """How an answer was judged: of gold and answer the normal forms and the readings; the rule and the verdict."""

    normal_forms: tuple[str, str]
    readings: tuple[Reading, Reading]
    rule: str
    verdict: str


class Grader:
    """Compares answers with gold answers. Use it in a `with` statement, which ends its processes.

    Args:
        conventions: what counts as the same answer.
        timeout_s: seconds of a process's own time that reading one answer may take; the clock has no say, unless a
            process stands still for minutes.
        memory_mib: MiB that a process may take on top of what it starts with.
        workers: processes; by default one for each processor that this process may use.
        cache: file that keeps the readings for the next run, but none that was not reached; damaged lines are read
            again.

    Raises:
        ValueError: a limit is not positive.
    """

    def __init__(
        self,
        conventions: Conventions = Conventions(),  # noqa: B008 - frozen
        timeout_s: float = 5.0,
        memory_mib: int = 1024,
        workers: int | None = None,
        cache: Path | None = None,
    ) -> None:
        workers = cores() if workers is None else workers
        for name, value in (("timeout_s", timeout_s), ("memory_mib", memory_mib), ("workers", workers)):
            if value <= 0:
                raise ValueError(f"{name} is {value}: it must be positive")
        self.conventions = conventions
        self._workers = Workers(workers, timeout_s, memory_mib)
        self._cache = ReadingCache(Path(cache), _setting()) if cache is not None else None
        self._readings: dict[str, Reading] = self._cache.read() if self._cache else {}
        self._normal_forms: dict[str, str] = {}
        self._explained: dict[tuple[str, str], Explanation] = {}

    def __enter__(self) -> "Grader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the processes; what they were doing is lost."""
        self._workers.close()

    def verdicts(self, golds: Sequence[str], answers: Sequence[str | None]) -> list[str]:
        """Return one verdict of `tts_lib.grading` for each answer, in the order given.

        Args:
            golds: the gold answer of each answer.
            answers: as `answers.extract_answer` returns them; None or a blank text is `no_answer`.

        Raises:
            ValueError: not one gold answer for each answer.
            StudyError: a process of the grader does not start.
            WriteError: the cache could not be written.
        """
        return [NO_ANSWER if pair is None else self._verdict(pair) for pair in self._read(golds, answers)]

    def classes(self, question_ids: Sequence[str], golds: Sequence[str], answers: Sequence[str | None]) -> np.ndarray:
        """Return one answer class (int) for each answer: equal answers to a question vote together.

        Classes count from 0 within each question, in order of appearance; -1 is no answer. All correct answers to a
        question are one class, and no wrong one is in it. Wrong answers share a class if they are the same by the
        relation that decides verdicts, or if others of the question join them in a chain (2 cm, 2 and 2 inches). An
        answer that was not read is with those of the same normal form.

        Raises:
            ValueError: not one question and gold answer for each answer, or a question with two gold answers.
            StudyError, WriteError: as `verdicts` does.
        """
        if len(question_ids) != len(answers):
            raise ValueError(f"{len(question_ids)} question ids for {len(answers)} answers")
        of_question: dict[str, dict[str, str]] = {}  # question -> normal form -> verdict
        gold_of: dict[str, str] = {}
        pairs = self._read(golds, answers)
        for question, gold, pair in zip(question_ids, golds, pairs, strict=True):
            if gold_of.setdefault(question, gold) != gold:
                raise ValueError(f"question {question} has two gold answers: {gold_of[question]!r} and {gold!r}")
            if pair is not None:
                of_question.setdefault(question, {})[pair[1]] = self._verdict(pair)
        found = {question: self._classes(verdicts) for question, verdicts in of_question.items()}
        return np.array(
            [-1 if pair is None else found[q][pair[1]] for q, pair in zip(question_ids, pairs, strict=True)], dtype=int
        )

    def _classes(self, verdicts: dict[str, str]) -> dict[str, int]:
        """The class of each normal form that answers one question."""
        wrong = [text for text, verdict in verdicts.items() if verdict == WRONG]
        roots = votes.classes([self._readings[text] for text in wrong], self.conventions)
        groups = dict(zip(wrong, roots, strict=True))
        names = [CORRECT if v == CORRECT else groups.get(text, text) for text, v in verdicts.items()]
        numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
        return {text: numbers[name] for text, name in zip(verdicts, names, strict=True)}

    def explain(self, gold: str, answer: str) -> "Explanation":
        """Return how an answer that is not blank was judged. Raises as `verdicts` does."""
        (pair,) = self._read([gold], [answer])
        if pair is None:
            raise ValueError("there is no answer")
        self._verdict(pair)
        return self._explained[pair]

    def _verdict(self, pair: tuple[str, str]) -> str:
        if pair not in self._explained:
            gold, answer = (self._readings[text] for text in pair)
            unread = next((reading[1] for reading in (answer, gold) if reading[0] == "unread"), WRONG)
            same_text = Finding(True, "the normal forms are one")
            finding = same_text if pair[0] == pair[1] else compare(gold, answer, self.conventions)
            verdict = CORRECT if finding.is_same else unread
            self._explained[pair] = Explanation(pair, (gold, answer), finding.rule, verdict)
        return self._explained[pair].verdict

    def _read(self, golds: Sequence[str], answers: Sequence[str | None]) -> list[tuple[str, str] | None]:
        """Read what is new; returns for each answer the normal forms under which gold and answer are kept."""
        if len(golds) != len(answers):
            raise ValueError(f"{len(golds)} gold answers for {len(answers)} answers")
        pairs = [
            None if answer is None or not answer.strip() else (self._normal(gold), self._normal(answer))
            for gold, answer in zip(golds, answers, strict=True)
        ]
        new = iter(dict.fromkeys(text for pair in pairs if pair for text in pair if text not in self._readings))
        while part := list(islice(new, _SAVE_EVERY)):
            self._read_new(part)
        return pairs

    def _read_new(self, texts: Iterable[str]) -> None:
        plain_numbers = {text: value for text in texts if (value := number(text)) is not None}
        self._readings |= {text: plain(value, "." in text) for text, value in plain_numbers.items()}
        hard = [text for text in texts if text not in plain_numbers]
        found = dict(zip(hard, self._workers.read(hard), strict=True))
        self._readings |= found
        if self._cache:
            self._cache.append({text: reading for text, reading in found.items() if reading[0] != "unread"})

    def _normal(self, answer: str) -> str:
        if answer not in self._normal_forms:
            self._normal_forms[answer] = spelled(normalise(answer), self.conventions)
        return self._normal_forms[answer]


def _setting() -> str:
    return json.dumps([VERSION, version("mpmath")])
