r"""Spans of vectors by their reduced rows: ``span\{(1,2)\}`` is ``span\{(2,4)\}``; a part of `readings`."""

import re
from collections.abc import Sequence
from fractions import Fraction

from tts_lib.grading.reading import amounts, matrices
from tts_lib.grading.reading.conditions import Reading
from tts_lib.grading.reading.formulas import Formula, formula
from tts_lib.grading.reading.tokens import Tokens, UnreadableError, brackets, split, tokens
from tts_lib.grading.reading.trees import symbols
from tts_lib.grading.reading.values import value_at

_SPAN = re.compile(r"(?:\\?text\{ ?)?[sS]pan(?: ?\} ?)? ?(?:\\\{(.+)\\\}|\{(.+)\}|\((.+)\)|\[(.+)\])")
_MOST = 8  # vectors, and entries of each


def span(text: str) -> Reading | None:
    """The subspace that vectors of rational numbers span; None of other texts."""
    if "pan" not in text or (found := _SPAN.fullmatch(text)) is None:
        return None
    try:
        vectors = [_vector(part) for part in split(tokens(next(filter(None, found.groups()))), ",")[0]]
    except UnreadableError:
        return None
    kinds, rows = {kind for kind, _ in vectors}, [row for _, row in vectors]
    if len(kinds) > 1 or len({len(row) for row in rows}) > 1 or max(len(rows), len(rows[0])) > _MOST:
        return None
    reduced = _reduced(rows)
    if len(reduced) == len(rows[0]) > 1:
        return ("structure", " x ".join("R" * len(reduced)), (), ("text", f"R^{len(reduced)}"))
    return ("span", kinds.pop(), tuple(tuple(amounts.plain(entry, False) for entry in row) for row in reduced))


def _vector(row: Tokens) -> tuple[str, list[Fraction]]:
    """(whether it is a row, a column or a tuple, its entries) of a vector. Raises UnreadableError."""
    if brackets(row) in ("()", "langlerangle", "[]"):
        return "tuple", [_number(formula(entry)) for entry in split(row[1:-1], ",")[0]]
    grid, _ = matrices.matrix(row)
    if 1 not in (len(grid), len(grid[0])):
        raise UnreadableError("a matrix that is no vector")
    kind = "column" if len(grid[0]) == 1 else "row"
    return kind, [_number(Formula(entry, False)) for entries in grid for entry in entries]


def _number(entry: Formula) -> Fraction:
    value = None if symbols(entry.tree) else value_at(entry.tree, {})
    if not isinstance(value, Fraction):
        raise UnreadableError("no rational number")
    return value


def _reduced(rows: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
    """The rows that are not zero of the reduced echelon form."""
    left, done = [list(row) for row in rows], []
    for i in range(len(rows[0])):
        pivot = next((row for row in left if row[i]), None)
        if pivot is None:
            continue
        left.remove(pivot)
        pivot = [entry / pivot[i] for entry in pivot]
        left, done = (
            [[a - row[i] * b for a, b in zip(row, pivot, strict=True)] for row in some] for some in (left, done)
        )
        done.append(pivot)
    return done
