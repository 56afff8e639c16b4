r"""Whole numbers within bounds: ``k\ge3, k\in\mathbb{Z}`` and "integers k > 2"; a part of `readings`."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction

from tts_lib.grading.reading import regions
from tts_lib.grading.reading.conditions import Reading
from tts_lib.grading.reading.numerals import INFINITY, MINUS_INFINITY, Number, number
from tts_lib.grading.reading.regions import Piece

_MOST = 1_000  # that are told one by one
_FIRST = {"integer": None, "zero": 0, "one": 1, "natural": 1}  # of what letters stand for


def within(bounds: Reading, kind: str) -> Reading | None:
    """The set of whole numbers in a region; None where it is not said whether 0 is one of them, or there are none."""
    pieces: Sequence[Piece] = bounds[2]
    if kind == "natural" and any(Decimal(piece[0].real) < 1 for piece in pieces):
        return None
    if (first := _FIRST[kind]) is not None:
        pieces = regions.common(tuple(pieces), (Piece(number(Fraction(first)), True, INFINITY, False),))
    found = [(_end(p[0], p[1], ROUND_CEILING), _end(p[2], p[3], ROUND_FLOOR)) for p in pieces]
    ends = [(low, high) for low, high in found if low is None or high is None or low <= high]
    if not ends:
        return None
    if all(low is not None and high is not None and high - low < _MOST for low, high in ends):
        values = (number(Fraction(n)) for low, high in ends for n in range(low or 0, (high or 0) + 1))
        return ("set", tuple(("value", (value,), None) for value in values))
    return ("integers", bounds[1], tuple(ends))


def _end(at: Number, has_it: bool, rounding: str) -> int | None:
    """The last whole number before an end, or behind it; None if there is no end."""
    if at in (INFINITY, MINUS_INFINITY):
        return None
    nearest = int(Decimal(at.real).to_integral_value())
    inside = 1 if rounding == ROUND_CEILING else -1
    if number(Fraction(nearest)).key == at.key:
        return nearest if has_it else nearest + inside
    return int(Decimal(at.real).to_integral_value(rounding))
