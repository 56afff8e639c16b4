r"""Propositional formulas by their truth tables: ``p\to q`` is ``\neg p\lor q``; a part of `readings`."""

import re
from collections.abc import Mapping
from itertools import product

from tts_lib.grading.reading.tokens import UnreadableError

_SIGNS = {
    "iff": r"\\(?:(?:long)?leftrightarrow|iff|equiv)(?![a-z])|<-+>|<=+>|\\le ?>|[↔⇔⟷⟺]",
    "implies": r"\\(?:to|(?:long)?rightarrow|implies)(?![a-z])|-+>|=+>|implies\b",
    "and": r"\\(?:land|wedge)(?![a-z])|\\?&{1,2}|and\b",
    "xor": r"\\oplus(?![a-z])|⊕|xor\b",
    "or": r"\\(?:lor|vee|Vert)(?![a-z])|\|\||or\b",
    "not": r"\\(?:neg|lnot|sim)(?![a-z])|[¬~∼!]|not\b|\\overline(?=\{)",
}
_TOKEN = re.compile(
    r"\s*(?:"
    + "|".join(f"(?P<{name}>{signs})" for name, signs in _SIGNS.items())
    + r"|(?P<letter>(?-i:[A-FP-Sp-s])(?![a-zA-Z'_^(]))|(?P<open>[(\[{])|(?P<close>[)\]}]))\s*",
    re.I,
)
_HINT = re.compile(
    r"[¬⊕↔⇔⟷⟺]|->|=>|\\le ?>|&&|\|\||\\(?:neg|lnot|to|oplus|iff|land|lor|implies)(?![a-z])|[rR]ightarrow"
    r"|\b(?:not|implies) "
)
_MOST_SIGNS = 60
_MOST_LETTERS = 5
_CLOSING = {"(": ")", "[": "]", "{": "}"}

Table = tuple[str, tuple[bool, ...]]


def truth_table(text: str) -> Table | None:
    """(the letters on which its truth depends, whether it is true for each choice of them); None of other texts."""
    if not _HINT.search(text):
        return None
    signs: list[tuple[str, str]] = []
    end = 0
    while end < len(text):
        found = _TOKEN.match(text, end)
        if found is None or len(signs) == _MOST_SIGNS:
            return None
        signs.append((str(found.lastgroup), found[0].strip()))
        end = found.end()
    letters = sorted({sign for kind, sign in signs if kind == "letter"})
    if not 0 < len(letters) <= _MOST_LETTERS:
        return None
    try:
        table = {
            values: _Proposition(signs, dict(zip(letters, values, strict=True))).truth()
            for values in product((False, True), repeat=len(letters))
        }
    except UnreadableError:
        return None
    return essential(letters, table)


def essential(letters: list[str], table: Mapping[tuple[bool, ...], bool]) -> Table:
    """The table without the letters on which nothing depends."""
    for i, letter in enumerate(letters):
        if all(table[(*v[:i], False, *v[i + 1 :])] == table[(*v[:i], True, *v[i + 1 :])] for v in table):
            fewer = {(*v[:i], *v[i + 1 :]): is_true for v, is_true in table.items()}
            return essential([other for other in letters if other != letter], fewer)
    return "".join(letters), tuple(table[values] for values in product((False, True), repeat=len(letters)))


class _Proposition:
    """Reads a row of signs from left to right; "not" binds closest, then "and", "or", "implies", "if and only if"."""

    def __init__(self, signs: list[tuple[str, str]], worth: Mapping[str, bool]) -> None:
        self._rest = signs[::-1]
        self._worth = worth

    def truth(self) -> bool:
        found = self._equivalence()
        if self._rest:
            raise UnreadableError("signs that are no proposition")
        return found

    def _takes(self, kind: str) -> bool:
        is_next = bool(self._rest) and self._rest[-1][0] == kind
        if is_next:
            self._rest.pop()
        return is_next

    def _equivalence(self) -> bool:
        found = self._implication()
        if self._takes("iff"):
            found = found == self._implication()
        return found

    def _implication(self) -> bool:
        found = self._disjunction()
        if self._takes("implies"):  # of two in a row nobody knows which is first
            other = self._disjunction()
            found = not found or other
        return found

    def _disjunction(self) -> bool:
        found, is_simple = self._conjunction()
        if is_simple and self._takes("xor"):
            other, is_simple = self._conjunction()
            if not is_simple:
                raise UnreadableError("a sum of which nobody knows where it ends")
            return found != other
        while self._takes("or"):
            other, _ = self._conjunction()
            found = found or other
        return found

    def _conjunction(self) -> tuple[bool, bool]:
        found, is_simple = self._operand(), True
        while self._takes("and"):
            other, is_simple = self._operand(), False
            found = found and other
        return found, is_simple

    def _operand(self) -> bool:
        if self._takes("not"):
            return not self._operand()
        kind, sign = self._rest.pop() if self._rest else ("", "")
        if kind == "letter":
            return self._worth[sign]
        if kind != "open":
            raise UnreadableError("no proposition")
        found = self._equivalence()
        kind, closing = self._rest.pop() if self._rest else ("", "")
        if closing != _CLOSING[sign]:
            raise UnreadableError("an open bracket")
        return found
