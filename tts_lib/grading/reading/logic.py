r"""Propositional formulas by their truth tables: ``p\to q`` is ``\neg p\lor q``; a part of `readings`."""

import re
from abc import ABC, abstractmethod
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
_BRACES = str.maketrans("", "", "{}")
_MOST_SIGNS = 60
_MOST_LETTERS = 5
_CLOSING = {"(": ")", "[": "]", "{": "}"}

Table = tuple[str, tuple[bool, ...]]


def truth_table(text: str) -> Table | None:
    """(the letters on which its truth depends, whether it is true for each choice of them); None of other texts."""
    return table(text, _TOKEN, _Proposition) if _HINT.search(text) else None


def table(text: str, token: re.Pattern[str], expression: type["Expression"]) -> Table | None:
    """(the letters on which an expression depends, whether it is so for each choice of them); None of other texts."""
    signs: list[tuple[str, str]] = []
    end = 0
    while end < len(text):
        found = token.match(text, end)
        if found is None or len(signs) == _MOST_SIGNS:
            return None
        kind = str(found.lastgroup)
        signs.append((kind, found[kind].translate(_BRACES) if kind == "letter" else found[kind]))
        end = found.end()
    letters = sorted({sign for kind, sign in signs if kind == "letter"})
    if not 0 < len(letters) <= _MOST_LETTERS:
        return None
    choices = list(product((False, True), repeat=len(letters)))
    worth = {name: sum(1 << i for i, row in enumerate(choices) if row[j]) for j, name in enumerate(letters)}
    try:
        true_at = expression(signs, worth, (1 << len(choices)) - 1).whole()
    except UnreadableError:
        return None
    return _essential(letters, {row: bool(true_at >> i & 1) for i, row in enumerate(choices)})


def _essential(letters: list[str], truths: Mapping[tuple[bool, ...], bool]) -> Table:
    """The table without the letters on which nothing depends."""
    for i, letter in enumerate(letters):
        if all(truths[(*v[:i], False, *v[i + 1 :])] == truths[(*v[:i], True, *v[i + 1 :])] for v in truths):
            fewer = {(*v[:i], *v[i + 1 :]): is_true for v, is_true in truths.items()}
            return _essential([other for other in letters if other != letter], fewer)
    return "".join(letters), tuple(truths[values] for values in product((False, True), repeat=len(letters)))


class Expression(ABC):
    """Reads a row of signs from left to right; what it finds is the bits of the choices for which it is so."""

    def __init__(self, signs: list[tuple[str, str]], worth: Mapping[str, int], always: int) -> None:
        self._rest = signs[::-1]
        self.worth = worth
        self.always = always

    @abstractmethod
    def operation(self) -> int:
        """What all operations up to a closing bracket make."""

    def whole(self) -> int:
        found = self.operation()
        if self._rest:
            raise UnreadableError("signs behind an expression")
        return found

    def next(self) -> str:
        return self._rest[-1][0] if self._rest else ""

    def takes(self, kind: str) -> bool:
        is_next = self.next() == kind
        if is_next:
            self._rest.pop()
        return is_next

    def operand(self) -> int:
        """A letter, or what stands in brackets."""
        kind, sign = self._rest.pop() if self._rest else ("", "")
        if kind == "letter":
            return self.worth[sign]
        if kind != "open":
            raise UnreadableError("no operand")
        found = self.operation()
        if not self._rest or self._rest.pop()[1] != _CLOSING[sign]:
            raise UnreadableError("an open bracket")
        return found


class _Proposition(Expression):
    """ "Not" binds closest, then "and", "or", "implies", "if and only if"."""

    def operation(self) -> int:
        found = self._implication()
        if self.takes("iff"):
            found = self.always & ~(found ^ self._implication())
        return found

    def _implication(self) -> int:
        found = self._disjunction()
        if self.takes("implies"):  # of two in a row nobody knows which is first
            found = self.always & ~found | self._disjunction()
        return found

    def _disjunction(self) -> int:
        found, is_simple = self._conjunction()
        if is_simple and self.takes("xor"):
            other, is_simple = self._conjunction()
            if not is_simple:
                raise UnreadableError("a sum of which nobody knows where it ends")
            return found ^ other
        while self.takes("or"):
            found |= self._conjunction()[0]
        return found

    def _conjunction(self) -> tuple[int, bool]:
        found, is_simple = self._negation(), True
        while self.takes("and"):
            found, is_simple = found & self._negation(), False
        return found, is_simple

    def _negation(self) -> int:
        return self.always & ~self._negation() if self.takes("not") else self.operand()
