"""What units measure and how much of it, so that 90 minutes are an hour and a half and 200 cm are 2 m.

Units that differ between countries (ton, gallon) or have no fixed size (month) are left out.
"""

from collections import Counter
from fractions import Fraction

_SIZES = {
    "length": "mm 1, cm 10, m 1000, km 1000000, inch 25.4, foot 304.8, yard 914.4, mile 1609344",
    "time": "s 1, min 60, h 3600, day 86400, week 604800",
    "mass": "mg 1, g 1000, kg 1000000, ounce 28349.523125, pound 453592.37",
    "money": "cent 1, dollar 100",
}
_UNITS = {
    name: (Counter({kind: 1}), Fraction(number))
    for kind, units in _SIZES.items()
    for name, number in (unit.split() for unit in units.split(", "))
}
_UNITS |= {"ml": (Counter(length=3), Fraction(10**3)), "l": (Counter(length=3), Fraction(10**6))}


def size(unit: str) -> tuple[Fraction, str] | None:
    """(how large, what it measures) of ``km / h``, as `measures` writes units; None for units without a size."""
    total, kinds = Fraction(1), Counter[str]()
    words = unit.split()
    for i, word in enumerate(words):
        if word in ("/", "^") or words[i - 1 : i] == ["^"]:
            continue
        if word not in _UNITS:
            return None
        power = -1 if words[i - 1 : i] == ["/"] else 1
        if words[i + 1 : i + 2] == ["^"]:
            if len(words) < i + 3 or not words[i + 2].isdecimal():
                return None
            power *= int(words[i + 2])
        measured, each = _UNITS[word]
        total *= each**power
        for kind, n in measured.items():
            kinds[kind] += n * power
    return (
        (total, " ".join(kind if n == 1 else f"{kind}^{n}" for kind, n in sorted(kinds.items()) if n))
        if kinds
        else None
    )
