r"""Formulas of chemistry: ``\text{H}_2\text{O}`` is H2O, and ``2H_2+O_2\to 2H_2O`` an equation with sides in any order.

Letters alone may be variables: what is read has an index or charge and two elements, or is a molecule of one element,
an ion, or an equation with an arrow or one that balances.
"""

import re
from collections import Counter

_ELEMENTS = (
    "He|Li|Be|Ne|Na|Mg|Al|Si|Cl|Ar|Ca|Sc|Ti|Cr|Mn|Fe|Co|Ni|Cu|Zn|Ga|Ge|As|Se|Br|Kr|Rb|Sr|Zr|Nb|Mo|Ag|Cd|Sn|Sb|Te|Xe|Cs"
    "|Ba|Hf|Os|Ho|Po|Np|Pt|Au|Hg|Pb|Bi|Ra|Th|Pu|H|B|C|N|O|F|P|S|K|V|I|U|W"
)
_ALL_ELEMENTS = re.compile(rf"(?:{_ELEMENTS})+")
_MAY_BE = re.compile(r"\d|[a-z][A-Z]|[A-Z][A-Z][a-z]|[+-]$|\^|\\text|->|\\to ")
_TEXT = re.compile(r"\\(?:text|ce|mathrm|mathsf) ?(?=\{)|[{} $_]")
_CHARGE = re.compile(r"\^(?:(\d?)([+-])|([+-])(\d))$|(?<=[a-zA-Z)\d])([+-])$")
_ATOM = re.compile(rf"({_ELEMENTS})(\d{{0,2}})|(\()(?=[A-Z][a-z]?[A-Z\d])|\)(\d{{0,2}})")
_NUMBER_BEHIND = re.compile(r"(?<=[^ ]) \d")
_IN_BASE = re.compile(r"^(?:\\text\{)?[A-F\d]+\}?_\{?1\d\}?$")
_VARIABLE = re.compile(r"_(?:1|\{1\})(?!\d)")  # V_1
_STATE = re.compile(r"\((?:g|l|s|aq)\)")
_ARROW = re.compile(r"-+>|\\(?:long)?(?:right)?arrow|\\to|\\(?:Long)?[rR]ightarrow|\\rightleftharpoons")
_MOLECULES = frozenset("H2 N2 O2 O3 F2 Cl2 Br2 I2 P4 S8".split())


def species(text: str) -> str | None:
    """One spelling of a formula of chemistry, its sides sorted if it is an equation; None of other texts."""
    if not _MAY_BE.search(text) or len(text) > 200:
        return None
    sides = _ARROW.split(text) if (is_arrow := bool(_ARROW.search(text))) else text.split("=")
    if len(sides) == 1:
        found = _one(text)
        return found[0] if found and found[2] else None
    if len(sides) != 2:
        return None
    parts = [[_one(_STATE.sub("", part)) for part in re.split(r"(?<![\^{])\+(?!\}|$)", side)] for side in sides]
    if any(one is None for side in parts for one in side):
        return None
    atoms = [sum((one[1] for one in side if one), Counter[str]()) for side in parts]
    if not (is_arrow or atoms[0] == atoms[1]) or not any(one[2] for side in parts for one in side if one):
        return None
    return " -> ".join(" + ".join(sorted(one[0] for one in side if one)) for side in parts)


def are_elements(text: str) -> bool:
    """Whether letters may be nothing but elements, one after another."""
    return bool(_ALL_ELEMENTS.fullmatch(text))


def _one(text: str) -> tuple[str, Counter[str], bool] | None:
    """(one spelling, its atoms, whether it can be nothing but chemistry) of a molecule or ion with its number."""
    if _NUMBER_BEHIND.search(text.strip()) or _VARIABLE.search(text) or _IN_BASE.search(text):
        return None
    plain = _TEXT.sub("", text)
    number = re.match(r"\d*", plain)
    formula = plain[number.end() :] if number else plain
    charge = ""
    if ion := _CHARGE.search(formula):
        size, sign = ion[1] or ion[4] or "", ion[2] or ion[3] or ion[5]
        body = formula[: ion.start()]
        if ion[5] and body[-1:].isdigit() and re.fullmatch("[A-Z][a-z]?[23]", body):  # Ca2+
            size, body = body[-1], body[:-1]
        formula, charge = body, f"^{size if size != '1' else ''}{sign}"
    atoms, end, depth = Counter[str](), 0, 0
    while found := _ATOM.match(formula, end):
        depth += (found[3] is not None) - (found[0][0] == ")")
        if found[1]:
            atoms[found[1]] += int(found[2] or 1)
        elif found[0][0] == ")":  # of what is in brackets, again
            again = _inside(formula[: found.start()])
            for element, index in again:
                atoms[element] += index * (int(found[4] or 1) - 1)
        end = found.end()
        if depth < 0:
            return None
    if end < len(formula) or not atoms or depth:
        return None
    count = number[0] if number and number[0] != "1" else ""
    is_text = "\\text" in text or "\\ce" in text
    has_index = bool(re.search(r"\d", formula))
    is_sure = (
        (len(atoms) > 1 and has_index)
        or formula in _MOLECULES
        or bool(charge and (is_text or len(formula) > 1 or "^" in text))
        or (is_text and not count and bool(re.fullmatch("[A-Z][a-z]?[2-9]", formula)))
        or (len(atoms) > 1 and bool(re.search(r"[A-Z][a-z](?=[A-Z])|[A-Z][A-Z][a-z]", formula)))
    )
    scaled = Counter({element: n * int(count or 1) for element, n in atoms.items()})
    return f"{count}{formula}{charge}", scaled, is_sure


def _inside(text: str) -> list[tuple[str, int]]:
    opened = text.rfind("(")
    return [(atom[1], int(atom[2] or 1)) for atom in _ATOM.finditer(text, opened + 1) if atom[1]]
