"""Question files, of MATH-500, MATH and GSM8K as they were published and of one's own, as the problems table."""

import re
from pathlib import Path

import pandas as pd

from tts_lib.common.errors import StudyError
from tts_lib.grading.answers import extract_answer
from tts_lib.questions.files import fields
from tts_lib.questions.files.readers import Record, read_records

COLUMNS = ["question_id", "problem", "statement", "solution", "answer", "subject", "level", "group"]
# What people call a question's id, its text and its gold, the one that is taken first: also in files of samples.
IDS = ("question_id", "unique_id", "uid", "problem_id", "qid", "task_id", "custom_id", "idx", "id", "index", "i")
TEXTS = ("problem", "question", "prompt")
GOLDS = ("answer", "gold", "gt", "gt_answer", "ground_truth", "ground_truth_answer", "expected_answer")
GOLDS += ("final_answer", "target")
_LEVEL = re.compile(r"(?:Level )?(\d{1,9})")
_FINAL = "####"


def load(path: Path) -> pd.DataFrame:
    r"""The questions of a file or folder of records (COLUMNS), in its order.

    Columns are known by their names: an id by one of IDS, the text by one of TEXTS, the gold by one of GOLDS or
    `final`. A gold that is a whole solution, as GSM8K's are, stands after #### or in its last box; MATH as it was
    published has it in the last box of its `solution` (with those that make one list with it) and the subject in
    `type`. `statement` is `problem`; `group` names what a question is about, where questions about one thing must not
    come apart; solution, group and subject are None and level is <NA> where the file has none. Without an id a question
    is known by its file's name in a folder of files with one question each, else by its number from 0.

    Raises:
        StudyError: the file is missing or broken, a question has no text or no gold, or an id occurs twice.
    """
    rows, place_of = [], {}
    for number, record in enumerate(read_records(path)):
        name = _name(record, number, path)
        if name in place_of:
            raise StudyError(f"{record.place} has the question id {name!r}, as {place_of[name]} has; ids must differ")
        place_of[name] = record.place
        rows.append(_question(record, name))
    if not rows:
        raise StudyError(f"{path} holds no questions")
    return pd.DataFrame(rows, columns=COLUMNS).astype({"level": "Int64"})


def bare_gold(text: str) -> str:
    """The gold of a text that may be a whole solution: its last box, or what follows ####, else the text itself."""
    return extract_answer(text, "boxed") or after_mark(text) or text


def _name(record: Record, number: int, path: Path) -> str:
    if (id_column := _named(record, IDS)) is not None:
        return fields.key(record, id_column)
    return record.file.relative_to(path).as_posix() if path.is_dir() and record.number is None else str(number)


def _question(record: Record, name: str) -> dict[str, object]:
    text_column = _named(record, TEXTS)
    if text_column is None:
        raise StudyError(_missing(record, "the question's text", TEXTS))
    text, (gold, solution_column) = _required(record, text_column), _gold(record)
    level = record.fields.get("level")
    subject_column = "subject" if "subject" in record.fields else "type"
    return {
        "question_id": name,
        "problem": text,
        "statement": text,
        "solution": fields.string(record, solution_column) if solution_column in record.fields else None,
        "answer": gold,
        "subject": fields.string(record, subject_column) if subject_column in record.fields else None,
        "group": fields.string(record, "group") if "group" in record.fields else None,
        "level": int(found[1]) if (found := _LEVEL.fullmatch(str(level))) else None,
    }


def _gold(record: Record) -> tuple[str, str]:
    """The gold, and the column of the solution, if there is one."""
    column = _named(record, ("final", *GOLDS, "solution"))  # `final` stands beside a solution called answer
    if column is None:
        raise StudyError(_missing(record, "the gold", GOLDS))
    text = _required(record, column)
    gold = extract_answer(text, "boxed") if column == "solution" else bare_gold(text)
    if gold is None:
        raise StudyError(f"{record.place}, column 'solution' has no gold: it must hold it in a \\boxed{{}}")
    if gold.rstrip().endswith(_FINAL):
        raise StudyError(f"{record.place}, column {column!r} has no gold: it must follow the {_FINAL}")
    if "solution" in record.fields or gold == text:
        return gold, "answer" if column == "final" else "solution"
    return gold, column


def _named(record: Record, names: tuple[str, ...]) -> str | None:
    """The first of the names that the record has."""
    return next((name for name in names if name in record.fields), None)


def _missing(record: Record, what: str, names: tuple[str, ...]) -> str:
    known, has = f"{', '.join(names[:-1])} or {names[-1]}", ", ".join(map(str, record.fields))
    return f"{record.place} has no column with {what}, called {known}; it has {has}"


def after_mark(solution: str) -> str | None:
    """The gold after the last #### of a GSM8K solution, without thousands separators; None where there is none."""
    _, mark, gold = solution.rpartition(_FINAL)
    return gold.strip().replace(",", "") or None if mark else None


def _required(record: Record, column: str) -> str:
    text = fields.string(record, column)
    if text is None or not text.strip():
        raise StudyError(f"{record.place}, column {column!r} is empty, but must be a text")
    return text
