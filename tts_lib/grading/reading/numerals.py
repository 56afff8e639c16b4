"""Numbers that tell themselves from every other one, and can be kept as text."""

import hashlib
from fractions import Fraction
from typing import Any, NamedTuple

import mpmath
from mpmath import libmp

Value = Any  # Fraction, or mpmath's mpf or mpc

CONSTANT_BITS = 6_700  # 2,000 digits
_MOST_EXPONENT = 2**55  # of two, far below what a decimal can have


class TooLargeError(Exception):
    """A number too large to be written out."""


class Number(NamedTuple):
    """A number that can be told from every other one by its key.

    Args:
        key: of all its digits.
        real: its first 30 digits, as of its imaginary part.
        imag: likewise.
        is_decimal: whether it is written with a decimal point, so that it stands for what it rounds.
    """

    key: str
    real: str
    imag: str = "0"
    is_decimal: bool = False


ESTIMATED = "~"  # begins the key of a number of which some digits are known


def estimate(found: Number) -> Number:
    """A number of which only the first digits are known."""
    return found._replace(key=f"{ESTIMATED}{found.real} {found.imag}")


INFINITY, MINUS_INFINITY = Number("+oo", "Infinity"), Number("-oo", "-Infinity")


def number(value: Value, is_decimal: bool = False, bits: int = CONSTANT_BITS) -> Number:
    """The number of an exact or evaluated value; `bits` are those that an evaluated one is known to.

    Raises:
        TooLargeError: its exponent is.
    """
    if isinstance(value, Fraction):
        above, below = value.numerator, value.denominator
        size = above.bit_length() + below.bit_length()
        rounded = libmp.from_rational(above, below, bits, "n")
        exact = f"={above:x}/{below:x}" if size > bits // 2 else ""
        return Number(_key(rounded, exact), str(libmp.to_str(rounded, 30)), "0", is_decimal)
    parts = [_rounded(part, value, bits) for part in (value.real, value.imag)]
    key = "+i*".join(_key(part) for i, part in enumerate(parts) if i == 0 or part != libmp.fzero)
    return Number(key, str(libmp.to_str(parts[0], 30)), str(libmp.to_str(parts[1], 30)), is_decimal)


def _rounded(part: Any, whole: Any, bits: int) -> tuple:
    """A real or imaginary part, zero if the other one leaves nothing of it but noise."""
    if part == 0 or abs(part) < abs(whole) * mpmath.ldexp(1, -bits):
        return libmp.fzero
    return libmp.mpf_pos(part._mpf_, bits, "n")


def _key(rounded: tuple, exact: str = "") -> str:
    sign, mantissa, exponent, _ = rounded
    if abs(exponent) > _MOST_EXPONENT:
        raise TooLargeError("an exponent")
    text = f"{'-' if sign else ''}{mantissa:x}p{exponent}{exact}"
    return text if len(text) <= 40 else hashlib.sha256(text.encode()).hexdigest()[:40]
