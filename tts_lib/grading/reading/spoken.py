r"""Formulas in words: "x squared plus 1" is ``x^{2}+1``, "x is at least 3" is ``x\ge 3``; a part of `readings`.

A phrase is read only if all of its words are known and can be meant in one way: "the square root of 2 plus 1",
"x plus 1 over 2" and "negative 2 squared" stay words.
"""

import re

from tts_lib.grading.reading.measures import MEANINGS
from tts_lib.grading.reading.number_words import CARDINALS, ORDINALS, with_digits
from tts_lib.grading.reading.tokens import UnreadableError

_HINT = re.compile(
    r"^[a-z] is\b|(?<![a-z])(?:point|plus"
    r"|minus|negative|times|divided|over|squared|cubed|to the|root|roots|half of|choose|factorial"
    r"|value|least|most|greater|larger|bigger|smaller|less|more|between|equals?|positive|nonnegative|nonpositive|inclusive|exclusive)(?![a-z])",
    re.I,
)
_TOKEN = re.compile(
    r" *(?:(?P<nth>\d+(?:st|nd|rd|th)\b)|(?P<number>\d+(?:\.\d+)?(?:\\frac\{\d+\}\{\d+\})?"
    r"|\\(?:frac\{\d+\}|sqrt)\{\d+\})"
    r"|\\(?P<greek>pi|infty|theta|alpha|beta|lambda|mu|sigma)(?![a-z])|(?P<sign>\\pm(?![a-z])|[-+()])"
    r"|(?P<power>\^(?:\d|\{\d+\}))|(?P<word>[a-zA-Z]+))"
)
_POINT = re.compile(rf"(?<=[a-z]) point((?: (?:{'|'.join(list(CARDINALS)[:10])}))+)(?![a-z])", re.I)
_NEGATIVE = re.compile(r"(?:negative|minus) ", re.I)
_OR_EQUAL = r"(?: ?\\lor ?| or )equal to"
_RELATIONS = {
    r"\ge ": rf"greater than{_OR_EQUAL}|at least|(?:no|not) (?:less|smaller) than",
    r"\le ": rf"less than{_OR_EQUAL}|at most|(?:no|not) (?:more|greater|larger) than",
    ">": "(?:strictly )?(?:greater|more|larger|bigger) than",
    "<": "(?:strictly )?(?:less|smaller) than",
    r"\ne ": "not equal to|does not equal",
}
_BOUNDED = re.compile(
    r"(?:(?:the set of )?(?:(?:all )?real numbers|all reals|all numbers)(?: that are)? "
    r"|(?:all )?(?P<name>[a-zA-Z]) (?:(?:is|must be) )?)?"
    r"(?:(?P<relation>" + "|".join(f"(?:{words})" for words in _RELATIONS.values()) + r") (?P<bound>.+)"
    r"|(?P<strictly>strictly )?(?:between|from) (?P<low>.+?)(?: and | to |\\land ?)(?P<high>.+?)"
    r"(?P<how>,? ?\(?(?:in|ex)clusive\)?)?)",
    re.I,
)
_SIGNED = re.compile(r"(?P<name>[a-zA-Z]) (?:is|must be) (?P<non>non-?)?(?:(?P<positive>positive)|negative)", re.I)
_EQUAL = re.compile(
    r"(?:(?P<name>[a-zA-Z](?:\([a-z]\)| of [a-z])?) ?(?:equals|is(?: equal to)?)"
    r"|(?P<left>[^=]+?) ?(?:equals|is equal to))(?: |(?=\\))(?P<value>.+)",
    re.I,
)
_OF_SIGNS = {(True, False): ">", (False, False): "<", (True, True): r"\le ", (False, True): r"\ge "}
_SETS = {
    ">": r"({},\infty)",
    "<": r"(-\infty,{})",
    r"\ge ": r"[{},\infty)",
    r"\le ": r"(-\infty,{}]",
    r"\ne ": r"\mathbb{{R}}\setminus\{{{}\}}",
}


def spoken(text: str) -> str | None:
    """The formula, equation or condition that a phrase says, in LaTeX; None of other texts."""
    if not _HINT.search(text):
        return None
    try:
        return _said(_POINT.sub(lambda found: f".{''.join(str(CARDINALS[d]) for d in found[1].lower().split())}", text))
    except UnreadableError:
        return None


