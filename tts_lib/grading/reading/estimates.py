"""Integrals and endless sums of numbers to some fifty digits, in two ways that must agree; part of `evaluation`."""

from collections.abc import Callable
from typing import Any

from mpmath import mp

from tts_lib.grading.reading.functions import UndefinedError
from tts_lib.grading.reading.numerals import TooLargeError
from tts_lib.grading.reading.sums import degree_of
from tts_lib.grading.reading.trees import Tree

_MOST_VALUES = 6_000  # of what is integrated
_MOST_TERMS = 600  # of a sum that ends by itself
_FAR = (1_000, 2_000, 4_000)  # where what falls as an exponential function does is nothing
_AGREED = -100  # bits


class _Counted:
    """A function that may be asked so often."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function, self._left = function, _MOST_VALUES

    def __call__(self, at: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise UndefinedError("too many values")
        return self._function(at)


def integral(function: Callable[[Any], Any], low: Any, high: Any) -> Any:
    """A definite integral; an end may be infinite. Raises UndefinedError if two ways to it differ."""
    counted = _Counted(function)
    if not (mp.isfinite(low) and mp.isfinite(high)) and all(
        _is_nothing(counted(s * far)) for far in _FAR for s in _signs(low, high)
    ):
        counted = _Counted(lambda x: function(x) if abs(x) < _FAR[0] else mp.zero)
    cut = _between(low, high)
    before = (low + cut) / 2 if mp.isfinite(low) else cut - 1
    behind = cut + mp.mpf(3) / 7 * (high - cut) if mp.isfinite(high) else cut + 1
    try:
        return _agreed(mp.quad(counted, [low, cut, high]), mp.quad(counted, [low, before, behind, high]))
    except (ZeroDivisionError, ValueError, OverflowError, TooLargeError):
        raise UndefinedError("an integral") from None


def _signs(low: Any, high: Any) -> list[int]:
    return [*([-1] if mp.isinf(low) else []), *([1] if mp.isinf(high) else [])]


def _is_nothing(value: Any) -> bool:
    return abs(value) < mp.ldexp(1, -mp.prec)


def _between(low: Any, high: Any) -> Any:
    if mp.isfinite(low) and mp.isfinite(high):
        return low + (high - low) * mp.mpf(37) / 101
    return (
        low + mp.mpf(37) / 31 if mp.isfinite(low) else high - mp.mpf(37) / 31 if mp.isfinite(high) else mp.mpf(1) / 31
    )


def series(term: Callable[[int], Any], start: int, body: Tree, index: Tree) -> Any:
    """An endless sum. Raises UndefinedError for those of which nothing says that they converge."""
    counted = _Counted(term)
    size = degree_of(body, index)
    if size is None:
        raise UndefinedError("a sum of other terms")
    degree, turns, factorials = size
    if factorials < 0:
        return _until_small(counted, start)
    if factorials or degree > (-1 if turns % 2 else -2):
        raise UndefinedError("a sum that does not converge")
    method = "alternating" if turns % 2 else "richardson"
    whole = mp.nsum(lambda k: counted(int(k)), [start, mp.inf], method=method)
    head = sum((counted(start + i) for i in range(7)), mp.zero)
    return _agreed(whole, head + mp.nsum(lambda k: counted(int(k)), [start + 7, mp.inf], method=method))


def _until_small(term: Callable[[int], Any], start: int) -> Any:
    total, small = mp.zero, 0
    for i in range(_MOST_TERMS):
        one = term(start + i)
        total += one
        small = small + 1 if abs(one) <= mp.ldexp(max(abs(total), mp.mpf(1)), -mp.prec) else 0
        if small == 3:
            return total
    raise UndefinedError("a sum that ends too late")


def _agreed(one: Any, other: Any) -> Any:
    if not mp.isfinite(one) or abs(one - other) > mp.ldexp(max(abs(one), mp.mpf(1)), _AGREED):
        raise UndefinedError("two ways that differ")
    return one
