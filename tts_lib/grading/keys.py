"""Coarse keys of parsed answers: equal answers mostly share one, and comparing two costs nothing.

A number's key is its value, that of an expression its values at two fixed points, that of a set, tuple, interval or
matrix the keys of its parts. Imported by the worker only: this loads SymPy.
"""

from typing import Any

import sympy
from sympy import Eq, Expr, Interval, MatrixBase, Symbol
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFunction

from tts_lib.grading.normal_form import number_key
from tts_lib.grading.values import evaluate


def key(answer: Any) -> str:
    """Return the key of what `equivalence` parsed."""
    if isinstance(answer, MatrixBase):
        return f"m{answer.shape}[{','.join(key(entry) for entry in answer)}]"
    if isinstance(answer, Interval):
        opening, closing = "(" if answer.left_open else "[", ")" if answer.right_open else "]"
        return f"{opening}{key(answer.start)},{key(answer.end)}{closing}"
    if isinstance(answer, sympy.Tuple):
        return f"({','.join(map(key, answer.args))})"
    if isinstance(answer, Eq):
        return _equation_key(answer)
    if isinstance(answer, Relational):
        canonical: Any = answer.canonical
        return f"{canonical.rel_op}:{_relation_key(canonical)}"
    if isinstance(answer, sympy.Set | BooleanFunction):
        return f"{type(answer).__name__}{{{','.join(sorted(map(key, answer.args)))}}}"
    return _expression_key(answer) if isinstance(answer, Expr) else f"s:{answer}"


def _equation_key(equation: Any) -> str:
    """`x = 5` votes as 5; other equations are compared up to a factor."""
    if isinstance(equation.lhs, Symbol):
        return key(equation.rhs)
    return f"e:{_relation_key(equation, scaled=True)}"


def _relation_key(relation: Any, scaled: bool = False) -> str:
    if not (isinstance(relation.lhs, Expr) and isinstance(relation.rhs, Expr)):
        return f"s:{relation}"
    difference = relation.lhs - relation.rhs
    values = _values(difference)
    if values is None:
        return f"s:{relation}"
    if scaled and values[-1] != 0:
        return _complex_key(values[0] / values[-1])
    return "|".join(map(_complex_key, values))


def _expression_key(expression: Expr) -> str:
    if expression.is_Integer:
        return f"n:{expression}"
    values = _values(expression)
    if values is None:
        return f"s:{expression}"
    names = ",".join(sorted(str(symbol) for symbol in expression.free_symbols))
    return "|".join([_complex_key(values[0])] if not names else [f"f:{names}", *map(_complex_key, values)])


def _values(expression: Expr) -> list[complex] | None:
    """The expression at two points; None if it has no finite value at one of them."""
    values = [value for i in range(2) if (value := evaluate(expression, i)) is not None]
    return values if len(values) == 2 else None


def _complex_key(value: complex) -> str:
    if abs(value.imag) <= 1e-12 * max(1.0, abs(value)):
        return number_key(value.real)
    return f"{number_key(value.real)}+i*{number_key(value.imag)}"
