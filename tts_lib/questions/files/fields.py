"""What one field of an imported record may hold.

Every refusal is one sentence that names the file, the row, the column and what is allowed.
"""

import math
import re
import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np

from tts_lib.common.errors import StudyError
from tts_lib.questions.files.readers import Record, parse_json

TRUTH = {  # as texts, in small letters
    **dict.fromkeys(["1", "1.0", "true", "correct", "right", "pass", "passed"], True),
    **dict.fromkeys(["0", "0.0", "false", "incorrect", "wrong", "fail", "failed"], False),
}
_WHOLE = re.compile(r"\s*(\d{1,18})(?:\.0)?\s*")
_FINISH = {
    **dict.fromkeys(["end", "stop", "eos", "end_turn", "stop_sequence"], "end"),
    **dict.fromkeys(["length", "max_tokens"], "length"),
}
_SHOWN = 60  # characters of a refused value
_MOST = 10**12  # tokens of a sample, or samples of a question
_MOST_DIGITS = 1000  # of a number that is taken as a text
_ROUNDING = 1e-6  # by which a score may leave [0, 1], as sums of float32 do
_UNIT = (0.0, 1.0)
_MOST_TEMPERATURE = 1e6
# What step scores may be -> their bounds, and what is said of others.
SCALES = {
    "probability": (_UNIT, "a number from 0 to 1 (or declared percent or a logit)"),
    "percent": ((0.0, 100.0), "a number from 0 to 100"),
    "logit": ((-sys.float_info.max, sys.float_info.max), "a finite number"),
}
_FRACTIONS = {float, Decimal}
_NUMBERS = {int, *_FRACTIONS}
_DECIMAL = re.compile(r"Decimal\('([^']*)'\)")


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
    value = _whole(field(record, column))
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise _refusal(record, column, value, "a text or a whole number that names the question")
    return normalised(str(value))


def normalised(text: str) -> str:
    """The text with every run of white space as one space: questions that differ only in that are the same."""
    return " ".join(text.split())


def string(record: Record, column: str) -> str | None:
    """A text, or None. A number stands for its digits: golds and answers are often written as bare numbers.

    The digits are those of the file, or the fewest that give the double of a Parquet file, without an exponent: 1e-05
    is 0.00001.

    Raises:
        StudyError: anything else, such as a number without digits (NaN) or with more than 1,000.
    """
    value = field(record, column)
    if value is None or isinstance(value, str):
        return value
    if type(value) not in _NUMBERS:
        raise _refusal(record, column, value, "a text or null")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        raise _refusal(record, column, value, f"a text, a number of at most {_MOST_DIGITS:,} digits or null")
    return format(number, "f")


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
    """A list, of n entries where n is given. A text is read as JSON, the way a CSV file holds a list.

    Raises:
        StudyError: not a list, or not of that length.
    """
    values = _parsed(field(record, column))
    if not isinstance(values, list):
        raise _refusal(record, column, values, 'a list with one entry a sample (in a CSV file as JSON, ["a", "b"])')
    if n is not None and len(values) != n:
        raise StudyError(f"{record.place}, column {column!r} has {len(values)} entries for {n} samples")
    return values


def count(record: Record, column: str, value: Any) -> int | None:
    """A whole number from 0 to a million million, or None.

    Raises:
        StudyError: anything else.
    """
    if value is None:
        return None
    whole = int(found[1]) if isinstance(value, str) and (found := _WHOLE.fullmatch(value)) else _whole(value)
    if isinstance(whole, bool) or not isinstance(whole, int) or not 0 <= whole <= _MOST:
        raise _refusal(record, column, value, f"a whole number of at least 0, at most {_MOST:,}, or null")
    return whole


