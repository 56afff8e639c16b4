r"""Sums whose ends have variables, or that have no end, by closed forms; a part of `evaluation`.

The terms are a polynomial in k, a power q^k and perhaps a binomial coefficient of the upper end:
``\sum_{k=1}^{n} k^2``, ``\sum_{k=0}^{n} k\binom{n}{k}``, ``\sum_{k=0}^{\infty} x^k``. Others stay sums
that nobody knows.
"""

from fractions import Fraction
from typing import NamedTuple

from tts_lib.grading.reading.trees import ONE, Tree, replaced, symbols

_HIGHEST = 8  # degree
_OUTWEIGHED = 1_000  # as which a power of a number counts beside polynomials


class Terms(NamedTuple):
    """What is added up: `polynomial` of this degree, times `base` to the index, times binomials of `of` or without."""

    polynomial: Tree
    degree: int
    base: Tree
    of: Tree | None


def terms(body: Tree, index: Tree) -> Terms | None:
    """The terms of a sum; None of those that have no closed form here."""
    if any("_" in name for _, name in symbols(body)):  # x_i is another one for each i
        return None
    found = _parted(body, index)
    return found if found is not None and found.degree <= _HIGHEST else None


def _parted(body: Tree, index: Tree) -> Terms | None:
    if index not in symbols(body):
        return Terms(body, 0, ONE, None)
    kind, *parts = body
    if kind == "group":
        return _parted(parts[0], index)
    if (degree := polynomial_degree(body, index)) is not None:
        return Terms(body, degree, ONE, None)
    if kind == "neg":
        inner = _parted(parts[0], index)
        return inner and inner._replace(polynomial=("neg", inner.polynomial))
    if kind == "mul":
        return _product([_parted(part, index) for part in parts])
    if kind in ("div", "frac"):
        below = _parted(parts[1], index)
        if below is None or below.degree or below.of:
            return None
        over = Terms(("div", ONE, below.polynomial), 0, ("div", ONE, below.base), None)
        return _product([_parted(parts[0], index), over])
    if kind == "pow" and index not in symbols(parts[0]) and polynomial_degree(parts[1], index) == 1:
        first = replaced(parts[1], index, ("number", Fraction(0)))
        step = ("add", replaced(parts[1], index, ONE), ("neg", first))
        return Terms(("pow", parts[0], first), 0, ("pow", parts[0], step), None)
    if kind == "pow" and parts[1] == index:
        return None
    if body[:2] == ("call", "binomial") and body[3] == index and index not in symbols(body[2]):
        return Terms(ONE, 0, ONE, body[2])
    return None


def _product(factors: list[Terms | None]) -> Terms | None:
    known = [factor for factor in factors if factor is not None]
    of = [factor.of for factor in known if factor.of is not None]
    if len(known) < len(factors) or len(of) > 1:
        return None
    polynomial: Tree = ("mul", *(factor.polynomial for factor in known))
    base: Tree = ("mul", *(factor.base for factor in known))
    return Terms(polynomial, sum(factor.degree for factor in known), base, of[0] if of else None)


def polynomial_degree(tree: Tree, index: Tree) -> int | None:
    """The degree of a polynomial in the index; None of other trees."""
    if tree == index:
        return 1
    if index not in symbols(tree):
        return 0
    kind, *parts = tree
    if kind in ("add", "neg", "group", "mul"):
        degrees = [polynomial_degree(part, index) for part in parts]
        known = [degree for degree in degrees if degree is not None]
        return None if len(known) < len(degrees) else sum(known) if kind == "mul" else max(known)
    if kind in ("div", "frac"):
        return polynomial_degree(parts[0], index) if index not in symbols(parts[1]) else None
    if kind == "pow" and parts[1][0] == "number" and parts[1][1] in range(_HIGHEST + 1):
        inner = polynomial_degree(parts[0], index)
        return None if inner is None else inner * int(parts[1][1])
    return None


def degree_of(tree: Tree, index: Tree) -> tuple[int, int, int] | None:
    """(degree, powers of -1, factorials) of a term that is a quotient of polynomials times these; None of others."""
    if (degree := polynomial_degree(tree, index)) is not None:
        return degree, 0, 0
    kind, *parts = tree
    if kind in ("neg", "group"):
        return degree_of(parts[0], index)
    if kind == "mul":
        return _added([degree_of(part, index) for part in parts])
    if kind in ("div", "frac") and (below := degree_of(parts[1], index)):
        return _added([degree_of(parts[0], index), (-below[0], below[1], -below[2])])
    if kind == "pow" and index not in symbols(parts[0]) and polynomial_degree(parts[1], index) == 1:
        return _of_power(parts[0])
    if kind == "pow" and parts[1][0] == "neg" and parts[1][1][0] == "number" and parts[1][1][1] in range(_HIGHEST + 1):
        inner = degree_of(parts[0], index)
        return inner and _added([(-inner[0], inner[1], -inner[2])] * int(parts[1][1][1]))
    if tree[:2] == ("call", "factorial") and polynomial_degree(tree[2], index) == 1:
        return 0, 0, 1
    return None


def _of_power(base: Tree) -> tuple[int, int, int]:
    """A power of -1, or of anything else without the index, which only a factorial outweighs."""
    while base[0] == "group":
        base = base[1]
    if base == ("neg", ONE):
        return 0, 1, 0
    return _OUTWEIGHED, 0, 0


def _added(sizes: list[tuple[int, int, int] | None]) -> tuple[int, int, int] | None:
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        return None
    return sum(s[0] for s in known), sum(s[1] for s in known), sum(s[2] for s in known)
