r"""Numbers at equal distances: ``\frac{\pi}{6}+2k\pi, k\in\mathbb{Z}``, ``x\equiv3\pmod7``.

Each is told by its step and by where it stands between two multiples of that, whatever its letter.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from tts_lib.grading.reading.amounts import amount
from tts_lib.grading.reading.conditions import Reading
from tts_lib.grading.reading.formulas import Formula, formula
from tts_lib.grading.reading.quantifiers import quantified
from tts_lib.grading.reading.relations import name_of
from tts_lib.grading.reading.signs import both_signs
from tts_lib.grading.reading.tokens import UnreadableError, split, tokens
from tts_lib.grading.reading.trees import ONE, Tree, has_i, replaced, symbols
from tts_lib.grading.reading.values import constant
from tts_lib.grading.reading.words import without_text

_HINT = re.compile(r"Z|integer|mod|\\pm")
_SET = re.compile(r"(?:([a-zA-Z])\\in ?)?\\\{(?:[a-zA-Z][|:](?=[a-zA-Z]=))?((?:(?!\\[{}]).)+)\\\}")
_CONGRUENT = re.compile(
    r"(?:(?P<name>[a-zA-Z])\\equiv ?)?(?P<residues>(?:[-\d, ]|\\(?:pm|lor|land) ?)+)"
    r"(?:\\pmod ?\{?|\(mod )(?P<modulus>\d+)[})]?"
)
_VARIABLE = re.compile(r"[a-zA-Z]|\\[a-z]+")  # but no term of a sequence and no function
_PLACES = (1, 3, -5)  # at which a straight line is told from a curve
_OF_STEPS = re.compile("[a-w]")  # an equation may speak of x, y and z
_LETTERS = "kmn"  # of a formula that says nothing of integers and may be meant so


def progressions(text: str) -> Reading | None:
    """The progression that a normal form is, or the list of several; None for other texts. Raises TooLargeError."""
    if not _HINT.search(text):
        return None
    plain = without_text(text)
    try:
        return _congruent(plain) or _of_integers(plain)
    except UnreadableError:
        return None


def _congruent(text: str) -> Reading | None:
    match = _CONGRUENT.fullmatch(text)
    if match is None or int(match["modulus"]) == 0:
        return None
    step: Tree = ("mul", ("number", Fraction(int(match["modulus"]))), ("symbol", "k"))
    residues = [row for part in split(tokens(match["residues"]), "lor", "land", ",")[0] for row in both_signs(part)]
    found = [_progression(Formula(("add", formula(row).tree, step), False), "k") for row in residues]
    return _listed(match["name"] or "", found)


def _of_integers(text: str) -> Reading | None:
    name, inner = in_set.groups("") if (in_set := _SET.fullmatch(text)) else ("", text)
    if (
        (of_all := quantified(inner)) is None
        or of_all.kind != "integer"
        or not _OF_STEPS.fullmatch(",".join(of_all.letters))
    ):
        return None
    parts, links = split(tokens(of_all.body), "lor", "land", ",")
    names, found = {name} - {""}, []
    for row in (row for part in parts for row in both_signs(part)):
        *sides, last = split(row, "=")[0]
        names |= {name_of(side) for side in sides}
        found.append(_progression(formula(last), of_all.letters[0]))
    are_one_set = len(names) < 2 and all(_VARIABLE.fullmatch(name) for name in names)
    if not are_one_set or (set(links) - {"lor"} and len({one and one[2] for one in found}) > 1):
        return None  # x=2k, y=3k has pairs
    return _listed("".join(names), found)


def _listed(name: str, items: Sequence[Reading | None]) -> Reading | None:
    found = [("named", name, item, None) if name else item for item in items if item is not None]
    if not found or len(found) < len(items):
        return None
    return found[0] if len(found) == 1 else ("list", tuple(found))


def _progression(read: Formula, letter: str) -> Reading | None:
    """The values of a straight line at all whole numbers; None of other formulas."""
    symbol = ("symbol", letter)
    if symbols(read.tree) != {symbol} or has_i(read.tree):
        return None
    at_zero = replaced(read.tree, symbol, ("number", Fraction(0)))
    slopes: list[Tree] = [
        ("div", ("add", replaced(read.tree, symbol, at), ("neg", at_zero)), at)
        for at in (("number", Fraction(place)) for place in _PLACES)
    ]
    found = {constant(slope, False) for slope in slopes}
    if len(found) > 1 or found & {None, constant(("number", Fraction(0)), False)}:
        return None
    size: Tree = ("call", "abs", slopes[0])
    offset = constant(("call", "mod", ("div", at_zero, size), ONE), read.is_decimal)
    formulas = (
        Formula(replaced(read.tree, symbol, ("symbol", name)), read.is_decimal)
        for name in dict.fromkeys((*_LETTERS, letter))
    )
    return ("progression", offset, constant(size, read.is_decimal), tuple(map(amount, formulas)))