def truth(record: Record, column: str, value: Any) -> bool | None:
    """True or false (also written 1 and 0, or as one of TRUTH), or None.

    Raises:
        StudyError: anything else.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.strip().lower() in TRUTH:
        return TRUTH[value.strip().lower()]
    raise _refusal(record, column, value, "true, false, 1, 0, a word for them such as correct and wrong, or null")


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
    return _number(record, column, _UNIT, "a number from 0 to 1")


def temperature(record: Record, column: str) -> float | None:
    """A temperature that samples were drawn at, or None.

    Raises:
        StudyError: no number of at least 0.
    """
    return _number(record, column, (0.0, _MOST_TEMPERATURE), "a temperature, a number of at least 0, or null")


def scale(scores: Iterable[Any]) -> str | None:
    """Which of SCALES these numbers, lists of them and nulls are by their range; None where they are none of them.

    Logits are known by those below 0; where there are none, what lies above 1 is percent.
    """
    numbers = [number for number in _numbers(scores) if math.isfinite(number)]
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)
    if low < -_ROUNDING:
        return "logit"
    return "probability" if high <= 1 + _ROUNDING else "percent" if high <= 100 + _ROUNDING else None


def step_scores(
    record: Record, column: str, value: Any, n_steps: int | None = None, scale: str = "probability"
) -> np.ndarray | None:
    """The scores of one sample's steps, float64 (step,), as they are written; None where there are none.

    A single number is a sample of one step. A text is read as JSON, the way a CSV file holds a list.

    Args:
        n_steps: steps of the sample's text, where that can be told.
        scale: one of SCALES, whose numbers they must be.

    Raises:
        StudyError: not numbers of that scale (NaN is none), or more of them than steps.
    """
    value = _parsed(value)
    if value is None or value == []:
        return None
    bounds, allowed = SCALES[scale]
    if isinstance(value, str):
        raise _refusal(record, column, value, f"{allowed}, or a list of them in JSON, such as [0.144, 0.949]")
    scores = _within(record, column, value if isinstance(value, list) else [value], bounds, allowed)
    if n_steps is not None and len(scores) > n_steps:
        raise StudyError(
            f"{record.place}, column {column!r} has {len(scores)} step scores for a text of {n_steps} steps; "
            "at most one a step is allowed"
        )
    return scores


def shorten(value: object) -> str:
    """The value as it is shown in a sentence."""
    text = _DECIMAL.sub(r"\1", repr(value))
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _number(record: Record, column: str, bounds: tuple[float, float], allowed: str) -> float | None:
    value = _parsed(field(record, column))
    return None if value is None else float(_within(record, column, [value], bounds, allowed)[0])


def _numbers(values: Iterable[Any]) -> Iterator[float]:
    """The numbers among values, in lists and in texts that are JSON."""
    for value in map(_parsed, values):
        if isinstance(value, list):
            yield from _numbers(value)
        else:
            yield _double(value)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_json(value)
    except ValueError:
        return value  # refused by the caller, which knows the place


def _whole(value: Any) -> Any:
    """A whole number as an int: table libraries store a column of them that has a gap as floating-point numbers."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Decimal) and abs(value.adjusted()) <= _MOST_DIGITS and value == value.to_integral_value():
        return int(value)
    return value


def _within(record: Record, column: str, values: list[Any], bounds: tuple[float, float], allowed: str) -> np.ndarray:
    """The numbers, float64 (n,), within the bounds; one beyond them by rounding stands on the bound."""
    low, high = bounds
    as_double = float if set(map(type, values)) <= _FRACTIONS else _double  # most scores are, and many they are
    numbers = [number for number in map(as_double, values) if low <= number <= high]
    if len(numbers) < len(values):
        for value in values:
            if not low - _ROUNDING <= _double(value) <= high + _ROUNDING:
                raise _refusal(record, column, value, allowed)
        numbers = [min(max(float(value), low), high) for value in values]
    return np.array(numbers, np.float64)


def _double(value: Any) -> float:
    """A number as a double; NaN for anything else and for what no double can hold."""
    try:
        return float(value) if type(value) in _NUMBERS else math.nan
    except OverflowError:
        return math.nan


def _refusal(record: Record, column: str, value: object, allowed: str) -> StudyError:
    return StudyError(f"{record.place}, column {column!r} is {shorten(value)}, but must be {allowed}")
