r"""Products of matrices by their letters: ``B^{-1}A^{-1}`` is ``(AB)^{-1}`` and not ``A^{-1}B^{-1}``.

Capital letters are matrices where something says so: a transpose, an inverse before another factor or around its own
letter, as in ``PDP^{-1}``, two letters in either order in one sum, or bold print; they are numbers elsewhere.
A formula of matrices is worth ``u^T M v`` for fixed ones of three rows, where ``u^T v`` is 1: a number is itself.
"""

import re
from collections.abc import Iterable
from fractions import Fraction
from functools import reduce
from operator import add, mul

from tts_lib.grading.reading.formulas import formula
from tts_lib.grading.reading.functions import coordinate
from tts_lib.grading.reading.numerals import Number, number
from tts_lib.grading.reading.tokens import Token, Tokens, UnreadableError, written
from tts_lib.grading.reading.trees import Tree, symbols

_MAY_BE = re.compile(r"[A-Z]|\\(?:Sigma|Lambda)")
_IS_NONE = re.compile(r"\\(?:text|begin|sum|int|sqrt|angle|triangle|overline|vec|hat|mathbb|ldots)|[|,!%']")
_BOLD = re.compile(r"(?<![\w^_}])\{[A-Z]\}(?:\^(?:\w|\{-?\w\}))?\{[A-Z]\}")
_TRANSPOSED = ("symbol", "T")
_INVERSE = ("neg", ("number", Fraction(1)))
_OF_ALGEBRA = frozenset("ABCDPQSUXY")  # (RC)^{-1} is one of numbers
_OF_DIMENSIONS = frozenset("MLT")
_VECTORS = frozenset("buvwxyz")  # beside matrices
_SIZE = range(3)
_LARGEST_POWER = 12
_MOST_TOKENS, _MOST_BITS = 80, 5_000

Grid = list[list[Fraction]]

_LEFT: Grid = [[Fraction(1), Fraction(2), Fraction(3)]]
_RIGHT: Grid = [[Fraction(1)], [Fraction(3)], [Fraction(-2)]]


def product(row: Tokens) -> tuple[tuple[Number], bool] | None:
    """(what a formula is worth if its letters are matrices, whether something says so); None of other formulas."""
    text = written(row)
    if not _MAY_BE.search(text) or _IS_NONE.search(text):
        return None
    try:
        letters = [one for token in row for one in _apart(token)]
        read = formula(letters)
        if len(letters) > _MOST_TOKENS or not any(name[0].isupper() for _, name in symbols(read.tree)):
            return None
        worth = _times(_times(_LEFT, _grid(read.tree)), _RIGHT)[0][0]
    except (UnreadableError, ZeroDivisionError):
        return None
    return (number(worth, read.is_decimal),), bool(_BOLD.search(text)) or _says_so(read.tree)


def _apart(token: Token) -> list[Token]:
    """The letters of a run, which is no word here."""
    is_run = token.kind == "letters" and token.text != "pi"
    return [Token("letters", letter) for letter in token.text] if is_run else [token]


def _matrices(tree: Tree) -> set[str]:
    """The capital letters of a formula; those with an index are more often numbers."""
    return {name for _, name in symbols(tree) if name[0].isupper() and "_" not in name}


def _says_so(tree: Tree) -> bool:
    """Whether a part of a formula is one of matrices only."""
    kind, *parts = tree
    if kind == "pow" and parts[1] == _TRANSPOSED and _matrices(parts[0]):
        return True
    if kind == "pow" and parts[1] == _INVERSE and parts[0][0] == "group" and parts[0][1][0] == "mul":
        return {name for _, name in symbols(parts[0])} <= _OF_ALGEBRA
    if kind == "mul" and len(_matrices(tree) & _OF_DIMENSIONS) < 2:
        for i, factor in enumerate(parts):
            own = _matrices(factor) if factor[0] == "pow" and factor[2] == _INVERSE else set[str]()
            if own and (any(map(_matrices, parts[i + 1 :])) or any(own & _matrices(part) for part in parts[:i])):
                return True
    if kind == "add":
        orders = set(map(_order, parts))
        if len({tuple(sorted(order)) for order in orders}) < len(orders):
            return True
    return any(_says_so(part) for part in parts if isinstance(part, tuple))


