"""Question files of MATH-500, MATH and GSM8K, as they were published and as tables, as the problems table."""

import re
from pathlib import Path

import pandas as pd

from tts_lib.common.errors import StudyError
from tts_lib.grading.answers import extract_answer
from tts_lib.questions.files import fields
from tts_lib.questions.files.readers import Record, read_records

COLUMNS = ["question_id", "problem", "statement", "solution", "answer", "subject", "level", "group"]
_IDS = ("question_id", "unique_id", "uid", "problem_id", "qid", "task_id", "idx", "id", "i")
_LEVEL = re.compile(r"(?:Level )?(\d{1,9})")
_FINAL = "####"


def load(path: Path) -> pd.DataFrame:
    r"""The questions of a file or folder of records (COLUMNS), in its order.

    MATH has `problem` and `answer`, or as it was published the gold in the last box of its `solution` (with those that
    make one list with it) and `type` for the subject; GSM8K has `question`, a solution called `answer` and the gold as
    `final` or after ####, or a number called `answer`. `statement` is
    `problem`; `group` names what a question is about, where questions about one thing must not come apart; solution,
    group and subject are None and level is <NA> where the file has none. The id is the file's (`question_id`,
    `unique_id`, `idx`, ...), else in a folder of files with one question each the file's name in the folder, else the
    question's number from 0.

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
    id_column = next((name for name in _IDS if name in record.fields), None)
    if id_column is not None:
        return fields.key(record, id_column)
    return record.file.relative_to(path).as_posix() if path.is_dir() and record.number is None else str(number)


def _question(record: Record, name: str) -> dict[str, object]:
    in_gsm8k = "question" in record.fields and "problem" not in record.fields
    text = _required(record, "question" if in_gsm8k else "problem")
    level = record.fields.get("level")
    solution_column = "answer" if in_gsm8k else "solution"
    subject_column = "subject" if "subject" in record.fields else "type"
    return {
        "question_id": name,
        "problem": text,
        "statement": text,
        "solution": fields.string(record, solution_column) if solution_column in record.fields else None,
        "answer": _gsm8k_gold(record) if in_gsm8k else _math_gold(record),
        "subject": fields.string(record, subject_column) if subject_column in record.fields else None,
        "group": fields.string(record, "group") if "group" in record.fields else None,
        "level": int(found[1]) if (found := _LEVEL.fullmatch(str(level))) else None,
    }


def _math_gold(record: Record) -> str:
    if "answer" in record.fields or "solution" not in record.fields:
        return _required(record, "answer")
    gold = extract_answer(_required(record, "solution"), "boxed")
    if gold is None:
        raise StudyError(f"{record.place}, column 'solution' has no gold: it must hold it in a \\boxed{{}}")
    return gold


def _gsm8k_gold(record: Record) -> str:
    if "final" in record.fields:
        return _required(record, "final")
    answer = _required(record, "answer")
    gold = after_mark(answer) if isinstance(record.fields["answer"], str) else answer
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
