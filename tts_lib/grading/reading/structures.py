r"""Groups, rings, fields and distributions by their names: ``\mathbb{Z}/2\mathbb{Z}`` is C_2.

A part of `readings`. A name may be something else too (C_2 a constant): beside other answers it is that.
"""

import re
from collections.abc import Callable

from tts_lib.grading.reading.conditions import Reading
from tts_lib.grading.reading.tokens import Tokens, UnreadableError, split, tokens, written

_HINT = re.compile(r"\\mathbb|\\Z|[A-Z][_^]|[A-Z]\d|G[FL]|SL|[QZ][/\[(]|[A-Z][a-z]*\}?[(\[]|(?:Gamma|chi)")
_Z = r"(?:\\mathbb ?(?:\{Z\}|Z)|\\Z(?![a-z])|Z)"
_CYCLIC = re.compile(
    rf"(?:{_Z}|C)(?:_\{{?(?P<a>\d+)\}}?|(?P<b>\d))|{_Z}/\{{?(?P<c>\d+)(?:(?:\\cdot ?)?{_Z})?\}}?"
    rf"|{_Z}/(?:\((?P<d>\d+)\)|\\langle ?(?P<e>\d+)\\rangle ?)"
)
_FIELD = re.compile(r"(?:\\mathbb ?(?:\{F\}|F)|F|GF|\\text\{GF\})(?:_\{?([\d^{}]+?)\}?|\(([\d^{}]+)\))")
_NAMED = re.compile(r"([SADQV])_\{?(\d+)\}?|K_\{?4\}?")
_MATRICES = re.compile(
    r"(?:\\text\{)?([SG]L|[SP]?[OU]|PSL|PGL)\}?"
    r"(?:_\{?(\d|n)\}?\((?:\\mathbb ?)?\{?([RCQZF]\w*)\}?\)|\((\d|n),(?:\\mathbb ?)?\{?([RCQZF]\w*)\}?\))"
)
_NUMBERS = re.compile(r"\\mathbb ?(?:\{([RCQZN])\}|([RCQZN]))")
_SPACE = re.compile(r"(?:\\mathbb ?)?\{?([RCQZ])\}?\^\{?([nkm\d])\}?")
_SQUARE = re.compile(r"M_\{?(\d|n)(?:\\cdot ?\1|,\1)?\}?\((?:\\mathbb ?)?\{?([RCQZ])\}?\)")
_CYCLES = re.compile(r"(?:\(\d(?: \d)+\))+|(?:\(\d{2,9}\)){2,}")
_EXTENSION = re.compile(r"(?:\\mathbb ?(?:\{([RCQZ])\}|([RCQZ]))|([QZ])(?==?[(\[].*(?:sqrt|i[)\]])))=?([(\[])(.+)[)\]]")
_POWER = re.compile(r"(?:\((.+)\)|(.+))\^\{?(\d)\}?")
_MOST_FACTORS = 12
_LARGEST = 10**6
_IN_BRACES = re.compile(r"^\{([A-Z])\}(?=[(\[])")

_NAMES = {
    "binomial": "binomial binom bin bi B",
    "normal": "normal gaussian norm N",
    "poisson": "poisson poi pois po",
    "exponential": "exponential exp expo",
    "uniform": "uniform unif U",
    "geometric": "geometric geom geo",
    "bernoulli": "bernoulli bern ber",
    "gamma": r"gamma ga \Gamma",
    "beta": "beta",
    "negative binomial": "nb negbin negativebinomial negbinomial",
    "hypergeometric": "hypergeometric hypergeom hyp",
    "chi square": r"chisquare chisquared \chi^2 \chi^{2}",
}
_DISTRIBUTIONS = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_DISTRIBUTION = re.compile(
    r"(?:\\text\{ ?)?(?P<name>[A-Za-z][A-Za-z -]{0,17}|\\Gamma|\\chi\^\{?2\}?)(?: ?\})? ?(?P<open>[(\[])(?P<of>.+)[)\]]"
    r"|\\chi\^\{?2\}?_\{?(?P<a>\w+)\}?|\\chi_\{?(?P<b>\w+)\}?\^\{?2\}?"
)
_N_PARAMETERS = {"poisson": 1, "exponential": 1, "geometric": 1, "bernoulli": 1, "chi square": 1, "hypergeometric": 3}


