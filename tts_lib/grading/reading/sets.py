r"""Algebra of sets by its truth tables: ``A^c\cap B^c`` is ``(A\cup B)^c``; a part of `readings`."""

import re
from operator import and_, or_, xor

from tts_lib.grading.reading.logic import Expression, Table, table

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
_OPERATIONS = {"cap": and_, "cup": or_, "minus": lambda one, other: one & ~other, "triangle": xor}


def membership(text: str) -> Table | None:
    """(the letters of the sets on which it depends, whether it has what is in some of them); None of other texts."""
    found = table(text, _TOKEN, _Set) if _HINT.search(text) else None
    return found and (f"sets {found[0]}", found[1])


class _Set(Expression):
    """Different operations need brackets between them: nobody knows which of two is first."""

    def operation(self) -> int:
        found, kind = self._complements(), self.next()
        while kind in _OPERATIONS and self.takes(kind):
            found = _OPERATIONS[kind](found, self._complements())
        return found

    def _complements(self) -> int:
        found = self._before()
        while self.takes("behind"):
            found = self.always & ~found
        return found

    def _before(self) -> int:
        if self.takes("complement"):
            return self.always & ~self._complements()
        if self.takes("none"):
            return 0
        return self.always if self.takes("all") else self.operand()
