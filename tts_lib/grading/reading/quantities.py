"""Amounts with a unit as so much of what it measures; a part of `readings`."""

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from tts_lib.grading.reading import amounts, units
from tts_lib.grading.reading.conditions import Reading
from tts_lib.grading.reading.formulas import Formula, formula
from tts_lib.grading.reading.measures import LETTERS, Measure, in_several_units, is_scientific, measure
from tts_lib.grading.reading.tokens import Token, Tokens, UnreadableError, split, written
from tts_lib.grading.reading.trees import ONE, Tree, symbols
from tts_lib.grading.reading.units import SPELT

_SIGNS = {"Omega": "ohm", "mu": "micro"}  # that measure, or stand before what does
_ANGLES: dict[str, Tree] = {"radian": ONE, "degree": ("frac", ("pi",), ("number", Fraction(180)))}


class _Amount(NamedTuple):
    """A number of units, of `each` so large."""

    number: Fraction
    is_decimal: bool
    unit: str
    each: Fraction
    kind: str

    def size(self) -> Fraction:
        return self.number * self.each


def size(measured: Measure) -> tuple[Reading, str] | None:
    """(the number in the unit that all of its kind are reckoned in, the kind); None if it has variables or no size.

    Angles are reckoned in radians; those in degrees are exact, 22.5 too.
    """
    sized = units.size(measured.unit)
    each, kind = (("number", sized[0]), sized[1]) if sized else (_ANGLES.get(measured.unit), "angle")
    if each is None or measured.sense:
        return None
    try:
        read = formula(measured.row)
    except UnreadableError:
        return None
    if symbols(read.tree):
        return None
    is_decimal = read.is_decimal and measured.unit != "degree"
    return amounts.amount(Formula(("mul", ("number", measured.factor), each, read.tree), is_decimal)), kind


def with_unit(row: Tokens) -> Tokens | None:
    r"""``5 m``, ``12 {g}`` and ``3\cdot 10^8 m/s`` with the letters as a unit, which they may be; else None."""
    start = 2 if row and row[0].is_sign("-") else 1
    if len(row) <= start or row[start - 1].kind != "number":
        return None
    start = behind_a_power_of_ten(row, start)
    if len(row) <= start or row[start].is_sign("+", "-", "/", "^"):
        return None
    known = LETTERS | {"C", "F"} if is_scientific(row[:start]) else LETTERS
    unit = "".join(" " * spaced + _SIGNS.get(name, name) for _, name, spaced in row[start:]).replace("cdot", " ")
    unit = re.sub(r"[{}]", "", re.sub(r"\^\{? ?(-?) ?(\d)\}?", r"^ \1\2 ", unit))
    names = re.findall("[A-Za-z]+", unit)
    if re.search(r"[^A-Za-z\d /^-]", unit) or not all(name in known or name in SPELT for name in names):
        return None
    found = [*row[:start], Token("text", " ".join(unit.split()))]
    try:
        return found if units.size(measure(found).unit) else None
    except UnreadableError:
        return None


def behind_a_power_of_ten(row: Tokens, start: int) -> int:
    r"""Where ``\cdot 10^{8}`` ends that stands at a place; the place where none does."""
    power = re.match(r"\\cdot ?10\^(?:\{-?\d+\}|-?\d+)", written(row[start:])) if len(row) > start + 3 else None
    ends = range(start + 4, min(start + 8, len(row)) + 1) if power else ()
    return next((end for end in ends if power and written(row[start:end]) == power[0]), start)


def total(row: Tokens) -> Reading | None:
    """The sum of ``2 h 15 min``: each amount but the first is less than one of the unit above; None of others."""
    if sum(token.kind == "number" for token in row) < 2 or not any(token.kind in ("text", "letters") for token in row):
        return None
    found = [_amount(one) for part in split(row, "land", ",")[0] if part for one in in_several_units(part)]
    parts = sorted((part for part in found if part), key=lambda part: part.each, reverse=True)
    if len(parts) < max(len(found), 2) or len({part.kind for part in parts}) > 1:
        return None
    for above, below in pairwise(parts):
        if above.number.denominator > 1 or below.each == above.each or below.size() >= above.each:
            return None
    size = sum((part.size() for part in parts), Fraction(0))
    whole, largest = (amounts.plain(size / each, parts[-1].is_decimal) for each in (Fraction(1), parts[0].each))
    items = (("measured", amounts.plain(part.number, part.is_decimal), part.unit, "", None) for part in parts)
    return ("total", (whole, parts[0].kind), largest, tuple(items))


def _amount(row: Sequence) -> _Amount | None:
    """A plain number and one word for its unit."""
    if len(row) != 2 or row[0].kind != "number" or not row[1].text.isalpha():
        return None
    try:
        unit = measure(row).unit
    except UnreadableError:
        return None
    sized = units.size(unit)
    return _Amount(Fraction(row[0].text), "." in row[0].text, unit, *sized) if sized else None


def unit_and_sense(reading: Reading) -> tuple[str, str]:
    """The unit of a reading and in which sense it is meant, both empty if it says none."""
    if reading[0] == "measured":
        return reading[2], reading[3]
    return ("percent" if reading[0] == "percent" else ""), ""
