r"""Matrices, and sums and multiples and products of them, entry by entry."""

import re
from collections.abc import Sequence
from itertools import pairwise

from tts_lib.grading.reading.formulas import Formula, formula
from tts_lib.grading.reading.tokens import Token, Tokens, UnreadableError, split, tokens, written
from tts_lib.grading.reading.trees import ZERO, Tree

_MATRIX = re.compile(r"\\begin\{([bpB]?matrix|smallmatrix|array)\}(?:\{[lcr| ]+\})?(.*?)\\end\{\1\}")
_IN_BRACKETS = re.compile(
    r"[(\[]?(\\begin\{(?:[bpB]?matrix|smallmatrix|array)\}.*?\\end\{[a-zB]*\})[)\]]?"
    r"(\^(?:\{ ?)?(?:T|\\top|\\intercal)(?![a-zA-Z])(?: ?\})?)?"
)

_DETERMINANT = re.compile(
    r"\\?(?:det|\\text\{det\}) ?[(\[]?(\\begin\{([bp]?matrix|array)\}.*\\end\{\2\})[)\]]?"
    r"|(\\begin\{vmatrix\}.*\\end\{vmatrix\})|\|(\\begin\{(matrix|array)\}.*\\end\{\5\})\|"
)
_LARGEST = 5  # rows of a determinant
_MOST_PRODUCTS = 10_000  # that are added up in an entry

Grid = list[list[Tree]]


def matrix(row: Tokens) -> tuple[Grid, bool]:
    """(rows of entries, whether one is written as a decimal).

    Raises:
        UnreadableError: this is no matrix and no sum or product of matrices and numbers.
    """
    reader = _Reader()
    return reader.sum(row), reader.is_decimal


def determinant(row: Tokens) -> Formula | None:
    r"""What ``\det\begin{pmatrix}`` and ``\begin{vmatrix}`` are worth; None of other rows. Raises UnreadableError."""
    if (found := _DETERMINANT.fullmatch(written(row))) is None:
        return None
    table = (found[1] or found[3] or found[4]).replace("vmatrix", "pmatrix")
    reader = _Reader()
    grid = reader.sum(tokens(table))
    if len(grid) != len(grid[0]) or len(grid) > _LARGEST:
        raise UnreadableError("a determinant of a table that is no square")
    return Formula(_expanded(grid), reader.is_decimal)


def _expanded(grid: Grid) -> Tree:
    """A determinant by its first row."""
    if len(grid) == 1:
        return grid[0][0]
    terms: list[Tree] = []
    for i, entry in enumerate(grid[0]):
        product = ("mul", entry, _expanded([[*below[:i], *below[i + 1 :]] for below in grid[1:]]))
        terms.append(("neg", product) if i % 2 else product)
    return ("add", *terms)


class _Reader:
    def __init__(self) -> None:
        self.is_decimal = False

    def sum(self, row: Tokens) -> Grid:
        terms, signs = split(row, "+", "-")
        terms, signs = (terms, ["+", *signs]) if terms[0] else (terms[1:], signs)
        grids = [self._product(term) for term in terms]
        if len({(len(grid), len(grid[0])) for grid in grids}) > 1:
            raise UnreadableError("a sum of matrices of several sizes")
        total = _scaled(grids[0], signs[0])
        for grid, sign in zip(grids[1:], signs[1:], strict=True):
            total = [
                [("add", a, b) for a, b in zip(*rows, strict=True)]
                for rows in zip(total, _scaled(grid, sign), strict=True)
            ]
        return total

    def _product(self, row: Tokens) -> Grid:
        text = written(row)
        factors = list(_IN_BRACKETS.finditer(text))
        if not factors:
            raise UnreadableError("no matrix")
        before = text[: factors[0].start()]
        between = [text[a.end() : b.start()] for a, b in pairwise(factors)]
        if text[factors[-1].end() :].strip() or any(gap.strip() not in ("", r"\cdot") for gap in between):
            raise UnreadableError(text)
        grids = [_transposed(self._grid(factor[1])) if factor[2] else self._grid(factor[1]) for factor in factors]
        if len(grids[0][0]) ** len(grids) > _MOST_PRODUCTS:
            raise UnreadableError("a product of too many matrices")
        product = grids[0]
        for grid in grids[1:]:
            product = _multiplied(product, grid)
        if not before.strip():
            return product
        scalar = self._entry(tokens(before.removesuffix(r"\cdot ").removesuffix(r"\cdot")))
        return [[("mul", scalar, entry) for entry in entries] for entries in product]

    def _grid(self, text: str) -> Grid:
        match = _MATRIX.fullmatch(text)
        if match is None:
            raise UnreadableError(text)
        rows = [row for row in split(tokens(match[2]), r"\\")[0] if row]
        grid = [[self._entry(cell) for cell in split(row, "&")[0]] for row in rows]
        if not grid or len({len(entries) for entries in grid}) > 1:
            raise UnreadableError("rows of several lengths")
        return grid

    def _entry(self, row: Sequence[Token]) -> Tree:
        read: Formula = formula(row)
        self.is_decimal |= read.is_decimal
        return read.tree


def _transposed(grid: Grid) -> Grid:
    return [list(column) for column in zip(*grid, strict=True)]


def _scaled(grid: Grid, sign: str) -> Grid:
    return grid if sign == "+" else [[("neg", entry) for entry in entries] for entries in grid]


def _multiplied(left: Grid, right: Grid) -> Grid:
    if len(left[0]) != len(right):
        raise UnreadableError("a product of matrices that do not fit")
    columns = list(zip(*right, strict=True))
    return [
        [("add", ZERO, *(("mul", a, b) for a, b in zip(row, column, strict=True))) for column in columns]
        for row in left
    ]
