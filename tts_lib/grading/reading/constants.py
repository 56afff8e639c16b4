r"""Arbitrary constants, whose names mean nothing: ``x^2+c`` is ``x^2+C``, "f(x)=kx for any constant k" is f(x)=cx."""

from collections.abc import Sequence

from tts_lib.grading.reading.tokens import Token, Tokens
from tts_lib.grading.reading.trees import Tree, replaced, symbols
from tts_lib.grading.reading.words import WITHOUT_BACKSLASH, is_word

_VARIABLES = frozenset("xytuvwzs")


def of_integration(tree: Tree) -> Tree:
    """A formula with a capital letter for c if it is added, or stands beside variables only, and for c_1, c_2."""
    names = {name for _, name in symbols(tree)}
    if any(name[:2] == "c_" for name in names) and not any(name[:1] == "C" for name in names):
        for name in names:
            if name[:2] == "c_" and name[2:].isdigit():
                tree = replaced(tree, ("symbol", name), ("symbol", f"C{name[1:]}"))
    if "C" in names or not names & _VARIABLES:
        return tree
    is_added = tree[0] == "add" and ("symbol", "c") in tree and not names & {"a", "b"}
    is_alone = names - _VARIABLES == {"c"}
    return replaced(tree, ("symbol", "c"), ("symbol", "C")) if is_added or is_alone else tree


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
