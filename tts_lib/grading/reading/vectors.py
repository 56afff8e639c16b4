r"""Sums of tuples and multiples of them: ``(1,2)+t(3,4)`` as ``(1+3t,2+4t)``, products, lengths; part of `readings`."""

from fractions import Fraction

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


def length(row: Tokens) -> Formula | None:
    r"""How long the vector in ``|(3,4)|`` and ``\Vert(3,4)\Vert`` is; None of other rows."""
    width = 2 if len(row) > 4 and row[0].is_sign("|") and row[1].is_sign("|") else 1
    ends = (*row[:width], *row[-width:])
    if len(row) < 5 or not (all(end.is_sign("|") for end in ends) or all(end.is_command("Vert") for end in ends)):
        return None
    entries = _entries(row[width:-width])
    if entries is None:
        return None
    squares = [("mul", entry.tree, entry.tree) for entry in entries]
    return Formula(("pow", ("add", *squares), ("number", Fraction(1, 2))), any(entry.is_decimal for entry in entries))


def product(row: Tokens) -> Formula | list[Formula] | None:
    r"""The scalar product of ``(1,2)\cdot(3,4)``, the vector of one with a cross; None of other rows."""
    parts, signs = split(row, "cdot", "crossproduct")
    pair = [_entries(part) for part in parts] if len(parts) == 2 else []
    if len(pair) != 2 or pair[0] is None or pair[1] is None or len(pair[0]) != len(pair[1]):
        return None
    is_decimal = any(entry.is_decimal for entries in pair for entry in entries or ())
    u, v = ([entry.tree for entry in entries] for entries in (pair[0], pair[1]))
    if signs == ["cdot"]:
        return Formula(("add", *(("mul", a, b) for a, b in zip(u, v, strict=True))), is_decimal)
    if len(u) != 3:
        return None
    turns = ((1, 2), (2, 0), (0, 1))
    return [Formula(("add", ("mul", u[i], v[j]), ("neg", ("mul", u[j], v[i]))), is_decimal) for i, j in turns]


def _entries(row: Tokens) -> list[Formula] | None:
    """The entries of a tuple in brackets; None of other rows."""
    entries = split(row[1:-1], ",")[0] if brackets(row) in _BRACKETS else []
    try:
        return [formula(entry) for entry in entries] if len(entries) > 1 else None
    except UnreadableError:
        return None
