r"""Plain numbers: what they are worth, and one way to write ``1e-5``, ``12,345``, ``007`` and ``.50``."""

import re
from decimal import Decimal
from fractions import Fraction

from tts_lib.grading.limits import MAX_CHARS

_NUMBER = re.compile(
    r"([-+]?(?:\d+\.?\d*|\.\d+))(?:\\cdot ?10\^\{?(-?\d{1,3})\}?)?"
    r"|([-+]?)(?:\\frac(?=\{))?\{?(-?\d+)(?:\}\{|/)(\d+)\}?",
    re.ASCII,
)
_DECIMAL = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_E_NOTATION = re.compile(r"(?<![\w.\\}])(\d+\.?\d*|\.\d+)[eE]([+-]?\d{1,4})(?!\w|\.\d)")
_E_TIMES = re.compile(r"(?<=\d)e(?= ?[+-] ?\d)")
_GROUPED = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?!\d|,\d)")
_SPACE_GROUPED = re.compile(r"-?[1-9]\d{0,2}(?: \d{3})+(?:\.\d+)?")


def number(answer: str) -> Fraction | None:
    r"""Return the value of a plain number, None for anything else.

    Plain are ``12``, ``-.5``, ``3/4``, ``-\frac{3}{4}`` and ``1.5\cdot 10^{-3}``, in ASCII digits.
    """
    if len(answer) > MAX_CHARS or not (match := _NUMBER.fullmatch(answer)):
        return None
    whole, exponent, sign, above, below = match.groups()
    if whole is not None:
        return Fraction(whole) * Fraction(10) ** int(exponent or 0)
    return Fraction(f"{sign}1") * Fraction(int(above), int(below)) if int(below) else None


def without_e(answer: str) -> str:
    """1.5e-05, as programs write it: a decimal, or a multiple of a power of ten where that would be long."""
    return _E_TIMES.sub("{e}", _E_NOTATION.sub(_written_out, answer))


def _written_out(number: re.Match[str]) -> str:
    exponent = int(number[2])
    is_long = abs(exponent) > 30
    return rf"{number[1]}\cdot 10^{{{exponent}}}" if is_long else f"{Decimal(number[1]).scaleb(exponent):f}"


def without_grouping(answer: str) -> str:
    """Thousands without commas and spaces, outside the brackets of tuples and sets."""
    if _SPACE_GROUPED.fullmatch(answer):
        return answer.replace(" ", "")
    return _GROUPED.sub(lambda n: n[0] if _in_brackets(answer[: n.start()]) else n[0].replace(",", ""), answer)


def _in_brackets(before: str) -> bool:
    opened = sum(before.count(sign) for sign in ("(", "[", r"\{", r"\langle"))
    return opened > sum(before.count(sign) for sign in (")", "]", r"\}", r"\rangle"))


def is_decimal(answer: str) -> bool:
    """Whether this is a number in digits, with a point or without."""
    return bool(_DECIMAL.fullmatch(answer))


def decimal(answer: str) -> str:
    """One spelling for 007, +7, 7. and 7.0; for .50 and 0.5; for -0 and 0."""
    whole, _, decimals = answer.lstrip("+-").partition(".")
    digits = f"{whole.lstrip('0') or '0'}.{decimals.rstrip('0')}".rstrip(".")
    return f"-{digits}" if answer.startswith("-") and digits != "0" else digits
