r"""Functions that are given by cases, or on a part of the line: ``2x, 0<x<1``; a part of `readings`."""

import re
from collections.abc import Callable

from tts_lib.grading.reading import regions
from tts_lib.grading.reading.amounts import amount
from tts_lib.grading.reading.conditions import Reading, joined
from tts_lib.grading.reading.formulas import Formula, formula
from tts_lib.grading.reading.regions import Pieces
from tts_lib.grading.reading.tokens import Tokens, UnreadableError, split, tokens, written
from tts_lib.grading.reading.trees import ZERO, symbols

_ENVIRONMENT = re.compile(r"\\begin\{cases\}(.+)\\end\{cases\}")
_IF = re.compile(r"(?:if|for|when|where) ?", re.I)
_ELSE = re.compile(r"(?:otherwise|else|elsewhere|in all other cases)[., ]*", re.I)
_APPLIED = re.compile(r"[a-zA-Z](?:_\{?\w\}?)?\(([a-z])\)=")
_OF_FUNCTIONS = frozenset("rstuvwxyz")  # letters of which functions are


def by_cases(row: Tokens, read: Callable[[Tokens], Reading]) -> Reading | None:
    """A function by its cases, each where it holds; None of other tables. Raises UnreadableError."""
    if (table := _ENVIRONMENT.fullmatch(written(row))) is None:
        return None
    values: list[Formula] = []
    bounds: list[Pieces | None] = []  # None for "otherwise"
    name = ""
    for line in (line for line in split(tokens(table[1]), r"\\")[0] if line):
        value, where = _parted(line)
        values.append(formula(value))
        if _ELSE.fullmatch("".join(token.text for token in where)):
            bounds.append(None)
            continue
        condition = joined([read(where)], [])
        if condition[0] != "region" or name not in ("", condition[1]):
            raise UnreadableError("cases of something else")
        name = condition[1]
        bounds.append(condition[2])
    else_where = regions.complement(regions.united(piece for pieces in bounds for piece in pieces or ()))
    where = [else_where if pieces is None else pieces for pieces in bounds]
    if len(where) == 2 and (size := _absolute(values, where)):
        return size
    return ("cases", name, tuple((pieces, amount(value)) for pieces, value in zip(where, values, strict=True)))


def _parted(line: Tokens) -> tuple[Tokens, Tokens]:
    value, *where = split(line, "&")[0]
    if not where:
        value, *where = split(line, ",")[0]
    if len(where) != 1 or not value:
        raise UnreadableError("a case without its condition")
    (condition,) = where
    value = value[:-1] if value[-1].is_sign(",") else value
    while condition and condition[0].kind in ("text", "letters") and _IF.fullmatch(condition[0].text):
        condition = condition[1:]
    return value, condition


def _absolute(values: list[Formula], bounds: list[Pieces]) -> Reading | None:
    """``|x|`` of x where it is not negative, and -x else; None of other pairs of cases."""
    tree = values[0].tree
    opposite = Formula(("add", tree, values[1].tree), False)
    are_all = _are_alike(regions.complement(bounds[0]), bounds[1])
    if not are_all or not symbols(tree) or amount(opposite) != amount(Formula(ZERO, False)):
        return None
    for sign, relation in (("call", "ge"), ("neg", "le")):
        solved = regions.solved(values[0], relation, Formula(ZERO, False))
        if solved and _are_alike(solved[1], bounds[0]):
            size = ("call", "abs", tree)
            return amount(Formula(size if sign == "call" else ("neg", size), values[0].is_decimal))
    return None


def _are_alike(one: Pieces, other: Pieces) -> bool:
    """Whether two sets differ in no more than their ends."""
    return [(p[0].key, p[2].key) for p in one] == [(p[0].key, p[2].key) for p in other]


def on_a_part(parts: list[Tokens], cuts: list[str], read: Callable[[Tokens], Reading]) -> Reading | None:
    """A function with where it is defined behind it; None where a condition may be one on something else."""
    if len(parts) < 2 or set(cuts) != {","}:
        return None
    condition = joined([read(part) for part in parts[1:]], cuts[1:])
    if condition[0] != "region" or not condition[1] or condition[1] not in _OF_FUNCTIONS:
        return None
    applied = _APPLIED.match(written(parts[0]))
    if applied is None:
        try:
            tree = formula(parts[0]).tree
        except UnreadableError:
            return None
        is_function = tree[0] != "symbol" and ("symbol", condition[1]) in symbols(tree)
    else:
        is_function = applied[1] == condition[1]
    return ("on", read(parts[0]), condition) if is_function else None
