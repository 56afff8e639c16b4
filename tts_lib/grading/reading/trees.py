r"""Formulas as trees: tuples of a kind and what belongs to it.

``("number", Fraction)``, ``("symbol", name)``, ``("pi",)``, ``("e",)``, ``("i",)``; ``("add", ...)``, ``("mul", ...)``,
``("div", a, b)``, ``("frac", a, b)``, ``("pow", a, b)``, ``("neg", a)``, ``("group", a)`` in brackets;
``("call", function, *arguments)`` for functions that `evaluation` knows, ``("apply", name, *arguments)`` for others,
which are worth something fixed but unknown.
"""

from fractions import Fraction
from typing import Any

Tree = tuple[Any, ...]

ZERO: Tree = ("number", Fraction(0))
ONE: Tree = ("number", Fraction(1))
ENDLESS: Tree = ("endless",)  # the end of a sum that has none


def symbols(tree: Tree) -> set[Tree]:
    """The variables of a tree."""
    return _unknown(tree, ("symbol",))


def unknowns(tree: Tree) -> set[Tree]:
    """What a tree depends on: variables, applied functions whole, and absolute values in one variable."""
    return _unknown(tree, ("symbol", "apply", "abs"))


def _unknown(tree: Tree, kinds: tuple[str, ...]) -> set[Tree]:
    is_abs = tree[:2] == ("call", "abs") and "abs" in kinds and len(symbols(tree[2])) == 1
    if tree[0] in kinds or is_abs:
        return {tree}
    found: set[Tree] = set().union(*(_unknown(part, kinds) for part in tree[1:] if isinstance(part, tuple)))
    return (
        found - {tree[2]}
        if tree[0] == "call" and tree[1] in ("sum", "prod", "closed sum", "series", "integral")
        else found
    )


def has_i(tree: Tree) -> bool:
    """Whether a tree writes the imaginary unit."""
    return tree == ("i",) or any(has_i(part) for part in tree[1:] if isinstance(part, tuple))


def is_estimated(tree: Tree) -> bool:
    """Whether a tree has an integral or an endless sum, which are reckoned to some digits only."""
    is_one = tree[0] == "call" and tree[1] in ("series", "integral")
    return is_one or any(is_estimated(part) for part in tree[1:] if isinstance(part, tuple))


def has_steps(tree: Tree) -> bool:
    """Whether a tree rounds or takes a remainder, so that it jumps at whole numbers."""
    is_step = tree[0] == "call" and tree[1] in ("floor", "ceil", "mod")
    return is_step or any(has_steps(part) for part in tree[1:] if isinstance(part, tuple))


def replaced(tree: Tree, old: Tree, new: Tree) -> Tree:
    """The tree with another one in all places of one of its parts."""
    if tree == old:
        return new
    return tuple(replaced(part, old, new) if isinstance(part, tuple) else part for part in tree)