def structure(text: str, read: Callable[[Tokens], Reading]) -> tuple[str, tuple[Reading, ...]] | None:
    """(what it is, its parts: in their order for a distribution, in any for others); None of other texts."""
    if not _HINT.search(text) and not text.startswith("("):
        return None
    if _CYCLES.fullmatch(text):
        return _permutation(text), ()
    text = _IN_BRACES.sub(r"\1", text)
    text = re.sub(r"(?<=\d) x (?=[A-Z\\])", r"\\cdot ", text) if "_" in text else text
    try:
        if _NUMBERS.fullmatch(text):  # a set of numbers
            return None
        free = [_factors(part) for part in split(tokens(text), "freeproduct")[0]]
        if None not in free:
            return " * ".join(sorted(" x ".join(sorted(factors)) for factors in free if factors)), ()
        if (field := _EXTENSION.fullmatch(text)) and (field[3] or "x" not in field[5]):
            name = f"{field[1] or field[2] or field[3]}{field[4]}"
            return name, tuple(map(read, split(tokens(field[5]), ",")[0]))
        return _distribution(text, read)
    except UnreadableError:
        return None


def _factors(row: Tokens) -> list[str] | None:
    """The names of the factors of a direct product."""
    found: list[str] = []
    for part in split(row, "cdot", "times", "oplus")[0]:
        if (some := _factor(written(part))) is None or len(found) + len(some) > _MOST_FACTORS:
            return None
        found += some
    return found


def _factor(text: str) -> list[str] | None:
    if cyclic := _CYCLIC.fullmatch(text):
        return [f"C_{next(filter(None, cyclic.groups()))}"]
    if field := _FIELD.fullmatch(text):
        return _of_order(re.sub("[{}]", "", field[1] or field[2]))
    if named := _NAMED.fullmatch(text):
        return ["C_2", "C_2"] if not named[1] or named[0] in ("V_4", "V_{4}") else [f"{named[1]}_{named[2]}"]
    if matrices := _MATRICES.fullmatch(text):
        return [f"{matrices[1]}_{matrices[2] or matrices[4]} {matrices[3] or matrices[5]}"]
    if space := _SPACE.fullmatch(text):
        return [space[1]] * int(space[2]) if space[2].isdigit() else [f"{space[1]}^{space[2]}"]
    if square := _SQUARE.fullmatch(text):
        return [f"M_{square[1]} {square[2]}"]
    if numbers := _NUMBERS.fullmatch(text):
        return [numbers[1] or numbers[2]]
    if power := _POWER.fullmatch(text):
        inner = _factor(power[1]) if power[1] else _factor(power[2])
        return inner * int(power[3]) if inner and int(power[3]) > 0 else None
    return None


def _permutation(text: str) -> str:
    """Cycles from their smallest element on, those that have nothing in common in order."""
    found = [re.sub(r"\D", "", cycle) for cycle in text.split(")")[:-1]]
    found = [min(cycle[i:] + cycle[:i] for i in range(len(cycle))) for cycle in found]
    elements = "".join(found)
    return f"cycles {' '.join(sorted(found) if len(set(elements)) == len(elements) else found)}"


def _of_order(order: str) -> list[str] | None:
    """The field of so many elements, which is the integers modulo a prime."""
    base, _, exponent = order.partition("^")
    if not base.isdigit() or len(base) > 6 or not ((exponent.isdigit() and len(exponent) < 3) or not exponent):
        return None
    n = int(base) ** int(exponent or 1)
    if not 1 < n < _LARGEST:
        return None
    prime = next((d for d in range(2, int(n**0.5) + 1) if n % d == 0), n)
    return [f"C_{n}" if prime == n else f"F_{n}"]


def _distribution(text: str, read: Callable[[Tokens], Reading]) -> tuple[str, tuple[Reading, ...]] | None:
    found = _DISTRIBUTION.fullmatch(text)
    if found is None:
        return None
    if found["name"] is None:
        return "~chi square", (read(tokens(found["a"] or found["b"])),)
    name = found["name"].strip()
    kind = _DISTRIBUTIONS.get(name) or _DISTRIBUTIONS.get(
        re.sub("[ -]", "", name.removesuffix(" distribution")).lower()
    )
    parameters = split(tokens(found["of"]), ",", ";")[0]
    if kind is None or len(parameters) != _N_PARAMETERS.get(kind, 2) or (found["open"] == "[" and kind != "uniform"):
        return None
    return f"~{kind}", tuple(read(_unnamed(row)) for row in parameters)


def _unnamed(row: Tokens) -> Tokens:
    """``n=10`` as 10."""
    return split(row, "=")[0][-1]