def _order(term: Tree) -> tuple[str, ...]:
    """The letters of a product of matrices and a number; none of other terms."""
    if term[0] == "neg":
        return _order(term[1])
    factors = [part for part in term[1:] if part[0] != "number"] if term[0] == "mul" else []
    are_matrices = all(part[0] == "symbol" and _matrices(part) for part in factors)
    return tuple(part[1] for part in factors) if are_matrices else ()


def _grid(tree: Tree) -> Grid:
    """A formula entry by entry. Raises UnreadableError if it is none of matrices, ZeroDivisionError."""
    kind, *parts = tree
    if kind == "number":
        return _multiple(parts[0])
    if kind == "symbol":
        return _letter(parts[0])
    if kind == "group":
        return _grid(parts[0])
    if kind == "neg":
        return _times(_multiple(Fraction(-1)), _grid(parts[0]))
    if kind in ("add", "mul"):
        return reduce(_plus if kind == "add" else _times, map(_grid, parts))
    if kind in ("div", "frac") and not _has_order(parts[1]):
        return _times(_grid(parts[0]), _inverted(_grid(parts[1])))
    if kind == "pow":
        return _power(*parts)
    raise UnreadableError("no formula of matrices")


def _power(base: Tree, exponent: Tree) -> Grid:
    grid = _grid(base)
    if exponent == _TRANSPOSED and all(map(_has_order, _terms(base))):
        return [list(column) for column in zip(*grid, strict=True)]
    sign, size = (-1, exponent[1]) if exponent[0] == "neg" else (1, exponent)
    if size[0] != "number" or size[1].denominator > 1 or not 0 < size[1] <= _LARGEST_POWER:
        raise UnreadableError("another power")
    if grid[0][0].denominator.bit_length() * size[1] > _MOST_BITS:
        raise UnreadableError("a power too large")
    if sign < 0 and base[0] == "group" and _is_square_of_one(base[1]):  # which is of any shape and has no inverse
        grid = _letter(f"M{grid}")
    elif sign < 0:
        grid = _inverted(grid)
    return reduce(_times, [grid] * int(size[1]))


def _is_square_of_one(tree: Tree) -> bool:
    """Whether it is a product such as A^T A."""
    return tree[0] == "mul" and any(part[0] == "pow" and part[2] == _TRANSPOSED for part in tree[1:])


def _has_order(tree: Tree) -> bool:
    return any(name[0].isupper() or name in _VECTORS for _, name in symbols(tree))


def _terms(base: Tree) -> Iterable[Tree]:
    inner = base[1] if base[0] == "group" else base
    return inner[1:] if inner[0] == "add" else (inner,)


def _letter(name: str) -> Grid:
    if name == "I":
        return _multiple(Fraction(1))
    if _has_order(("symbol", name)):
        return [[coordinate(f"{name} {i}{j}", 1) for j in _SIZE] for i in _SIZE]
    return _multiple(coordinate(name, 1))


def _multiple(factor: Fraction) -> Grid:
    """So many times the matrix that changes nothing."""
    return [[factor if i == j else Fraction(0) for j in _SIZE] for i in _SIZE]


def _plus(one: Grid, other: Grid) -> Grid:
    return [list(map(add, *rows)) for rows in zip(one, other, strict=True)]


def _times(left: Grid, right: Grid) -> Grid:
    columns = list(zip(*right, strict=True))
    return [[sum(map(mul, row, column), Fraction(0)) for column in columns] for row in left]


def _inverted(grid: Grid) -> Grid:
    """By its minors: those of three rows have their signs if rows and columns are counted in a circle."""
    minors = [
        [
            grid[(i + 1) % 3][(j + 1) % 3] * grid[(i + 2) % 3][(j + 2) % 3]
            - grid[(i + 1) % 3][(j + 2) % 3] * grid[(i + 2) % 3][(j + 1) % 3]
            for i in _SIZE
        ]
        for j in _SIZE
    ]
    determinant = sum((grid[0][j] * minors[j][0] for j in _SIZE), Fraction(0))
    return [[entry / determinant for entry in entries] for entries in minors]
