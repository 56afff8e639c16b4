"""Arithmetic and functions: exact on fractions where the result is one, else with mpmath's present precision."""

import math
import zlib
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
from mpmath import mp

from tts_lib.grading.reading.numerals import CONSTANT_BITS, TooLargeError, Value, number

MOST_TERMS = 2_000  # of a sum, and factors
KEY_BITS = 200  # of what an unknown function is applied to
_MOST_BITS = 400_000  # of an exact number
_MOST_EXPONENT_BITS = 54
_MOST_ROOT = 100
_MOST_FACTORIAL = 20_000
_NOISE = 997


class UndefinedError(Exception):
    """The formula is worth nothing there: a pole, 0/0, a logarithm of zero."""


def coordinate(name: str, i: int) -> Fraction:
    """A fixed number for a name: by turns of size 0.3 to 0.9 and 1.1 to 1.7, from i = 4 on negative."""
    noise = zlib.crc32(f"{name}{i}".encode(errors="replace")) % _NOISE
    size = Fraction(11 if i % 2 else 3, 10) + Fraction(6 * noise, 10 * _NOISE)
    return -size if i in (4, 5) or (i > 5 and noise % 2) else size


def divided(above: Value, below: Value) -> Value:
    """above / below, exactly where both are exact. Raises UndefinedError."""
    if below == 0:
        raise UndefinedError("a division by zero")
    return above / below if _are_exact([above, below]) else as_mp(above) / as_mp(below)


def as_mp(value: Value) -> Any:
    """The value as one of mpmath's, to the present precision."""
    return mp.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def bounded(value: Value) -> Value:
    """An exact number as it is, unless it has grown too long."""
    if isinstance(value, Fraction) and value.numerator.bit_length() + value.denominator.bit_length() > _MOST_BITS:
        return as_mp(value)
    return value


def added(values: list[Value]) -> Value:
    """Their sum, exactly where all are exact."""
    return sum(values, Fraction(0)) if _are_exact(values) else sum(map(as_mp, values), mp.zero)


def multiplied(values: list[Value]) -> Value:
    """Their product, exactly where all are exact."""
    exact = _are_exact(values) and sum(max(v.numerator.bit_length(), 1) for v in values) <= 2 * _MOST_BITS
    return bounded(math.prod(values, start=Fraction(1)) if exact else math.prod(map(as_mp, values), start=mp.one))


def _are_exact(values: list[Value]) -> bool:
    return all(isinstance(value, Fraction) for value in values)


def power(base: Value, exponent: Value, is_real: bool) -> Value:
    """base to the exponent; the real root of a negative number where there is one and `is_real` asks for it."""
    if base == 0:
        if not isinstance(exponent, Fraction) or exponent <= 0:
            raise UndefinedError("a power of zero")
        return Fraction(0)
    if _are_exact([base, exponent]) and exponent.denominator == 1:
        size = max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(exponent)
        if size <= _MOST_BITS:
            return base**exponent.numerator
    base = as_mp(base)
    with mp.workprec(60):
        _within(mp.log(base) * as_mp(exponent), _MOST_EXPONENT_BITS)
    if not isinstance(exponent, Fraction) or exponent.denominator > _MOST_ROOT:
        return mp.exp(mp.log(base) * as_mp(exponent))
    if is_real and exponent.denominator % 2 and base.imag == 0 and base.real < 0:  # a real root
        root = mp.root(-base, exponent.denominator)
        return (-root) ** exponent.numerator
    return mp.root(base, exponent.denominator) ** exponent.numerator


def exponential(value: Value) -> Value:
    """e to that power."""
    _within(value, _MOST_EXPONENT_BITS)
    return Fraction(1) if value == 0 else mp.exp(as_mp(value))


