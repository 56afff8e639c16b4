r"""Sets of real numbers as disjoint intervals, and the inequalities in one unknown that give one.

``x>1 \text{ and } x<3``, ``1<x<3`` and ``(1,3)`` are one region; so are ``x\ne3`` and ``(-\infty,3)\cup(3,\infty)``.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from mpmath import mp

from tts_lib.grading.reading.formulas import Formula
from tts_lib.grading.reading.numerals import CONSTANT_BITS, INFINITY, MINUS_INFINITY, Number, number
from tts_lib.grading.reading.trees import Tree, symbols, unknowns
from tts_lib.grading.reading.values import quotient, value_at

_TURNED = {"<": ">", ">": "<", "le": "ge", "ge": "le", "=": "=", "ne": "ne"}
_CHECKED = (Fraction(2), Fraction(5, 3), Fraction(-7, 2))  # places at which a straight line is told from a curve
_BITS = 1_000


class Piece(NamedTuple):
    """An interval with its ends, each closed or open; a point is closed at both."""

    low: Number
    has_low: bool
    high: Number
    has_high: bool


Pieces = tuple[Piece, ...]

REALS: Pieces = (Piece(MINUS_INFINITY, False, INFINITY, False),)


def united(pieces: Iterable[Piece]) -> Pieces:
    """The pieces in order, those that touch made one and empty ones left out."""
    found: list[Piece] = []
    for piece in sorted(filter(_is_something, pieces), key=lambda p: (Decimal(p.low.real), not p.has_low)):
        last = found[-1] if found else None
        if last and (_is_less(piece.low, last.high) or (_is_at(piece.low, last.high) and (piece[1] or last[3]))):
            if _is_less(last.high, piece.high) or (_is_at(last.high, piece.high) and piece.has_high):
                found[-1] = last._replace(high=piece.high, has_high=piece.has_high)
        else:
            found.append(piece)
    return tuple(found)


def complement(pieces: Pieces) -> Pieces:
    """All other real numbers."""
    low, has_low = MINUS_INFINITY, False
    found = []
    for piece in united(pieces):
        found.append(Piece(low, has_low, piece.low, not piece.has_low))
        low, has_low = piece.high, not piece.has_high
    return united(
        p._replace(has_low=p.has_low and p.low != MINUS_INFINITY, has_high=p.has_high and p.high != INFINITY)
        for p in [*found, Piece(low, has_low, INFINITY, False)]
    )


def common(one: Pieces, other: Pieces) -> Pieces:
    """The numbers in both."""
    return complement(united([*complement(one), *complement(other)]))


def point(at: Number) -> Piece:
    return Piece(at, True, at, True)


@mp.workprec(CONSTANT_BITS + 500)
def solved(left: Formula, relation: str, right: Formula) -> tuple[Tree, Pieces] | None:
    """(unknown, its values) of an equation or inequality between straight lines in one unknown; None for others."""
    difference: Tree = ("add", left.tree, ("neg", right.tree))
    names = unknowns(difference)
    if len(names) != 1:
        return None
    (unknown,) = names
    line = _line(difference, unknown)
    if line is None:
        return None
    bound = line.where(Fraction(0))
    relation = relation if line.slope.real > 0 else _TURNED[relation]
    is_decimal = left.is_decimal or right.is_decimal
    if unknown[0] != "call":
        return unknown, _beside(relation, number(bound, is_decimal))
    (inner,) = symbols(unknown[2])  # of an absolute value
    line = _line(unknown[2], inner)
    if line is None:
        return None
    ends = [number(line.where(end), is_decimal) for end in (bound, -bound)]
    return inner, _of_absolute(relation, bound.real < 0, *(ends if line.slope.real > 0 else reversed(ends)))


class _Line(NamedTuple):
    at_zero: Any
    slope: Any

    def where(self, height: Any) -> Any:
        return quotient(height - self.at_zero, self.slope)


def _line(tree: Tree, unknown: Tree) -> _Line | None:
    """The straight line that a tree is in its unknown; None if it is none."""
    at_zero, at_one = value_at(tree, {unknown: Fraction(0)}), value_at(tree, {unknown: Fraction(1)})
    if at_zero is None or at_one is None:
        return None
    slope = at_one - at_zero
    is_one = slope != 0 and all(_is_on_line(tree, unknown, place, at_zero, slope) for place in _CHECKED)
    return _Line(at_zero, slope) if is_one else None


def _is_on_line(difference: Tree, unknown: Tree, place: Fraction, at_zero: Any, slope: Any) -> bool:
    value = value_at(difference, {unknown: place})
    expected = at_zero + slope * place if isinstance(slope, Fraction) else None
    if expected is None:
        apart = value is not None and quotient(value - at_zero, slope)
        return apart is not False and number(apart, bits=_BITS).key == number(place, bits=_BITS).key
    return value == expected


def _beside(relation: str, bound: Number) -> Pieces:
    below, above = Piece(MINUS_INFINITY, False, bound, False), Piece(bound, False, INFINITY, False)
    at = point(bound)
    parts: dict[str, Sequence[Piece]] = {"<": [below], "le": [below, at], ">": [above], "ge": [above, at], "=": [at]}
    return united(parts.get(relation, [below, above]))


def _of_absolute(relation: str, is_below_zero: bool, high: Number, low: Number) -> Pieces:
    if is_below_zero:
        return REALS if relation in (">", "ge", "ne") else ()
    if relation in ("<", "le"):
        return common(_beside(relation, high), _beside(_TURNED[relation], low))
    if relation == "ne":
        return common(_beside("ne", high), _beside("ne", low))
    return united([*_beside(relation, high), *_beside(_TURNED[relation], low)])


def _is_something(piece: Piece) -> bool:
    if piece.low.key == piece.high.key:
        return piece.has_low and piece.has_high
    return _is_less(piece.low, piece.high)


def _is_at(one: Number, other: Number) -> bool:
    return one.key == other.key


def _is_less(one: Number, other: Number) -> bool:
    return one.key != other.key and Decimal(one.real) < Decimal(other.real)
