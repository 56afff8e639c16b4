r"""General solutions of differential and difference equations: ``(C_1+C_2x)e^{2x}`` is ``Ae^{2x}+Bxe^{2x}``.

Arbitrary constants that are factors of a sum's terms say which functions are added up to all solutions: those that
they span, and one solution. Both are reduced at fixed points, so that they do not depend on how they are written.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from mpmath import mp

from tts_lib.grading.reading.constants import MAY_BE_ANY, MAY_BE_IN_SOLUTIONS, VARIABLES, is_transcendental
from tts_lib.grading.reading.functions import as_mp
from tts_lib.grading.reading.numerals import Number, estimate, number
from tts_lib.grading.reading.sums import polynomial_degree
from tts_lib.grading.reading.trees import Tree, symbols
from tts_lib.grading.reading.values import nearly, point

_MOST = 4  # constants
_N_POINTS = 8
_SCALES = (Fraction(1), Fraction(3, 2))
_BITS = 180
_SMALL = -80  # bits: less than this is nothing


def linear_form(tree: Tree, is_decimal: bool) -> tuple[tuple[Number, ...], str] | None:
    """(what the functions and the one solution are worth, the names of the constants); None of other formulas."""
    names = {name for _, name in symbols(tree)}
    is_solution = is_transcendental(tree)
    variables = names & (VARIABLES | {"n"} if is_solution else VARIABLES)
    if len(variables) != 1:
        return None
    (variable,) = variables
    is_curve = is_solution or polynomial_degree(tree, ("symbol", variable)) is None  # beside Ax+B
    pattern = MAY_BE_IN_SOLUTIONS if is_curve else MAY_BE_ANY
    constants = sorted(name for name in names - variables if pattern.fullmatch(name))
    is_indexed = all("_" in name for name in constants)
    if not 2 <= len(constants) <= _MOST or not (is_indexed or is_curve):
        return None
    with mp.workprec(_BITS):
        rows = _rows(tree, variable, constants)
        reduced = None if rows is None else _reduced(rows)
    if reduced is None:
        return None
    worth = [number(Fraction(len(constants)), is_decimal), *(estimate(number(x, is_decimal, _BITS)) for x in reduced)]
    return tuple(worth), "" if is_indexed else "".join(constants)


def _rows(tree: Tree, variable: str, constants: Sequence[str]) -> list[list[Any]] | None:
    """What each constant is multiplied by at the points, and what is left without them; None if there is no such."""
    others = {symbol: x for symbol, x in point(symbols(tree), 0).items() if symbol[1] not in constants}
    zero = {("symbol", name): Fraction(0) for name in constants}
    some = {("symbol", name): Fraction(3 + 2 * i, 2 + i) for i, name in enumerate(constants)}
    rows: list[list[Any]] = [[] for _ in range(len(constants) + 1)]
    for i in range(_N_POINTS):
        at = ("symbol", variable)
        there = Fraction(i + 1) if variable == "n" else point({at}, i % 4, _SCALES[i // 4])[at]
        worth = others | {at: there}
        values = [nearly(tree, worth | zero)]
        values += [nearly(tree, worth | zero | {symbol: Fraction(1)}) for symbol in zero]
        values.append(nearly(tree, worth | some))
        if any(value is None for value in values):
            return None
        first, *each, last = map(as_mp, values)
        steps = [one - first for one in each]
        expected = first + sum((as_mp(some[s]) * step for s, step in zip(zero, steps, strict=True)), mp.zero)
        if not _is_nothing(last - expected, abs(last) + abs(first) + 1):
            return None
        for row, value in zip(rows, [*steps, first], strict=True):
            row.append(value)
    return rows


def _reduced(rows: list[list[Any]]) -> list[Any] | None:
    """The entries beside the pivots of the rows, whose first ones are made a unit matrix; None if they cannot be."""
    *basis, single = rows
    for i in range(len(basis)):
        pivot = max(basis[i:], key=lambda row: abs(row[i]))
        if _is_nothing(pivot[i], max(map(abs, pivot))):
            return None
        basis.remove(pivot)
        pivot = [entry / pivot[i] for entry in pivot]
        basis = [_without(row, pivot, i) for row in basis]
        single = _without(single, pivot, i)
        basis.insert(i, pivot)
    return [entry for row in [*basis, single] for entry in row[len(basis) :]]


def _without(row: list[Any], pivot: list[Any], i: int) -> list[Any]:
    return [entry - row[i] * other for entry, other in zip(row, pivot, strict=True)]


def _is_nothing(value: Any, beside: Any) -> bool:
    return abs(value) <= mp.ldexp(beside, _SMALL)
