"""What units measure and how much of it, so that 90 minutes are an hour and a half and 200 cm are 2 m.

Units that differ between countries (ton, fluid ounce) are left out; months have a size in years, and neither has one in
days.
"""

from collections import Counter
from fractions import Fraction

_Size = tuple[Counter[str], Fraction]
_SIZES = {
    "length": "inch 25.4, foot 304.8, yard 914.4, mile 1609344",
    "time": "min 60, h 3600, day 86400, week 604800, fortnight 1209600",
    "mass": "ounce 28349.523125, pound 453592.37, stone 6350293.18",
    "money": "cent 1, dollar 100",
    "calendar": "month 1, year 12, decade 120, century 1200",
    "capacity": "pint 1, quart 2, gallon 8",
    "information": "bit 1, byte 8",
}
_UNITS: dict[str, _Size] = {
    name: (Counter({kind: 1}), Fraction(number))
    for kind, units in _SIZES.items()
    for name, number in (unit.split() for unit in units.split(", "))
}
_ENERGY, _POWER = Counter(mass=1, length=2, time=-2), Counter(mass=1, length=2, time=-3)
_PRESSURE = Counter(mass=1, length=-1, time=-2)
_BASES: dict[str, _Size] = {  # that have prefixes; in millimetres, milligrams, seconds, moles and amperes
    "m meter metre": (Counter(length=1), Fraction(1000)),
    "g gram": (Counter(mass=1), Fraction(1000)),
    "s second sec": (Counter(time=1), Fraction(1)),
    "l liter litre L": (Counter(length=3), Fraction(10**6)),
    "N newton": (Counter(mass=1, length=1, time=-2), Fraction(10**9)),
    "J joule": (_ENERGY, Fraction(10**12)),
    "cal calorie": (_ENERGY, Fraction(4184 * 10**9)),
    "eV electronvolt": (_ENERGY, Fraction(1602176634, 10**16)),
    "Wh": (_ENERGY, Fraction(36 * 10**14)),
    "W watt": (_POWER, Fraction(10**12)),
    "Pa pascal": (_PRESSURE, Fraction(10**3)),
    "bar": (_PRESSURE, Fraction(10**8)),
    "Hz hertz": (Counter(time=-1), Fraction(1)),
    "mol mole": (Counter(amount=1), Fraction(1)),
    "A ampere amp": (Counter(current=1), Fraction(1)),
    "V volt": (Counter(mass=1, length=2, time=-3, current=-1), Fraction(10**12)),
    "ohm": (Counter(mass=1, length=2, time=-3, current=-2), Fraction(10**12)),
}
_PREFIXES = {"n nano": -9, "micro micro": -6, "m milli": -3, "c centi": -2, "d deci": -1, "h hecto": 2}
_PREFIXES |= {"k kilo": 3, "M mega": 6, "G giga": 9, "T tera": 12}
SPELT: dict[str, str] = {}  # names and symbols of units with and without a prefix -> the symbol


def _with_prefixes() -> None:
    for names, (measured, each) in _BASES.items():
        symbol, *words = names.split()
        _UNITS[symbol] = measured, each
        SPELT.update(dict.fromkeys([symbol, *words], symbol))
        for prefix, exponent in _PREFIXES.items():
            sign, word = prefix.split()
            _UNITS[sign + symbol] = measured, each * Fraction(10) ** exponent
            found = {sign + symbol, *(sign + name for name in words if name == "L"), *(word + name for name in words)}
            SPELT.update(dict.fromkeys(found, sign + symbol))


_with_prefixes()
_UNITS |= {
    "molar": (Counter(amount=1, length=-3), Fraction(1, 10**6)),
    "hectare": (Counter(length=2), Fraction(10**10)),
    "k": (Counter(temperature=1), Fraction(1)),
    "coulomb": (Counter(current=1, time=1), Fraction(1)),
}


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
