r"""Integrals by their differentials: what is integrated, over what, and what it is worth; a part of `formulas`."""

import re
from collections.abc import Sequence

from tts_lib.grading.reading.trees import ONE, Tree, replaced, symbols
from tts_lib.grading.reading.values import nearly, point

DIFFERENTIALS = "rstuvwxyz"
_DIFFERENTIAL = re.compile(f"d[{DIFFERENTIALS}]")


def differentials(tree: Tree) -> set[str]:
    """The differentials that a tree writes: dx."""
    return {name for _, name in symbols(tree) if _DIFFERENTIAL.fullmatch(name)}


def definite(ends: Sequence[Tree | None], body: Tree) -> Tree | None:
    """A definite integral of a formula that has a differential for a factor; None of those that nobody can reckon."""
    of = differentials(body)
    if len(of) != 1 or None in ends or "apply" in str(body):
        return None
    name = of.pop()
    variable, differential = ("symbol", "dummy"), ("symbol", name)
    if _count(body, differential) != 1 or not _is_factor(body, differential):
        return None
    integrand = replaced(replaced(body, differential, ONE), ("symbol", name[1]), variable)
    found = ("call", "integral", variable, *ends, integrand)
    return found if nearly(found, point(symbols(found), 0)) is not None else None


def _count(tree: Tree, part: Tree) -> int:
    return 1 if tree == part else sum(_count(inner, part) for inner in tree[1:] if isinstance(inner, tuple))


def _is_factor(tree: Tree, part: Tree) -> bool:
    """Whether a part multiplies all of a tree."""
    if tree == part:
        return True
    inside = tree[1:2] if tree[0] in ("div", "frac") else tree[1:] if tree[0] in ("mul", "neg", "group") else ()
    return any(_is_factor(inner, part) for inner in inside)


def without_dummy(body: Tree) -> Tree:
    """What a definite integral is taken of, with one name for its variable."""
    of = [part for part in body if part[0] == "symbol" and _DIFFERENTIAL.fullmatch(part[1])]
    if body[0] != "mul" or not of:
        return body
    return replaced(replaced(body, ("symbol", of[0][1][1]), ("symbol", "dummy")), of[0], ("symbol", "d"))