def _said(text: str) -> str:
    if bounded := _BOUNDED.fullmatch(text):
        return _region(bounded)
    if signed := _SIGNED.fullmatch(text):
        return f"{signed['name']}{_OF_SIGNS[bool(signed['positive']), bool(signed['non'])]}0"
    if equal := _EQUAL.fullmatch(text):
        name = re.sub(r" of ([a-z])$", r"(\1)", equal["name"] or "") or _Phrase(equal["left"]).formula()
        return f"{name}={_Phrase(equal['value']).formula()}"
    if negative := _NEGATIVE.match(text):  # "negative seven degrees"
        rest = with_digits(text[negative.end() :])
        if re.match(r"\\\$|\d|\\frac", rest) and not MEANINGS & {*re.findall("[a-z]+", rest.lower())}:
            return f"-{rest}"
    return _Phrase(text).formula()


def _region(found: re.Match[str]) -> str:
    if found["relation"]:
        is_one = (sign for sign, words in _RELATIONS.items() if re.fullmatch(words, found["relation"], re.I))
        sign, bound = next(is_one), _Phrase(found["bound"]).formula()
        return f"{found['name']}{sign}{bound}" if found["name"] else _SETS[sign].format(bound)
    how = (found["how"] or "").strip(" ,()").lower()
    if bool(found["strictly"]) == bool(how):  # nobody knows whether 2 is between 2 and 5
        raise UnreadableError("ends of which nothing is said")
    low, high = (_Phrase(found[end]).formula() for end in ("low", "high"))
    if found["name"]:
        sign = r"\le " if how == "inclusive" else "<"
        return f"{low}{sign}{found['name']}{sign}{high}"
    return f"x\\in [{low},{high}]" if how == "inclusive" else f"x\\in ({low},{high})"


