r"""What a formula is worth: exactly where it is rational, else to 2,000 digits; with variables, at eight fixed points.

Two formulas are one if they are worth the same at every point: this finds what rewriting does not, and rounds nothing.
A formula whose digits do not stay the same as they are reckoned with more of them is evaluated with more still.
"""

from fractions import Fraction
from typing import Any

import mpmath
from mpmath import mp

from tts_lib.grading.reading.evaluation import Worth, evaluate
from tts_lib.grading.reading.functions import UndefinedError, coordinate, divided
from tts_lib.grading.reading.numerals import CONSTANT_BITS, Number, Value, estimate, number
from tts_lib.grading.reading.trees import Tree, has_i, has_steps, is_estimated, symbols

N_POINTS = 8  # the first half has positive coordinates only
_FEWEST_POINTS = 2  # at which a formula must be worth something
_SCALES = (Fraction(1), Fraction(10), Fraction(1, 10), Fraction(0))  # 0: whole numbers
_LARGEST = 20  # of them
_N_STEPS = 48  # whole numbers, so that most remainders are among them
_WHOLE = frozenset("kmnN")  # variables that stand for whole numbers
_POINT_BITS = 2_000
_FEW_BITS = 180


def constant(tree: Tree, is_decimal: bool) -> Number | None:
    """The number that a tree without variables is; None if it is undefined.

    Raises:
        TooLargeError: it cannot be evaluated.
    """
    value = _converged(tree, {}, CONSTANT_BITS)
    if value is not None and is_estimated(tree):
        return estimate(number(value, is_decimal, _FEW_BITS))
    return None if value is None else number(value, is_decimal)


def numbers(tree: Tree, is_decimal: bool) -> list[Number | None]:
    """What a tree is worth: one number if it is constant, else one for each point, None where it is not real.

    A tree that writes the imaginary unit may be complex. Raises as `constant` does.
    """
    if not symbols(tree):
        return [constant(tree, is_decimal)]
    found = [None if v is None else number(v, is_decimal, _POINT_BITS) for v in values(tree)]
    if is_estimated(tree):
        return [one and estimate(one) for one in found] if any(found) else [None]
    if all(one is not None and one == found[0] for one in found):  # sin^2 x + cos^2 x
        value = _converged(tree, point(symbols(tree), 0), CONSTANT_BITS)
        return [None if value is None else number(value, is_decimal)]
    return found if any(found) else [None]


def values(tree: Tree) -> list[Value | None]:
    """What a tree is worth at the points, None where it is not real (or complex, if it writes the imaginary unit).

    Where it is worth something at no more than one of them, they are moved out and in (a root of x - 2), and to whole
    numbers at last (a power of -1). What jumps at whole numbers is compared at many of them, and between them too
    unless its variables are whole.
    """
    if has_steps(tree):
        between = [] if {name for _, name in symbols(tree)} <= _WHOLE else _at_points(tree, Fraction(1), N_POINTS)
        return [*between, *_at_points(tree, Fraction(0), _N_STEPS)]
    for scale in _SCALES:
        found = _at_points(tree, scale, N_POINTS)
        if sum(value is not None for value in found) >= _FEWEST_POINTS:
            return found
    return [None] * N_POINTS


def _at_points(tree: Tree, scale: Fraction, n: int) -> list[Value | None]:
    variables, is_complex = symbols(tree), has_i(tree)
    found = [_converged(tree, point(variables, i, scale), _POINT_BITS) for i in range(n)]
    return found if is_complex else [_real(value) for value in found]


def value_at(tree: Tree, worth: Worth) -> Value | None:
    """What a tree is worth where its variables are; None if that is not real."""
    return _real(_converged(tree, worth, CONSTANT_BITS))


def nearly(tree: Tree, worth: Worth) -> Value | None:
    """What a tree is worth where its variables are, to some fifty digits; None if that is not real."""
    with mp.workprec(_FEW_BITS):
        try:
            return _real(evaluate(tree, worth, is_real=True))
        except UndefinedError:
            return None


def point(variables: set[Tree], i: int, scale: Fraction = Fraction(1)) -> dict[Tree, Fraction]:
    """Fixed numbers for variables, by turns of size 0.3 to 0.9 and 1.1 to 1.7, so that no power stays small."""
    at = {variable: coordinate(variable[1], i) for variable in variables}
    return {variable: scale * x if scale else Fraction(round(_LARGEST * x)) for variable, x in at.items()}


def quotient(above: Value, below: Value) -> Value:
    """above / below, exactly where both are exact."""
    with mp.workprec(CONSTANT_BITS + 500):
        return divided(above, below)


def _real(value: Value | None) -> Value | None:
    return value if isinstance(value, Fraction) or (value is not None and value.imag == 0) else None


def _converged(tree: Tree, worth: Worth, bits: int) -> Value | None:
    """The value to that many bits, evaluated with more of them until they stay; None if it is undefined."""
    is_real = not has_i(tree)
    if is_estimated(tree):
        return nearly(tree, worth)
    before = None
    for precision in (bits + 300, bits + 700, 3 * bits + 700, 3 * bits + 1100):
        with mp.workprec(precision):
            try:
                value = evaluate(tree, worth, is_real)
            except UndefinedError:
                return None
            if isinstance(value, Fraction):
                return value
            if before is not None and abs(value - before) <= abs(value) * mpmath.ldexp(1, -bits - 8):
                return mp.mpc(*(_part(part, value, bits) for part in (value.real, value.imag)))
            before = value
    return Fraction(0) if abs(before) < mpmath.ldexp(1, -bits) else None


def _part(part: Any, whole: Any, bits: int) -> Any:
    return mp.mpf(0) if abs(part) < abs(whole) * mpmath.ldexp(1, -bits) else part
