"""Columns whose names mislead: an answer that is a whole text, or the gold of its question.

Golds taken for answers would make every sample right, so what may be one is never an answer by its name alone.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tts_lib.grading.answers import extract_answer
from tts_lib.grading.normal_form import normalise
from tts_lib.imported import asked, paths
from tts_lib.imported.unclear import is_printed
from tts_lib.questions.files.questions import bare_gold

_REFERENCES = {"solution", "solutions[]", "output", "completion"}  # names of a reference as well as of a sample
_BESIDE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}|####")  # what stands beside an answer in a solution: words, a mark
_WORDS = 2  # of a bare answer


def without_mistaken_names(
    columns: dict[str, str],
    samples: Sequence[Mapping[str, Any]],
    others: Sequence[Sequence[Any]],
    golds: Mapping[str, str],
    named: Collection[str] = (),
) -> dict[str, str]:
    """The columns, with what was taken for answers or texts as what it is, or left out.

    - Lists of bare answers are answers, not texts.
    - Texts that may be the references are none where all of them are right and another column holds texts. Which one
      is to be read must then be said, so nothing of a sample is left.
    - Answers that are whole texts are the texts, where there are no others.
    - Answers are golds, however these are written, where texts stand in another column, and they are all golds, or more
      often than what their own texts say, or the same for all samples of each question while the texts say several
      things. Without texts all are right.

    Args:
        columns: ours -> the file's.
        samples: what stands in question, text and answer, as far as they are among the columns.
        others: the values of the columns that are none of these.
        golds: of the questions, by what the samples may call a question.
        named: our names of columns that somebody named, which are what they are said to be.
    """
    kept = dict(columns)
    texts = [row["text"] for row in samples if isinstance(row.get("text"), str)]
    if "text" not in named and kept.get("text", "").endswith("[]") and "answer" not in kept and _are_bare(texts):
        return {"answer" if ours == "text" else ours: name for ours, name in kept.items()}
    golds_of = [golds.get(asked.question(row["question"], golds) or "") for row in samples]
    hold_texts = any(_are_samples(values, golds) for values in others)
    if "text" not in named and kept.get("text") in _REFERENCES and hold_texts and all(map(_is_gold, texts, golds_of)):
        return {ours: name for ours, name in kept.items() if ours not in {"text", "answer", "correct"} - {*named}}
    if "answer" not in kept or "answer" in named:
        return kept
    answers = [row["answer"] for row in samples]
    if "text" not in kept and 2 * sum(_is_solution(str(one)) for one in answers) > len(answers):
        are_all = hold_texts and all(map(_is_gold, answers, golds_of))
        kept["gold" if are_all else "text"] = kept.pop("answer")
    elif ("text" in kept or hold_texts) and _are_golds(samples, golds_of, "text" in kept):
        kept["gold"] = kept.pop("answer")
    return kept


def _are_golds(samples: Sequence[Mapping[str, Any]], golds: Sequence[str | None], by_text: bool) -> bool:
    """Whether the answers beside texts are not what these say, but the golds of their questions."""
    pairs = [(row["answer"], gold) for row, gold in zip(samples, golds, strict=True) if row["answer"] is not None]
    if pairs and all(_is_gold(answer, gold) for answer, gold in pairs):
        return True
    if not by_text:
        return False
    answers: dict[str, set[str]] = {}
    said: dict[str, set[str]] = {}
    n_golds = n_said = 0
    for row, gold in zip(samples, golds, strict=True):
        name, answer = str(row["question"]), row["answer"]
        answers.setdefault(name, set()).add(str(answer))
        text = extract_answer(row["text"]) if isinstance(row["text"], str) else None
        if text is not None and answer is not None:
            said.setdefault(name, set()).add(normalise(text))
            n_golds += _is_gold(answer, gold)
            n_said += _is_gold(answer, text)
    is_said_once = all(len(one) == 1 for one in answers.values()) and any(len(some) > 1 for some in said.values())
    return n_golds > n_said or is_said_once


def _is_gold(answer: object, gold: str | None) -> bool:
    if answer is None or gold is None:
        return False
    said = (bare_gold(str(answer)), extract_answer(str(answer)))
    return gold in said or any(normalise(one) == normalise(gold) for one in said if one is not None)


def _are_bare(texts: Sequence[str]) -> bool:
    return bool(texts) and 4 * sum(_is_solution(text) or len(text.split()) > _WORDS for text in texts) <= len(texts)


def _are_samples(values: Sequence[Any], golds: Mapping[str, str]) -> bool:
    """Whether a column that nobody named holds solutions, or lists or records of texts."""
    texts = [value for value in values if isinstance(value, str)]
    if any(isinstance(value, list | dict) and paths.texts_in(value) for value in values) or any(map(is_printed, texts)):
        return True
    return 2 * sum(_is_solution(text) and asked.question(text, golds) is None for text in texts) > len(values)


def _is_solution(answer: str) -> bool:
    """Whether a text says more than the answer that it has."""
    said = extract_answer(answer)
    return "\n" in answer.strip() or (said is not None and bool(_BESIDE.search(answer.replace(said, "", 1))))