class _Phrase:
    """A row of words that is read from left to right.

    A part is open if what follows might belong to its end: to the root of "the square root of 2".
    """

    def __init__(self, text: str) -> None:
        self._rest: list[str] = []
        while text := text.strip():
            word = re.match("[a-z]+", text, re.I)
            if word and word[0].lower() in CARDINALS:
                text = with_digits(text)
            if (found := _TOKEN.match(text)) is None or not found.end():
                raise UnreadableError(text)
            is_letter = found["word"] and len(found["word"]) == 1
            greek = found["greek"] and f"\\{found['greek']} "
            self._rest.append(greek or (found[0].strip() if is_letter else found[0].strip().lower()))
            text = text[found.end() :]
        self._rest.reverse()

    def formula(self) -> str:
        """All of the phrase. Raises UnreadableError if it is no formula."""
        found = self._sum()
        if self._rest:
            raise UnreadableError("words that are not known")
        return found

    def _take(self, *phrases: str) -> bool:
        """Whether one of the phrases comes next; then it is behind."""
        for phrase in phrases:
            words = phrase.split()[::-1]
            if self._rest[-len(words) :] == words:
                del self._rest[-len(words) :]
                return True
        return False

    def _sum(self) -> str:
        sign = r"\pm " if self._take(r"\pm") else "-" if self._take("negative", "minus", "-") else ""
        found, is_open, is_loose = self._term(bool(sign))
        found = sign + found
        while operation := next((sign for sign, words in _OPERATIONS.items() if self._take(*words)), ""):
            term, last_is_open, is_loose_too = self._term()
            if is_open or is_loose or is_loose_too:
                raise UnreadableError("a sum of which nobody knows where it ends")
            found, is_open = f"{found}{operation}{term}", last_is_open
        return found

    def _term(self, is_negative: bool = False) -> tuple[str, bool, bool]:
        """(a product, whether it is open, whether it is a quotient whose parts might be sums)."""
        found, is_open = self._factor(is_negative)
        while not is_open and self._rest:
            if self._take("times", "multiplied by"):
                factor, is_open = self._factor()
                found = rf"{found}\cdot {factor}"
            elif self._is_factor() and re.fullmatch(r"[\d.]+|(?:.*[ }])?[a-zA-Z]|.*\\[a-z]+ |.*\)", found):
                factor, is_open = self._power()
                found = f"{found} {factor}"
            else:
                break
        if self._take("over", "divided by"):
            below, is_open_below = self._factor()
            if is_open or is_open_below:
                raise UnreadableError("a quotient of which nobody knows where it begins")
            return rf"\frac{{{found}}}{{{below}}}", False, True
        return found, is_open, r"\binom" in found

    def _is_factor(self) -> bool:
        word = self._rest[-1]
        return (
            (len(word) == 1 and word.isalpha())
            or word.startswith("\\pi")
            or word in ("pi", "square", "cube", "root", "(")
        )

    def _factor(self, is_negative: bool = False) -> tuple[str, bool]:
        if self._take("negative"):
            found, is_open = self._power(is_negative=True)
            return f"(-{found})", is_open
        return self._power(is_negative)

    def _power(self, is_negative: bool = False) -> tuple[str, bool]:
        base, is_open = self._atom()
        if self._take("factorial"):
            return f"({base})!" if not is_open else self._fail(), False
        if self._take("choose"):
            below, _ = self._atom()
            return rf"\binom{{{base}}}{{{below}}}" if not is_open else self._fail(), False
        is_power = bool(self._rest) and self._rest[-1][0] == "^"
        exponent = self._rest.pop()[1:].strip("{}") if is_power else self._exponent()
        if not exponent:
            return base, is_open
        if is_open or base.startswith(r"\frac") or "}" in base or (is_negative and base[0].isdigit()):
            self._fail()
        return f"{base}^{{{exponent}}}", not exponent.lstrip("-").isdecimal()

    def _exponent(self) -> str:
        if self._take("squared"):
            return "2"
        if self._take("cubed"):
            return "3"
        if not self._take("raised to the", "to the"):
            return ""
        self._take("power of", "power")
        sign = "-" if self._take("negative", "minus", "-") else ""
        word = self._rest[-1] if self._rest else ""
        if word in ORDINALS or re.fullmatch(r"\d+(?:st|nd|rd|th)", word):
            self._rest.pop()
            self._take("power")
            return f"{sign}{ORDINALS.get(word) or int(word[:-2])}"
        found, is_open = self._factor()
        if found.isdecimal() and self._rest and len(self._rest[-1]) == 1 and self._rest[-1].isalpha():  # e to the 2x
            found = f"{found} {self._rest.pop()}"
        self._take("power")
        return sign + found if not is_open else self._fail()

    def _atom(self) -> tuple[str, bool]:
        """(a number, letter, sum in brackets or root, whether it is open)."""
        self._take("the")
        if self._take("("):
            found = self._sum()
            return f"({found})" if self._take(")") else self._fail(), False
        for prefix, phrases in _PREFIXES.items():
            if self._take(*phrases):
                is_closed = bool(self._rest) and self._rest[-1] == "("
                return prefix.format(self._operand()), not is_closed
        word = self._rest.pop() if self._rest else self._fail()
        is_atom = word[0].isdigit() or word[0] == "\\" or (len(word) == 1 and word.isalpha())
        if word[-2:] in ("st", "nd", "rd", "th") or not (is_atom or word in _CONSTANTS):
            self._fail()
        return _CONSTANTS.get(word, word), False

    def _operand(self) -> str:
        sign = "-" if self._take("negative") else ""
        found, is_open = self._atom()
        if is_open or (self._rest and (self._rest[-1][0] == "^" or self._rest[-1] in _BINDING)):
            self._fail()
        return sign + found

    def _fail(self) -> str:
        raise UnreadableError("words that can be meant in several ways")


_OPERATIONS = {"+": ("plus", "+"), "-": ("minus", "-"), r"\pm ": (r"\pm",)}
_BINDING = frozenset("squared cubed to raised factorial choose".split())
_CONSTANTS = {"pi": r"\pi ", "infinity": r"\infty "}
_NTH_ROOTS = {n: [f"{name} root of" for name in (word, f"{n}th")] for word, n in ORDINALS.items() if 4 <= n <= 9}
_PREFIXES: dict[str, list[str]] = {
    r"\sqrt{{{}}}": ["square root of", "positive square root of", "square roots of", "sqrt of", "sqrt", "root"],
    r"\sqrt[3]{{{}}}": ["cube root of", "cubic root of", "cube roots of", "third root of"],
    **{rf"\sqrt[{n}]{{{{{{}}}}}}": phrases for n, phrases in _NTH_ROOTS.items()},
    r"\frac{{1}}{{2}}\cdot {}": ["half of"],
    "|{}|": ["absolute value of"],
}