def whole(value: Value) -> int:
    """A whole number, also if it has been evaluated. Raises UndefinedError for others."""
    _within(value, CONSTANT_BITS)
    nearest = int(mp.nint(value.real)) if not isinstance(value, Fraction) else round(value)
    if abs(value - nearest) > (0 if isinstance(value, Fraction) else mpmath.ldexp(1, -mp.prec // 2)):
        raise UndefinedError("no whole number")
    return nearest


def _factorial(value: Value) -> Value:
    """n!, exact at halves too; between them a function that nobody knows but for n! = n (n - 1)!."""
    try:
        n = whole(value)
    except UndefinedError:
        turns = int(_floor(value))
        if abs(turns) > MOST_TERMS:
            raise TooLargeError("a factorial") from None
        first = value - turns
        start: Value = coordinate(f"!{number(first, bits=KEY_BITS).key}", 1)
        start = mp.sqrt(mp.pi) / 2 if first == Fraction(1, 2) else start
        steps = multiplied([first + i for i in (range(1, turns + 1) if turns > 0 else range(turns + 1, 1))])
        return multiplied([start, steps]) if turns > 0 else divided(start, steps)
    if n < 0:
        raise UndefinedError("a factorial")
    if n > _MOST_FACTORIAL:
        raise TooLargeError("a factorial")
    return Fraction(math.factorial(n))


def _double_factorial(value: Value) -> Value:
    n = whole(value)
    if n < 0:
        raise UndefinedError("a double factorial")
    if n > _MOST_FACTORIAL:
        raise TooLargeError("a double factorial")
    return Fraction(math.prod(range(n, 0, -2)))


def _binomial(n: Value, k: Value) -> Value:
    try:
        chosen = whole(k)
    except UndefinedError:
        return divided(_factorial(n), as_mp(_factorial(k)) * as_mp(_factorial(n - k)))
    if not 0 <= chosen <= MOST_TERMS:
        raise TooLargeError("a binomial coefficient")
    return bounded(divided(multiplied([n - i for i in range(chosen)]), Fraction(math.factorial(chosen))))


def _floor(value: Value) -> Fraction:
    try:
        return Fraction(whole(value))
    except UndefinedError:
        _within(value, mp.prec // 2)
        return Fraction(math.floor(value) if isinstance(value, Fraction) else int(mp.floor(value.real)))


def _logarithm(value: Value) -> Value:
    if value == 0:
        raise UndefinedError("a logarithm")
    return Fraction(0) if value == 1 else mp.log(as_mp(value))


def _within(value: Value, bits: int) -> None:
    if value != 0 and mpmath.mag(as_mp(value)) > bits:
        raise TooLargeError("an argument")


def _smooth(name: str, at_zero: int) -> Callable[[Value], Value]:
    """mpmath's function of this name, exact at zero."""

    def function(value: Value) -> Value:
        if value == 0:
            return Fraction(at_zero)
        _within(value, _MOST_EXPONENT_BITS if name.endswith("h") else CONSTANT_BITS)
        return getattr(mp, name)(as_mp(value))

    return function


def _reciprocal(function: Callable[[Value], Value]) -> Callable[[Value], Value]:
    return lambda value: divided(Fraction(1), function(value))


def _inverted(value: Value) -> Any:
    return as_mp(divided(Fraction(1), value))


def _but_one(value: Value) -> Any:
    if abs(value) == 1:
        raise UndefinedError("a pole")
    return as_mp(value)


def _but_zero(value: Value) -> Any:
    if value == 0:
        raise UndefinedError("an angle of nothing")
    return as_mp(value)


def _modulo(value: Value, modulus: Value) -> Value:
    return value - modulus * _floor(divided(value, modulus))


_SIN, _COS = _smooth("sin", 0), _smooth("cos", 1)
FUNCTIONS: dict[str, Callable[..., Value]] = {
    "sin": _SIN,
    "cos": _COS,
    "tan": lambda x: divided(_SIN(x), _COS(x)),
    "cot": lambda x: divided(_COS(x), _SIN(x)),
    "sec": _reciprocal(_COS),
    "csc": _reciprocal(_SIN),
    "sinh": _smooth("sinh", 0),
    "cosh": _smooth("cosh", 1),
    "tanh": _smooth("tanh", 0),
    "coth": _reciprocal(_smooth("tanh", 0)),
    "sech": _reciprocal(_smooth("cosh", 1)),
    "csch": _reciprocal(_smooth("sinh", 0)),
    "arcsin": _smooth("asin", 0),
    "arccos": lambda x: mp.acos(as_mp(x)),
    "arctan": _smooth("atan", 0),
    "arccot": lambda x: mp.pi / 2 - mp.atan(as_mp(x)),  # from 0 to pi
    "arcsec": lambda x: mp.acos(_inverted(x)),
    "arccsc": lambda x: mp.asin(_inverted(x)),
    "arcsinh": _smooth("asinh", 0),
    "arccosh": lambda x: mp.acosh(as_mp(x)),
    "arctanh": lambda x: mp.atanh(_but_one(x)),
    "arccoth": lambda x: mp.atanh(_but_one(_inverted(x))),
    "arcsech": lambda x: mp.acosh(_inverted(x)),
    "arccsch": lambda x: mp.asinh(_inverted(x)),
    "ln": _logarithm,
    "log": lambda x: divided(_logarithm(x), mp.log(10)),
    "lg": lambda x: divided(_logarithm(x), mp.log(10)),
    "abs": abs,
    "floor": _floor,
    "ceil": lambda x: -_floor(-x),
    "factorial": _factorial,
    "double factorial": _double_factorial,
    "binomial": _binomial,
    "mod": _modulo,
    "gcd": lambda *numbers: Fraction(math.gcd(*map(whole, numbers))),
    "lcm": lambda *numbers: Fraction(math.lcm(*map(whole, numbers))),
    "Re": lambda z: z if isinstance(z, Fraction) else z.real,
    "Im": lambda z: Fraction(0) if isinstance(z, Fraction) else z.imag,
    "conj": lambda z: z if isinstance(z, Fraction) else mp.conj(z),
    "arg": lambda z: mp.arg(_but_zero(z)),
    "max": lambda *numbers: max(numbers, key=as_mp),
    "min": lambda *numbers: min(numbers, key=as_mp),
}
