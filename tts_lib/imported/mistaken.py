"""Columns whose names mislead: an answer that is a whole text, or the gold of its question.

Golds taken for answers would make every sample right, so what may be one is never an answer by its name alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tts_lib.grading.answers import extract_answer
from tts_lib.grading.normal_form import normalise
from tts_lib.imported import asked, paths
from tts_lib.imported.unclear import is_printed
from tts_lib.questions.files.questions import bare_gold


def without_mistaken_answer(
    columns: dict[str, str],
    samples: Sequence[Mapping[str, Any]],
    others: Sequence[Sequence[Any]],
    golds: Mapping[str, str],
) -> dict[str, str]:
    """The columns, with what was taken for the answers as the texts or the golds where it holds these.

    Golds alone say nothing of samples, which then stand in another column; without such a column all are right. Beside
    texts they are the golds, however they are written, and what is the same for all samples of each question while
    their texts say otherwise.

    Args:
        columns: ours -> the file's; question and answer are among them.
        samples: what stands in them.
        others: the values of the columns that are none of these.
        golds: of the questions, by what the samples may call a question.
    """
    rest = {ours: name for ours, name in columns.items() if ours != "answer"}
    pairs = [(row["question"], row["answer"]) for row in samples]
    answers = [str(answer) for _, answer in pairs if answer is not None]
    holds_texts = "text" in columns or any(_are_samples(values, golds) for values in others)
    if holds_texts and all(
        answer is not None and _is_gold(str(answer), golds.get(asked.question(name, golds) or ""))
        for name, answer in pairs
    ):
        return rest | {"gold": columns["answer"]}
    if "text" in columns and _is_said_of_questions(pairs, [row["text"] for row in samples]):
        return rest | {"gold": columns["answer"]}
    if "text" not in columns and 2 * sum(map(_is_solution, answers)) > len(answers):
        return rest | {"text": columns["answer"]}
    return columns


def _is_gold(answer: str, gold: str | None) -> bool:
    return gold is not None and (bare_gold(answer) == gold or normalise(bare_gold(answer)) == normalise(gold))


def _is_said_of_questions(pairs: Sequence[tuple[Any, Any]], texts: Sequence[Any]) -> bool:
    """Whether all samples of each question have one answer, and the texts of some question several."""
    said: dict[str, set[str]] = {}
    read: dict[str, set[str]] = {}
    for (question, answer), text in zip(pairs, texts, strict=True):
        said.setdefault(str(question), set()).add(str(answer))
        if isinstance(text, str) and (found := extract_answer(text)) is not None:
            read.setdefault(str(question), set()).add(normalise(found))
    return all(len(one) == 1 for one in said.values()) and any(len(some) > 1 for some in read.values())


def _are_samples(values: Sequence[Any], golds: Mapping[str, str]) -> bool:
    """Whether a column that nobody named holds solutions, or lists or records of texts."""
    texts = [value for value in values if isinstance(value, str)]
    if any(isinstance(value, list | dict) and paths.texts_in(value) for value in values) or any(map(is_printed, texts)):
        return True
    return 2 * sum(_is_solution(text) and asked.question(text, golds) is None for text in texts) > len(values)


def _is_solution(answer: str) -> bool:
    return "\n" in answer.strip() or extract_answer(answer) is not None
