r"""What stands around a number: units and currencies, which an answer may leave out, and words that are part of it.

Million, dozen and tenths are factors. An increase is no decrease and east no west. A word that says more than what is
counted ("or more", "squared", "remainder") leaves the answer a text.
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from tts_lib.grading.reading.number_words import CARDINALS
from tts_lib.grading.reading.tokens import Token, UnreadableError, written
from tts_lib.grading.reading.units import SPELT, size
from tts_lib.grading.reading.words import ANGLES, is_word, without_text

FACTORS = {
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "quadrillion": 10**15,
    "dozen": 12,
    "lakh": 10**5,
    "crore": 10**7,
    "tenth": Fraction(1, 10),
    "hundredth": Fraction(1, 10**2),
    "thousandth": Fraction(1, 10**3),
    "millionth": Fraction(1, 10**6),
}
_AMOUNTS = {"k": 10**3, "m": 10**6, "mn": 10**6, "b": 10**9, "bn": 10**9}  # behind a currency's
_SENSES = frozenset(
    "east west north south northeast northwest southeast southwest increase decrease increased decreased profit loss "
    "gain surplus deficit up down ahead behind before after ago early late left right above below clockwise "
    "counterclockwise bc ad bce ce later earlier hence now celsius fahrenheit older younger taller shorter longer "
    "higher lower heavier lighter faster slower closer farther further deeper wider narrower hotter warmer colder "
    "cooler".split()
)
_ELECTRIC = {"C": "coulomb", "F": "farad"}  # behind a power of ten; behind other numbers they may be degrees
_OF_DEGREES = {"c": "celsius", "f": "fahrenheit", "n": "north", "s": "south", "e": "east", "w": "west"}
MEANINGS = frozenset(
    "or and not no none than less fewer least most greater larger smaller if when for where mod modulo under over "
    "plus minus negative times squared cubed factorial remainder base half halves third thirds quarter quarters fourth "
    "fourths fifth fifths sixth sixths seventh sevenths eighth eighths ninth ninths twelfth twelfths percent "
    "percentage am pm noon midnight does is are undefined impossible infinite infinitely gross score binary ternary "
    "octal hexadecimal hex mille permille ppm ppb morning afternoon evening night except excluding without unless "
    "until between besides but double twice thrice triple root power reciprocal inverse opposite wrong incorrect false "
    "invalid rejected extraneous divide divides exceed exceeds precede precedes fail fails".split()
)
_SYMBOLS = frozenset(
    "cm mm km dm nm ns kN GHz kg mg lb lbs oz ml mL dL ft yd mi mph kmh kph kmph hr hrs min mins sec secs ms Hz kHz "
    "MHz kW kWh Pa kPa mol cal kcal kJ eV sq cu in of deg rad st nd rd th kV mV mA MW GW mW MJ GJ mJ mN MN hPa MPa GPa "
    "mbar mmol keV MeV GeV cL cl dl".split()
)
_SHORT = frozenset("m s h g l L N J W V A K".split())  # units of one letter, in quotients such as m/s only
LETTERS = _SYMBOLS | _SHORT | {"cc", "um", "M", "Nm"}  # that may be a unit behind a number
_CURRENCIES = frozenset(
    "USD EUR GBP INR CNY RMB JPY Rs US CHF AUD CAD NZD SGD HKD SEK NOK DKK PLN CZK HUF RUB KRW BRL MXN ZAR TRY".split()
)
_CURRENCY_SIGNS = (r"\$", *"€£¥₹¢₩₽₺฿₫₪")
_ABOUT = re.compile(r" *(?:about|approximately|approx|around|roughly|exactly|a total of|total of|only)\.? *", re.I)
_PHRASE = re.compile(
    r"(?:\^\\circ ?)?(?:(?:\\text\{[^{}]*\}|[A-Za-z]++)(?:\^?[23]|\^\{-?[123]\})?+[ ./-]?+)*+(?<=[A-Za-z0-9}. ])"
)
_HALF_OF_DAY = re.compile(r"\b[ap]\.? ?m\b", re.I)
_NO_UNIT = re.compile(r"(?<![a-zA-Z^])(?<!\^ )(?<!\^ -)\d|\d\d|[^\w\s.,^/'’°²³·-]")  # but for the 2 of cm^2
_SPELLINGS = """
kg: kilo; g: gm; microm: um micron \\mum µm; inch: in inche; foot: feet ft; yard: yd; mile: mi; min: minute; h: hour hr;
day: d; week: wk; month:; year: yr; pound: lb; ounce: oz; ton: tonne; gallon: gal; dollar: \\$ usd buck; cent: ¢;
euro: € eur; gbp: £; yen: ¥ jpy yuan cny rmb;
ruble: rouble rub ₽; won: krw ₩; peso: mxn; rupee: ₹ inr rs; degree: deg; radian: rad; percent:; oclock:; /: per;
square: sq; cubic: cu; k: kelvin; acre:; hectare: ha; kN: kn; kJ: kj; kWh: kwh; kW: kw; kV: kv; Pa: pa; kPa: kpa;
Hz: hz;
kHz: khz;
MHz: mhz; GHz: ghz; J: j; N: n; W: w; V: v; eV: ev; molar:; quart: qt; pint: pt; cup:; tablespoon: tbsp; teaspoon: tsp;
stone:; fortnight:; decade:; century: centurie; knot:; rpm:; atmosphere: atm; torr:; mmhg:; psi:; btu:; lbf:; dyne:;
ohm:; coulomb:; farad:; bit:; byte:; kilobyte: kb; megabyte: mb; gigabyte: gb; terabyte: tb; lumen:; lux:; candela:;
lightyear:; parsec:; gradian:
"""
_ALIASES = {
    other: unit.strip()
    for unit, _, others in (entry.partition(":") for entry in _SPELLINGS.split(";"))
    for other in (unit.strip(), *others.split())
}
_KNOWN = frozenset([*_ALIASES.values(), *SPELT.values()]) - {"square", "cubic"}
_ALIASES |= {"mph": "mile / h", "kmh": "km / h", "kph": "km / h", "cc": "cm ^ 3", "Nm": "N m"}


class Measure(NamedTuple):
    """What stands around the number `row`: its factor, unit ("" if there is none) and sense ("", "increase")."""

    row: Sequence[Token]
    factor: Fraction
    unit: str
    sense: str


def measure(row: Sequence[Token]) -> Measure:
    """Take an answer without equals signs and commas apart.

    Raises:
        UnreadableError: a word around the number is neither a unit nor a factor.
    """
    row, currency = _without_currency(list(without_hedge(row)))
    ends = (i for i in range(1, len(row)) if _is_value(row[i - 1]) and _is_unit(row[i:], row[:i]))
    end = next(ends, len(row))
    if currency and len(row) > 1 and row[-2].kind == "number" and row[-1].text.lower() in _AMOUNTS:  # $70k
        end = len(row) - 1
    behind = _plain(row[end:])
    if _HALF_OF_DAY.search(behind) or _NO_UNIT.search(behind):
        raise UnreadableError("a time, a number or a formula behind the number")
    factor, words, senses = Fraction(1), [], []
    for word in re.findall(r"[A-Za-z]+|[^\sA-Za-z.,]", behind):
        name = word.lower()
        single = name.removesuffix("s") if len(name) > 2 else name
        if name == "more":  # 8 more hours; "or" and "than" say what it means else
            continue
        elif single in FACTORS and not words:
            factor *= FACTORS[single]
        elif single in FACTORS:
            raise UnreadableError(f"{word} behind a unit")
        elif name in ("squared", "cubed") and words:
            words += ["^", "2" if name == "squared" else "3"]
        elif name == "times" and behind == word:  # 3 times
            words.append(name)
        elif name in MEANINGS:
            raise UnreadableError(f"{word} is no unit")
        elif name in _SENSES:
            senses.append(name)
        elif words == ["degree"] and single == "degree":  # 144^\\circ degrees
            continue
        elif name in _OF_DEGREES and words == ["degree"]:
            senses.append(_OF_DEGREES[name])
        elif currency and name in _AMOUNTS and not words:
            factor *= _AMOUNTS[name]
        elif name in CARDINALS:
            raise UnreadableError("a number behind the number")
        else:
            is_electric = word in _ELECTRIC and is_scientific(row[:end])
            words.append("molar" if word == "M" else _ELECTRIC[word] if is_electric else _unit(word))
    if words[-3:-1] == ["^", "-"]:  # m s^-1
        words = [*words[:-4], "/", words[-4], *(["^", words[-1]] if words[-1] != "1" else [])]
    if words[:1] in (["square"], ["cubic"]):  # square inches
        words = [*words[1:2], "^", "2" if words[0] == "square" else "3", *words[2:]]
    return Measure(
        row[:end],
        factor,
        " ".join([currency, *words] if currency and words[:1] == ["/"] else words) or currency,
        " ".join(senses),
    )


def is_scientific(row: Sequence[Token]) -> bool:
    """Whether a number has a power of ten, or is as if it were one written out: behind it C is no degree."""
    is_power = any(a.kind == "number" and a.text == "10" and b.is_sign("^") for a, b in pairwise(row))
    numbers = [token.text for token in row if token.kind == "number"]
    return is_power or any(text.startswith("0.0000") or text.endswith("00000") for text in numbers)


def _unit(word: str) -> str:
    """The one spelling of a unit: km of kilometres; MJ is no mJ, but KM is km."""
    name = word.lower()
    single = name.removesuffix("s") if len(name) > 2 else name
    found = (names[form] for form in (word, name, single) for names in (SPELT, _ALIASES) if form in names)
    return next(found, single)


def without_hedge(row: Sequence[Token]) -> Sequence[Token]:
    """The row without "about", "exactly" and their like before the number."""
    is_hedged = row and row[0].kind in ("text", "letters") and _ABOUT.fullmatch(row[0].text)
    return row[1:] if is_hedged else row


def in_several_units(row: Sequence[Token]) -> list[Sequence[Token]]:
    """The amounts of "6 feet 2 inches", one for each unit; the row alone where their units are not known ones."""
    starts = [i for i, token in enumerate(row) if token.kind == "number"]
    parts = _with_units([row[start:end] for start, end in pairwise([*starts, len(row)])])
    if len(parts) < 2 or starts[0] or any(len(part) != 2 or part[1].kind not in ("text", "letters") for part in parts):
        return [row]
    try:
        units = [measure(part).unit for part in parts]
    except UnreadableError:
        return [row]
    return parts if all(map(is_known, units)) and len(set(units)) == len(units) else [row]


def _with_units(parts: list[Sequence[Token]]) -> list[Sequence[Token]]:
    """The parts of "2 h 15 min" with letters that measure one thing as units; in "2h 30m" the second are minutes."""
    letters = [part[1].text.lower() for part in parts if len(part) == 2 and part[1].kind == "letters"]
    if len(letters) < len(parts):
        return parts
    names = ["min" if name == "m" and letters[0] in ("h", "hr") else name for name in letters]
    kinds = {sized and sized[1] for sized in (size(_unit(name)) for name in names)}
    if len(kinds) > 1 or None in kinds:
        return parts
    return [[part[0], Token("text", name)] for part, name in zip(parts, names, strict=True)]


def says_more(row: Sequence[Token]) -> bool:
    """Whether a word among the tokens says more than what is counted or named, such as "not"."""
    words = re.findall("[A-Za-z]+", _plain(row))
    return any(word.lower() in MEANINGS for word in words if not word.isupper())


def is_known(unit: str) -> bool:
    """Whether a unit is one of those that measure different things where they differ: cm and inch, not way and path."""
    words = [word for word in unit.split() if word.isalpha()]
    return bool(words) and all(word in _KNOWN for word in words)


def are_apart(one: str, other: str) -> bool:
    """Whether each of two units has a known one that the other has not, whatever else is in them: g/mol and kg/mol."""
    words, others = ({word for word in unit.split() if word.isalpha() and word in _KNOWN} for unit in (one, other))
    return bool(words - others and others - words)


def _without_currency(row: list[Token]) -> tuple[list[Token], str]:
    """The row without a currency before or behind the number, and that currency."""
    start = 1 if row and row[0].is_sign("-", "+") else 0
    end = len(row)
    found = []
    while start < end and _is_currency(row[start]):
        found.append(row[start])
        start += 1
    while end > start and _is_currency(row[end - 1]):
        found.append(row[end - 1])
        end -= 1
    name = written(found).lower()
    signs = [token for token in row[: start - len(found)] if token.is_sign("-")] if found else row[:start]
    return [*signs, *row[start:end]], _ALIASES.get(name, name)


def _is_currency(token: Token) -> bool:
    if token.kind in ("letters", "text"):
        return token.text.strip(" .") in _CURRENCIES
    return token.kind == "sign" and token.text in _CURRENCY_SIGNS


def _is_value(token: Token) -> bool:
    """Whether a number or formula can end here."""
    return token.kind not in ("sign", "text") or token.text in (")", "}", "]", "|", "!", r"\%")


def _is_unit(row: Sequence[Token], before: Sequence[Token]) -> bool:
    """Whether these tokens can be a unit with the words around it."""
    is_angle = any(token.text in ANGLES for token in before if token.kind in ("command", "letters"))
    if is_angle and row[0].kind == "letters" and (before[-1].is_command("cdot") or row[0] in [*before]):
        return False  # of 3mg\cos\theta-2mg
    if row[0].kind not in ("text", "letters") and (is_angle or not row[0].is_sign("^")):
        return False
    is_quotient = len(before) == 1 and row[0].spaced and any(token.is_sign("/") for token in row)
    units = _SYMBOLS | _SHORT if is_quotient or row[0].text in _SYMBOLS else _SYMBOLS
    units = units | {"C", "F"} if row[0].is_sign("^") else units  # 20^\circ C
    are_units = all(token.text in units or is_word(token.text) for token in row if token.kind == "letters")
    return are_units and bool(_PHRASE.fullmatch(written(row)))


def _plain(row: Sequence[Token]) -> str:
    words = re.sub("[{}]", " ", without_text(written(row)))
    return " ".join(words.replace(r"^\circ", "degree ").replace("o'clock", "oclock").split())
