r"""Arbitrary constants, whose names mean nothing: ``x^2+c`` is ``x^2+C``, "f(x)=kx for any constant k" is f(x)=cx."""

import re
from collections.abc import Sequence
from fractions import Fraction

from tts_lib.grading.reading.numerals import number
from tts_lib.grading.reading.tokens import Token, Tokens
from tts_lib.grading.reading.trees import Tree, replaced, symbols
from tts_lib.grading.reading.values import nearly, point
from tts_lib.grading.reading.words import WITHOUT_BACKSLASH, is_word

VARIABLES = frozenset("xytuvwzs")
MAY_BE_ANY = re.compile(r"[Cc](?:_\{?\d\}?)?|[KkAB]_\{?\d\}?")  # names that are hardly ever those of something else
MAY_BE_IN_SOLUTIONS = re.compile(rf"{MAY_BE_ANY.pattern}|[ABDKk]")  # of a differential equation
_MOST = 4  # constants
_BITS = 150  # by which their order is told
_ASIDE = Fraction(1, 1_000)  # from the points at which formulas are compared


def of_integration(tree: Tree) -> Tree:
    """A formula with a capital letter for c if it is added, or stands beside variables only, and for c_1, c_2."""
    names = {name for _, name in symbols(tree)}
    if any(name[:2] == "c_" for name in names) and not any(name[:1] == "C" for name in names):
        for name in names:
            if name[:2] == "c_" and name[2:].isdigit():
                tree = replaced(tree, ("symbol", name), ("symbol", f"C{name[1:]}"))
    if "C" in names or not names & VARIABLES:
        return _from_a_point(tree)
    is_added = tree[0] == "add" and ("symbol", "c") in tree and not names & {"a", "b"}
    is_alone = names - VARIABLES == {"c"}
    return _from_a_point(replaced(tree, ("symbol", "c"), ("symbol", "C"))) if is_added or is_alone else tree


def _from_a_point(tree: Tree) -> Tree:
    """G(x) + C, whose difference to H(x) + C is another constant, as G(x) - G(a) + C; other formulas as they are."""
    constant = ("symbol", "C")
    if tree[0] != "add" or tree.count(constant) != 1:
        return tree
    primitive = ("add", *(term for term in tree[1:] if term != constant))
    variables = {symbol for symbol in symbols(primitive) if symbol[1] in VARIABLES}
    if not variables or constant in symbols(primitive):
        return tree
    for i in range(4):
        worth = point(symbols(primitive), i)
        worth |= {variable: worth[variable] + _ASIDE for variable in variables}
        if nearly(primitive, worth) is not None:
            there = primitive
            for variable in variables:
                there = replaced(there, variable, ("number", worth[variable]))
            return ("add", primitive, ("neg", there), constant)
    return tree


def of_any_name(tree: Tree) -> Tree | None:
    """A formula in variables with its arbitrary constants as C, or C_1, C_2 in an order that their names do not tell.

    None of other formulas, and of those that have no constant but C. A, B and k are constants in what solves a
    differential equation: beside an exponential function, a sine or a logarithm of the variable.
    """
    names = {name for _, name in symbols(tree)} - VARIABLES
    is_solution = is_transcendental(tree)
    if not names or names <= {"C", "c"} or len(names) > _MOST or not symbols(tree) & {("symbol", v) for v in VARIABLES}:
        return None
    if not all((MAY_BE_IN_SOLUTIONS if is_solution else MAY_BE_ANY).fullmatch(name) for name in names):
        return None
    added = tree[1:] if tree[0] == "add" and is_solution else (tree,)
    if "k" in names and not (len(names) == 1 and any(t[0] == "mul" and ("symbol", "k") in t for t in added)):
        return None
    order: list[tuple[str, str]] = []
    for name in names:
        worth = {symbol: Fraction(11, 10) if symbol[1] in names else x for symbol, x in point(symbols(tree), 0).items()}
        value = nearly(tree, worth | {("symbol", name): Fraction(7, 5)})
        if value is None:
            return None
        order.append((str(number(value, bits=_BITS).real), name))
    for i, (_, name) in enumerate(sorted(order)):  # by turns, so that C_2 does not become C_1 twice
        tree = replaced(tree, ("symbol", name), ("symbol", f"#{i}"))
    for i in range(len(names)):
        tree = replaced(tree, ("symbol", f"#{i}"), ("symbol", f"C_{i + 1}" if len(names) > 1 else "C"))
    return tree


def is_transcendental(tree: Tree) -> bool:
    """Whether a function of a variable, or a power with a variable exponent, is in a tree."""
    if tree[0] in ("call", "pow") and any(symbols(part) for part in tree[2:] if isinstance(part, tuple)):
        return tree[0] == "call" or bool(symbols(tree[2]))
    return any(is_transcendental(part) for part in tree[1:] if isinstance(part, tuple))


def renamed(row: Tokens, letters: Sequence[str], name_of_all: str = "C") -> list[Token]:
    """The row with C for a letter, or C_1, C_2 for several, in the order in which they stand in it."""
    found: list[Token] = []
    seen: list[str] = []
    i = 0
    while i < len(row):
        name, width = _letter(row, i)
        if name in letters:
            seen += [] if name in seen else [name]
            found.append(Token("letters", name_of_all, row[i].spaced))
            if len(letters) > 1:
                found += [Token("sign", "_"), Token("number", str(1 + seen.index(name)))]
        elif row[i].kind == "letters" and _is_product(row[i].text) and set(row[i].text) & set(letters):
            single = [Token("letters", letter, row[i].spaced) for letter in row[i].text]
            row = [*row[:i], *single, *row[i + 1 :]]
            continue
        else:
            found += row[i : i + width]
        i += width
    return found


def _letter(row: Tokens, i: int) -> tuple[str, int]:
    """The name that stands at a place, with its index, and of how many tokens it is."""
    if row[i].kind != "letters" or len(row[i].text) > 1:
        return ("\\" + row[i].text if row[i].kind == "command" else ""), 1
    if len(row) > i + 2 and row[i + 1].is_sign("_"):
        if row[i + 2].is_sign("{") and len(row) > i + 4 and row[i + 4].is_sign("}"):
            return f"{row[i].text}_{row[i + 3].text}", 5
        return f"{row[i].text}_{row[i + 2].text}", 3
    return row[i].text, 1


def _is_product(run: str) -> bool:
    return len(run) > 1 and run not in WITHOUT_BACKSLASH and not is_word(run)
