"""Numbers and formulas as readings; a part of `readings`."""

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from tts_lib.grading.reading import constants
from tts_lib.grading.reading.conditions import Reading
from tts_lib.grading.reading.formulas import Formula, formula
from tts_lib.grading.reading.numerals import INFINITY, MINUS_INFINITY, Number, number
from tts_lib.grading.reading.tokens import Tokens, UnreadableError, written
from tts_lib.grading.reading.trees import symbols
from tts_lib.grading.reading.values import numbers, quotient, value_at

_INFINITE = re.compile(r"([-+]?)\\infty")


def plain(value: Fraction, is_decimal: bool) -> Reading:
    """The reading of a number that needs none."""
    return ("value", (number(value, is_decimal),), None)


def infinite(row: Tokens) -> Number | None:
    """Infinity or minus infinity; None for other rows."""
    match = _INFINITE.fullmatch(written(row))
    return (MINUS_INFINITY if match[1] == "-" else INFINITY) if match else None


def amount(read: Formula, letters: str | None = None) -> Reading:
    """What a formula is worth; `letters`, if it is nothing else. Raises UnreadableError if it is worth nothing."""
    found = tuple(numbers(constants.of_integration(read.tree), read.is_decimal))
    if found == (None,):
        raise UnreadableError("no value")
    return ("value", found, letters)


def multiple(row: Tokens, factor: Fraction) -> Reading:
    """A formula times a factor. Raises UnreadableError."""
    read = formula(row)
    return amount(Formula(("mul", ("number", factor), read.tree), read.is_decimal))


def ratio(rows: Sequence[Tokens], perhaps: str) -> Reading:
    """Numbers with colons between them, `perhaps` something else.

    Raises:
        UnreadableError: there is no number among them, or the last is zero, and no time either.
    """
    parts = [_exact(row) for row in rows]
    if parts[-1] == 0 and perhaps != "clock":
        raise UnreadableError("a ratio to nothing")
    multiples = [quotient(part, parts[-1]) for part in parts] if parts[-1] != 0 else []
    return ("ratio", tuple(map(number, parts)), tuple(map(number, multiples)), perhaps)


def _exact(row: Tokens) -> Any:
    tree = formula(row).tree
    value = None if symbols(tree) else value_at(tree, {})
    if value is None:
        raise UnreadableError("no number")
    return value


def are_one_number(groups: list[list[Reading]]) -> bool:
    """Whether each group has one item, and all are one number, or one amount in several units."""
    worths = {_worth(items[0]) if len(items) == 1 else None for items in groups}
    return len(worths) == 1 and worths != {None}


def exact_one(items: list[Reading]) -> Reading:
    """One of several readings of one number, and no percentage if there is another."""
    return next((item for item in items if item[0] != "percent"), items[0])


def _worth(item: Reading) -> tuple[str, str] | None:
    """(the key of the number that an answer is, what it measures); None of others."""
    if item[0] == "measured" and item[4]:
        return item[4][0][1][0].key, item[4][1]
    number = item[2][1] if item[0] == "percent" else item[1] if item[0] == "value" else ()
    return (number[0].key, "") if len(number) == 1 and number[0] else None
