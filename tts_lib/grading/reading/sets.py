r"""Algebra of sets by its truth tables: ``A^c\cap B^c`` is ``(A\cup B)^c``; a part of `readings`."""

import re
from itertools import product

from tts_lib.grading.reading.logic import Table, essential
from tts_lib.grading.reading.tokens import UnreadableError

_HINT = re.compile(
    r"\\(?:cap|cup|setminus|triangle|complement)(?![a-z])|^[A-Z] ?(?:-|\\Delta ?) ?[A-Z]$|^\(?[A-Z]\)?\^|^\\overline"
)
_TOKEN = re.compile(
    r"\s*(?:(?P<cap>\\cap(?![a-z]))|(?P<cup>\\cup(?![a-z]))|(?P<minus>\\setminus(?![a-z])|-)"
    r"|(?P<triangle>\\(?:triangle|Delta|ominus|oplus)(?![a-z]))"
    r"|(?P<behind>\^\{?(?:c|C|\\complement|\\text\{[cC]\})\}?(?![a-zA-Z])|')|(?P<complement>\\complement(?![a-z])|\\overline(?=\{))"
    r"|(?P<none>\\emptyset(?![a-z]))|(?P<all>\\Omega(?![a-zA-Z]))"
    r"|(?P<letter>[A-Z](?:_\{?\d\}?)?(?![a-zA-Z_(]))|(?P<open>[({])|(?P<close>[)}]))\s*"
)
_CLOSING = {"(": ")", "{": "}"}
_MOST_SIGNS = 60
_MOST_LETTERS = 5
_OPERATIONS = ("cap", "cup", "minus", "triangle")


def membership(text: str) -> Table | None:
    """(the letters of the sets on which it depends, whether it has what is in some of them); None of other texts."""
    if not _HINT.search(text):
        return None
    signs: list[tuple[str, str]] = []
    end = 0
    while end < len(text):
        found = _TOKEN.match(text, end)
        if found is None or len(signs) == _MOST_SIGNS:
            return None
        signs.append(
            (str(found.lastgroup), re.sub("[{}](?=\\d|$)", "", found[0]) if found["letter"] else found[0].strip())
        )
        end = found.end()
    letters = sorted({sign for kind, sign in signs if kind == "letter"})
    if not 0 < len(letters) <= _MOST_LETTERS:
        return None
    members = list(product((False, True), repeat=len(letters)))
    worth = {name: sum(1 << i for i, row in enumerate(members) if row[j]) for j, name in enumerate(letters)}
    try:
        found_in = _Expression(signs, worth, (1 << len(members)) - 1).whole()
    except UnreadableError:
        return None
    names, table = essential(letters, {row: bool(found_in >> i & 1) for i, row in enumerate(members)})
    return f"sets {names}", table


class _Expression:
    """Reads a row of signs from left to right; a set is the bits of the kinds of things in it.

    Different operations need brackets between them: nobody knows which of two is first.
    """

    def __init__(self, signs: list[tuple[str, str]], worth: dict[str, int], everything: int) -> None:
        self._rest = signs[::-1]
        self._worth = worth
        self._all = everything

    def whole(self) -> int:
        found = self._operation()
        if self._rest:
            raise UnreadableError("signs that are no sets")
        return found

    def _next(self) -> str:
        return self._rest[-1][0] if self._rest else ""

    def _operation(self) -> int:
        found, kind = self._operand(), self._next()
        while self._next() == kind and kind in _OPERATIONS:
            self._rest.pop()
            other = self._operand()
            found = {"cap": found & other, "cup": found | other, "minus": found & ~other, "triangle": found ^ other}[
                kind
            ]
        return found

    def _operand(self) -> int:
        kind, sign = self._rest.pop() if self._rest else ("", "")
        if kind == "letter":
            found = self._worth[sign]
        elif kind == "complement":
            found = self._all & ~self._operand()
        elif kind in ("none", "all"):
            found = self._all if kind == "all" else 0
        elif kind == "open":
            found = self._operation()
            closing = self._rest.pop()[1] if self._rest else ""
            if closing != _CLOSING[sign]:
                raise UnreadableError("an open bracket")
        else:
            raise UnreadableError("no set")
        while self._next() == "behind":
            self._rest.pop()
            found = self._all & ~found
        return found
