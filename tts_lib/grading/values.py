r"""Answers as values: two expressions are one if they are worth the same at fixed points of their variables.

This finds what rewriting does not: ``1.414214x`` is ``\sqrt{2}x``, ``0.5`` in an exponent is a half. Tuples, sets,
intervals, matrices and systems are compared part by part. Imported by the worker only: this loads SymPy.
"""

import cmath
import zlib
from typing import Any

from sympy import Eq, Expr, FiniteSet, Float, I, Interval, Limit, MatrixBase, Rational, Symbol, Tuple, nan, zoo
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.relational import Relational
from sympy.logic.boolalg import And

_DIGITS = 20
_POINTS = 8  # the first half has positive coordinates only
_FEWEST_POINTS = 2  # at which the gold answer must have a value
_LARGEST_SET = 20  # elements that are tried against each other


def evaluate(expression: Expr, i: int) -> complex | None:
    """Return the value at the i-th point, to double precision; None if it has none there, or none of that range."""
    points: dict[Any, Any] = {symbol: _coordinate(str(symbol), i) for symbol in expression.free_symbols}
    try:
        precise = expression.evalf(_DIGITS, subs=points)
        value = complex(precise)
    except (TypeError, ValueError, ArithmeticError, AttributeError, NotImplementedError):
        return None
    is_in_range = cmath.isfinite(value) and (value != 0 or precise == 0)
    return value if is_in_range else None


def are_same(gold: Any, answer: Any, decimals: int) -> bool:
    """Whether two parsed answers are of one kind and worth the same, part by part.

    Args:
        gold: a SymPy object, the order of parts and the kinds of brackets as the conventions made them.
        answer: likewise.
        decimals: places to which values must agree where a part is written with a decimal point; below 1 they must
            agree to as many significant digits, and without a decimal point to 20.
    """
    gold, answer = _without_name(gold, answer), _without_name(answer, gold)
    if isinstance(gold, Expr) and isinstance(answer, Expr):
        return _are_same_expressions(gold, answer, decimals)
    if isinstance(gold, Relational) and isinstance(answer, Relational):
        return _are_same_relations(gold, answer, decimals)
    kinds, parts = zip(_taken_apart(gold), _taken_apart(answer), strict=True)
    if kinds[0] is None or kinds[0] != kinds[1] or len(parts[0]) != len(parts[1]):
        return False
    if isinstance(gold, FiniteSet | And):
        return _are_same_sets(*parts, decimals)
    return all(are_same(*pair, decimals) for pair in zip(*parts, strict=True))


def _without_name(answer: Any, other: Any) -> Any:
    """The value of ``x = 5`` where the other answer is an expression."""
    named = isinstance(answer, Eq) and isinstance(answer.lhs, Symbol) and isinstance(other, Expr)
    return answer.rhs if named else answer


def _taken_apart(answer: Any) -> tuple[Any, list[Any]]:
    """(what the kinds of two answers must agree in, parts); the kind is None if there are no parts to compare."""
    if isinstance(answer, Interval):
        return (Interval, answer.left_open, answer.right_open), [answer.start, answer.end]
    if isinstance(answer, MatrixBase):
        return (MatrixBase, answer.shape), list(answer.flat())
    for kind in (Tuple, FiniteSet, And):
        if isinstance(answer, kind):
            return kind, list(answer.args)
    return None, []


def _are_same_sets(golds: list[Any], answers: list[Any], decimals: int) -> bool:
    if len(golds) > _LARGEST_SET:
        return False
    for gold in golds:
        found = next((i for i, answer in enumerate(answers) if are_same(gold, answer, decimals)), None)
        if found is None:
            return False
        del answers[found]
    return True


def _are_same_relations(gold: Any, answer: Any, decimals: int) -> bool:
    """Whether two equations or inequalities state the same of the same difference of sides."""
    if not all(isinstance(side, Expr) for side in (*gold.args, *answer.args)):
        return False
    return any(
        type(gold) is type(turned) and _are_same_expressions(gold.lhs - gold.rhs, turned.lhs - turned.rhs, decimals)
        for turned in (answer, answer.reversed)
    )


def _are_same_expressions(gold: Expr, answer: Expr, decimals: int) -> bool:
    """Whether the answer has the gold answer's value at every point where that is real.

    Expressions that write the imaginary unit are compared at all points.
    """
    if any(side.has(zoo, nan, ExprWithLimits, Limit) for side in (gold, answer)):  # no value, or an endless sum
        return False
    if gold == answer:  # infinity too, which has no value either
        return True
    digits = _DIGITS
    half_unit = 1.0
    if gold.has(Float) or answer.has(Float):
        digits, half_unit = decimals, 0.5
    difference = gold - answer
    n_compared = 0
    for i in range(_POINTS if difference.free_symbols else 1):
        value = evaluate(gold, i)
        if value is None or (not _is_real(value) and not gold.has(I)):
            continue
        apart = evaluate(difference, i)
        if apart is None or abs(apart) > half_unit / 10**digits * min(1.0, abs(value)):
            return False
        n_compared += 1
    return n_compared >= (_FEWEST_POINTS if difference.free_symbols else 1)


def _is_real(value: complex) -> bool:
    return abs(value.imag) <= 1e-12 * max(1.0, abs(value))


def _coordinate(name: str, i: int) -> Expr:
    """A fixed number for a variable, by turns of size 0.3 to 0.9 and 1.1 to 1.7, so that no power stays small."""
    noise = zlib.crc32(f"{name}{i}".encode())
    size = Rational(11 if i % 2 else 3, 10) + Rational(6, 10) * Rational(noise, 2**32)
    is_negative = i >= _POINTS // 2 and (i < _POINTS * 3 // 4 or noise % 2)
    return -size if is_negative else size
