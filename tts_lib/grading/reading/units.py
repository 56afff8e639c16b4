"""What units measure and how much of it, so that 90 minutes are an hour and a half and 200 cm are 2 m.

Units that differ between countries (ton, gallon) or have no fixed size (month) are left out.
"""

from collections import Counter
from fractions import Fraction

_SIZES = {
    "length": "nm 1/1000000, micrometer 1/1000, mm 1, cm 10, m 1000, km 1000000, inch 25.4, foot 304.8, yard 914.4, "
    "mile 1609344",
    "time": "ns 1/1000000000, microsecond 1/1000000, ms 1/1000, s 1, min 60, h 3600, day 86400, week 604800",
    "mass": "mg 1, g 1000, kg 1000000, ounce 28349.523125, pound 453592.37",
    "money": "cent 1, dollar 100",
}
_UNITS = {
    name: (Counter({kind: 1}), Fraction(number))
    for kind, units in _SIZES.items()
    for name, number in (unit.split() for unit in units.split(", "))
}
_NEWTON, _WATT = Counter(mass=1, length=1, time=-2), Counter(mass=1, length=2, time=-3)
_JOULE, _PASCAL = Counter(mass=1, length=2, time=-2), Counter(mass=1, length=-1, time=-2)
_UNITS |= {  # in moles, milligrams, millimetres and seconds
    "mol": (Counter(amount=1), Fraction(1)),
    "molar": (Counter(amount=1, length=-3), Fraction(1, 10**6)),
    "newton": (_NEWTON, Fraction(10**9)),
    "kn": (_NEWTON, Fraction(10**12)),
    "joule": (_JOULE, Fraction(10**12)),
    "kj": (_JOULE, Fraction(10**15)),
    "calorie": (_JOULE, Fraction(4184 * 10**9)),
    "kcal": (_JOULE, Fraction(4184 * 10**12)),
    "kwh": (_JOULE, Fraction(36 * 10**17)),
    "watt": (_WATT, Fraction(10**12)),
    "kw": (_WATT, Fraction(10**15)),
    "pascal": (_PASCAL, Fraction(10**3)),
    "kpa": (_PASCAL, Fraction(10**6)),
    "hertz": (Counter(time=-1), Fraction(1)),
    "khz": (Counter(time=-1), Fraction(10**3)),
    "mhz": (Counter(time=-1), Fraction(10**6)),
    "ghz": (Counter(time=-1), Fraction(10**9)),
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
