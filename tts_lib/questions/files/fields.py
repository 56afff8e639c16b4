"""What one field of an imported record may hold.

Every refusal is one sentence that names the file, the row, the column and what is allowed.
"""

import json
import math
from typing import Any

import numpy as np

from tts_lib.common.errors import StudyError
from tts_lib.questions.files.readers import Record

_TRUTH = {"1": True, "true": True, "0": False, "false": False}
_FINISH = {
    **dict.fromkeys(["end", "stop", "eos", "end_turn", "stop_sequence"], "end"),
    **dict.fromkeys(["length", "max_tokens"], "length"),
}
_SHOWN = 60  # characters of a refused value


def field(record: Record, column: str) -> Any:
    """The value of a column. A column that the record lacks is a wrong mapping, not a missing value.

    Raises:
        StudyError: there is no such column; lists those that are there.
    """
    if column not in record.fields:
        raise StudyError(f"{record.place} has no column {column!r}; it has {', '.join(map(str, record.fields))}")
    return record.fields[column]


def key(record: Record, column: str) -> str:
    """An id or a question's text, with its white space normalised.

    Raises:
        StudyError: neither a string nor an integer, or empty.
    """
    value = field(record, column)
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise _refusal(record, column, value, "a text or a whole number that names the question")
    return normalised(str(value))


def normalised(text: str) -> str:
    """The text with every run of white space as one space: questions that differ only in that are the same."""
    return " ".join(text.split())


def string(record: Record, column: str) -> str | None:
    """A text, or None. A number stands for its digits: answers are often written as bare numbers.

    Raises:
        StudyError: anything else.
    """
    value = field(record, column)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _refusal(record, column, value, "a text or null")
    return str(value)


def strings(record: Record, column: str) -> list[str]:
    """The texts of a question's samples.

    Raises:
        StudyError: not a list of texts.
    """
    values = items(record, column)
    for value in values:
        if not isinstance(value, str):
            raise _refusal(record, column, value, "a list of texts")
    return values


def items(record: Record, column: str, n: int | None = None) -> list[Any]:
    """A list, of n entries where n is given.

    Raises:
        StudyError: not a list, or not of that length.
    """
    values = field(record, column)
    if not isinstance(values, list):
        raise _refusal(record, column, values, "a list with one entry a sample")
    if n is not None and len(values) != n:
        raise StudyError(f"{record.place}, column {column!r} has {len(values)} entries for {n} samples")
    return values


def count(record: Record, column: str, value: Any) -> int | None:
    """A whole number of at least 0, or None.

    Raises:
        StudyError: anything else.
    """
    if value is None:
        return None
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _refusal(record, column, value, "a whole number of at least 0, or null")
    return value


def truth(record: Record, column: str, value: Any) -> bool | None:
    """True or false (also written 1 and 0), or None.

    Raises:
        StudyError: anything else.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.strip().lower() in _TRUTH:
        return _TRUTH[value.strip().lower()]
    raise _refusal(record, column, value, "true, false, 1, 0 or null")


def finish(record: Record, column: str) -> str | None:
    """How a sample ended, in the words of `tts_lib.answers.pools`: end or length; None where that is not known.

    Raises:
        StudyError: a word that is not known.
    """
    value = field(record, column)
    if value is None:
        return None
    if not isinstance(value, str) or value not in _FINISH:
        raise _refusal(record, column, value, f"one of {', '.join(_FINISH)} or null")
    return _FINISH[value]


def share(record: Record, column: str) -> float | None:
    """A number in [0, 1], or None.

    Raises:
        StudyError: anything else, NaN included.
    """
    value = field(record, column)
    return None if value is None else float(_probabilities(record, column, [_parsed(value)])[0])


def step_scores(record: Record, column: str, value: Any, n_steps: int | None = None) -> np.ndarray | None:
    """The scores of one sample's steps, float64 (step,) in [0, 1]; None where there are none.

    A single number is a sample of one step. A text is read as JSON, the way a CSV file holds a list.

    Args:
        n_steps: steps of the sample's text, where that can be told.

    Raises:
        StudyError: not numbers in [0, 1] (NaN is none), or more of them than steps.
    """
    value = _parsed(value)
    if value is None or value == []:
        return None
    scores = _probabilities(record, column, value if isinstance(value, list) else [value])
    if n_steps is not None and len(scores) > n_steps:
        raise StudyError(
            f"{record.place}, column {column!r} has {len(scores)} step scores for a text of {n_steps} steps; "
            "at most one a step is allowed"
        )
    return scores


def shorten(value: object) -> str:
    """The value as it is shown in a sentence."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value  # refused by the caller, which knows the place


def _probabilities(record: Record, column: str, values: list[Any]) -> np.ndarray:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise _refusal(record, column, value, "a number from 0 to 1")
    return np.array(values, np.float64)


def _refusal(record: Record, column: str, value: object, allowed: str) -> StudyError:
    return StudyError(f"{record.place}, column {column!r} is {shorten(value)}, but must be {allowed}")
