"""What a file of samples is, as far as its own words tell: its format, and which of its columns is what.

A guess is shown before it is used; nothing is decided by it alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from tts_lib.common.errors import StudyError
from tts_lib.grading.answers import Style, extract_answer
from tts_lib.imported.sources import Columns
from tts_lib.questions.files.fields import normalised
from tts_lib.questions.files.questions import bare_gold
from tts_lib.questions.files.readers import parse_json, read_records

LOOKED_AT = 200  # rows, or texts
MARKED: Style = "marked"
# The names that people give to each column, the commonest first.
NAMES = {
    "question": "question_id uid unique_id problem_id qid task_id question id idx index problem prompt",
    "text": "text completion response solution output generation generated_text model_output",
    "answer": "answer ans extracted_answer prediction predicted_answer pred final_answer model_answer",
    "correct": "correct is_correct ok passed right verdict label score_correct",
    "step_scores": "step_scores prm_scores prm_steps scores rewards prm_score reward score",
    "n_tokens": "n_tokens tokens num_tokens completion_tokens output_tokens tok",
    "n_chars": "n_chars chars",
    "finish": "finish finish_reason stop_reason",
    "lcp": "lcp",
    "model": "model model_name policy",
}
# Columns that only these files have together.
_SEARCH_AND_LEARN = {"completions", "scores"}
_LARGE_LANGUAGE_MONKEYS = {"question", "samples"}


@dataclass(frozen=True)
class Guess:
    """What a file seems to be."""

    format: str  # a key of `sources.FORMATS`
    columns: dict[str, str] = field(default_factory=dict)  # of `rows`: ours -> the file's
    models: tuple[str, ...] = ()  # named in the column of models, in the order they come
    example: dict[str, Any] = field(default_factory=dict)  # the first row
    scores: str = "probability"  # or logit, where step scores lie outside 0 to 1


def guess(path: Path, named: Mapping[str, str] | None = None, golds: Mapping[str, str] | None = None) -> Guess:
    """Look at the first rows of a file, or of the files of a folder.

    A column called answer, say, that holds whole texts is a text, and one that holds every question's gold is the gold.

    Args:
        path: of the samples.
        named: columns that somebody named (ours -> the file's). They are not guessed, and make a file one of `rows`.
        golds: of the questions, by what the samples may call a question.

    Raises:
        StudyError: the file is missing or broken, or no column of it can be the question's or the answer's.
    """
    named = named or {}
    if unknown := named.keys() - {ours.name for ours in fields(Columns)}:
        names = ", ".join(ours.name for ours in fields(Columns))
        raise StudyError(f"--columns names {sorted(unknown)[0]!r}, but what a column can be is one of {names}")
    rows = [record.fields for record in islice(read_records(path), LOOKED_AT)]
    if not rows:
        raise StudyError(f"{path} holds no samples")
    if not named and set(rows[0]) >= _SEARCH_AND_LEARN:
        return Guess("search_and_learn", example=rows[0], scores=_scale([row.get("scores") for row in rows]))
    if not named and set(rows[0]) >= _LARGE_LANGUAGE_MONKEYS:
        return Guess("large_language_monkeys", example=rows[0])
    free = [{name: value for name, value in row.items() if name not in named.values()} for row in rows]
    columns = {ours: name for ours in NAMES if ours not in named and (name := _named(ours, free))} | dict(named)
    if columns.get("text") == columns.get("question"):
        columns.pop("text", None)
    if "question" in columns and "answer" in columns.keys() - named.keys():
        columns = _without_mistaken_answer(columns, rows, golds or {})
    if "question" not in columns or not columns.keys() & {"text", "answer", "correct"}:
        missing = "the question" if "question" not in columns else "a text, an answer or a verdict"
        raise StudyError(f"{path}: none of its columns ({', '.join(rows[0])}) is plainly {missing}; say --columns")
    models = tuple(dict.fromkeys(str(row.get(columns["model"])) for row in rows)) if "model" in columns else ()
    scores = [row.get(columns["step_scores"]) for row in rows] if "step_scores" in columns else []
    return Guess("rows", columns, models, rows[0], _scale(scores))


def _without_mistaken_answer(
    columns: dict[str, str], rows: Sequence[dict[str, Any]], golds: Mapping[str, str]
) -> dict[str, str]:
    """The columns, with what was taken for the answers as the texts or the golds where it holds these.

    Golds alone say nothing of samples, which then stand in a column of lists; without such a column all are right.
    """
    others = {ours: name for ours, name in columns.items() if ours != "answer"}
    pairs = [(row.get(columns["question"]), row.get(columns["answer"])) for row in rows]
    answers = [str(answer) for _, answer in pairs if answer is not None]
    holds_lists = any(isinstance(value, list) and value and isinstance(value[0], str) for value in rows[0].values())
    if ("text" in columns or holds_lists) and all(
        answer is not None and bare_gold(str(answer)) == golds.get(normalised(str(question)))
        for question, answer in pairs
    ):
        return others | {"gold": columns["answer"]}
    if "text" not in columns and 2 * sum(map(_is_solution, answers)) > len(answers):
        return others | {"text": columns["answer"]}
    return columns


def _is_solution(answer: str) -> bool:
    return "\n" in answer.strip() or extract_answer(answer) is not None


def style(texts: Sequence[str]) -> tuple[Style, dict[str, float]]:
    """How the answers of these texts are to be read, and the share of them that has one by each style.

    Boxes alone are read where no text marks its answer otherwise, the last number only where hardly any marks one.
    """
    every = max(1, len(texts) // LOOKED_AT)
    looked_at = texts[::every]
    styles: tuple[Style, ...] = ("heading", "boxed", MARKED, "number")
    n_read = {one: sum(extract_answer(text, one) is not None for text in looked_at) for one in styles}
    shares = {one: n / len(looked_at) for one, n in n_read.items()}
    if shares["heading"] > 0.5:
        return "heading", shares
    if shares[MARKED] < 0.1 < shares["number"]:
        return "number", shares
    return ("boxed" if 0 < n_read[MARKED] == n_read["boxed"] else MARKED), shares


def _scale(scores: Any) -> str:
    """What step scores are: no probability lies outside 0 to 1."""
    if isinstance(scores, str):
        try:
            scores = parse_json(scores)
        except ValueError:
            return "probability"  # refused where it is read, with its place
    if isinstance(scores, list):
        return "logit" if any(_scale(part) == "logit" for part in scores) else "probability"
    is_number = isinstance(scores, int | float | Decimal) and not isinstance(scores, bool)
    return "logit" if is_number and not 0 <= scores <= 1 else "probability"


def _named(ours: str, rows: Sequence[dict[str, Any]]) -> str | None:
    """The first of the file's columns with one of the usual names whose values could be what is meant."""
    present = {name.lower(): name for name in rows[0]}
    for usual in NAMES[ours].split():
        if (name := present.get(usual)) is not None and _fits(ours, [row.get(name) for row in rows]):
            return name
    return None


def _fits(ours: str, values: Sequence[Any]) -> bool:
    given = [value for value in values if value is not None]
    if ours == "step_scores":
        return bool(given) and all(isinstance(v, list) or (isinstance(v, str) and v.lstrip()[:1] == "[") for v in given)
    if ours == "correct":
        return bool(given) and {str(value).lower() for value in given} <= {"true", "false", "0", "1"}
    if ours in ("n_tokens", "n_chars"):
        return bool(given) and all(str(value).isdecimal() for value in given)
    if ours in ("text", "answer"):
        return all(isinstance(value, str | int | float | Decimal) for value in given)
    return bool(given)
