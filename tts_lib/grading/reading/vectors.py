r"""Sums of tuples and multiples of them: ``(1,2)+t(3,4)`` as ``(1+3t,2+4t)``; a part of `readings`."""

from tts_lib.grading.reading.formulas import Formula, formula
from tts_lib.grading.reading.tokens import Tokens, UnreadableError, brackets, split
from tts_lib.grading.reading.trees import ONE, Tree, symbols

_BRACKETS = ("()", "langlerangle")


def combination(row: Tokens) -> tuple[str, list[Formula]] | None:
    """(the brackets, the entries) of a sum of tuples of one length; None if the row is something else."""
    if not row or not (row[-1].is_sign(")") or row[-1].is_command("rangle")):
        return None
    terms, signs = split(row, "+", "-")
    terms, signs = (terms, ["+", *signs]) if terms[0] else (terms[1:], signs)
    found = [_multiple(term) for term in terms]
    if len(found) == 1 and found[0] and symbols(found[0][1].tree):  # a point P(1,2), and multiples of all sizes
        return None
    if any(one is None for one in found) or len({(one[0], len(one[2])) for one in found if one}) > 1:
        return None
    tuples = [one for one in found if one is not None]
    is_decimal = any(entry.is_decimal for one in tuples for entry in (one[1], *one[2]))
    columns = zip(*(_scaled(sign, one[1], one[2]) for sign, one in zip(signs, tuples, strict=True)), strict=True)
    return tuples[0][0], [Formula(("add", *column), is_decimal) for column in columns]


def _multiple(term: Tokens) -> tuple[str, Formula, list[Formula]] | None:
    """(brackets, factor, entries) of ``t(3,4)``."""
    for start in range(len(term) - 1):
        kind = brackets(term[start:])
        if kind in _BRACKETS and len(entries := split(term[start + 1 : -1], ",")[0]) > 1:
            try:
                factor = formula(term[:start]) if start else Formula(ONE, False)
                return kind, factor, [formula(entry) for entry in entries]
            except UnreadableError:
                return None
    return None


def _scaled(sign: str, factor: Formula, entries: list[Formula]) -> list[Tree]:
    products: list[Tree] = [("mul", factor.tree, entry.tree) for entry in entries]
    return products if sign == "+" else [("neg", product) for product in products]
