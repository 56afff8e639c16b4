"""Question files of MATH-500, MATH and GSM8K as the problems table."""

import re
from pathlib import Path

import pandas as pd

from tts_lib.common.errors import StudyError
from tts_lib.questions.files import fields
from tts_lib.questions.files.readers import Record, read_rows

COLUMNS = ["question_id", "problem", "statement", "solution", "answer", "subject", "level"]
_IDS = ("unique_id", "uid", "idx", "id", "i")
_LEVEL = re.compile(r"(?:Level )?(\d+)")
_FINAL = "####"


def load(path: Path) -> pd.DataFrame:
    """The questions of a JSONL, Parquet or CSV file (COLUMNS), in its order.

    MATH has `problem` and `answer`; GSM8K has `question`, a solution called `answer` and the gold as `final` or after
    ####. `statement` is `problem`; solution and subject are None and level is <NA> where the file has none. The id
    is the file's (`unique_id`, `idx`, `id`, ...), else the row's number from 0.

    Raises:
        StudyError: the file is missing or broken, a question has no text or no gold, or an id occurs twice.
    """
    rows = [_question(record, number) for number, record in enumerate(read_rows(path))]
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"level": "Int64"})
    if table.empty:
        raise StudyError(f"{path} holds no questions")
    twice = table["question_id"].duplicated()
    if twice.any():
        raise StudyError(f"{path} has the question id {table.loc[twice.idxmax(), 'question_id']!r} twice")
    return table


def _question(record: Record, number: int) -> dict[str, object]:
    id_column = next((name for name in _IDS if name in record.fields), None)
    in_gsm8k = "question" in record.fields and "problem" not in record.fields
    text = _required(record, "question" if in_gsm8k else "problem")
    level = record.fields.get("level")
    solution_column = "answer" if in_gsm8k else "solution"
    return {
        "question_id": str(number) if id_column is None else fields.key(record, id_column),
        "problem": text,
        "statement": text,
        "solution": fields.string(record, solution_column) if solution_column in record.fields else None,
        "answer": _gsm8k_gold(record) if in_gsm8k else _required(record, "answer"),
        "subject": fields.string(record, "subject") if "subject" in record.fields else None,
        "level": int(found[1]) if (found := _LEVEL.fullmatch(str(level))) else None,
    }


def _gsm8k_gold(record: Record) -> str:
    if "final" in record.fields:
        return _required(record, "final")
    gold = after_mark(_required(record, "answer"))
    if gold is None:
        raise StudyError(f"{record.place}, column 'answer' has no gold: it must end in {_FINAL} and the number")
    return gold


def after_mark(solution: str) -> str | None:
    """The gold after the last #### of a GSM8K solution, without thousands separators; None where there is none."""
    _, mark, gold = solution.rpartition(_FINAL)
    return gold.strip().replace(",", "") or None if mark else None


def _required(record: Record, column: str) -> str:
    text = fields.string(record, column)
    if text is None or not text.strip():
        raise StudyError(f"{record.place}, column {column!r} is empty, but must be a text")
    return text
