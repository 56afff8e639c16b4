r"""Notations that are no formula: option labels, times of the day, numbers in another base, number words."""

import re
from collections.abc import Sequence

_OPTION = re.compile(
    r"(?:[Oo]ption ?|[Cc]hoice ?)?(?:\\text\{[(\[]?(?P<text>[A-J])[)\]]?[.:]?\}|[(\[]\\text\{(?P<inner>[A-J])\}[)\]]"
    r"|\{?[(\[](?P<round>[A-J])[)\]]\}?|(?P<bare>[A-J])(?:[.:)]|(?<=ption [A-J])|(?<=hoice [A-J])))[.:]?"
    r"(?![\^_!'=<>,+*/;|]|\\(?:cup|cap|cdot|in|le|ge|ne|land|lor|pm|to)(?![a-z]))(?P<rest>.*)",
    re.DOTALL,
)
_LETTER = re.compile(r"\(?\(?([a-zA-Z])\)?[.:)]?")
_TIME = re.compile(r"(\d{1,2})(?::(\d\d))?(?::(\d\d))? ?(a|p)\.? ?m\.?", re.I)
_NOON = re.compile(r"(?:12(?::00)? ?)?(noon|midnight)", re.I)
_CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d)?")
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_BASE = re.compile(
    r"(-?)[({]?\(?([\dA-Za-z. ,]*?\d[\dA-Za-z. ,]*?|[A-Z]+)[)}]?"
    r"(?:_\{?\(?(?:base ?)?([a-z]+|\d+)\)?\}?| ?\(? ?(?:in )?base ?([a-z]+|\d+)\)?)\)?"
)
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WORDS: Sequence[str] = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty".split()
)
_ONE = re.compile(r"^an? (?=(?:dozen|hundred|thousand|million|billion|trillion)\b)", re.I)
_HALF = re.compile(r"^half an? (?=(?:dozen|hundred|thousand|million|billion|trillion)\b)", re.I)
_NUMBER_WORD = re.compile(rf"({'|'.join(sorted(_WORDS, key=len, reverse=True))})(?![a-z])", re.I)


def option(text: str) -> tuple[str, str] | None:
    """(label, what stands behind it) of ``(B) 12``, ``B. 12`` or ``\\text{(B)}``; None without a label."""
    match = _OPTION.fullmatch(text)
    if match is None:
        return None
    letter = match["text"] or match["inner"] or match["round"] or match["bare"]
    return letter.casefold(), match["rest"].strip()


def letter(text: str) -> str | None:
    """The one letter that a text in words or brackets is."""
    match = _LETTER.fullmatch(text)
    return match[1].casefold() if match else None


def letter_in_brackets(text: str) -> str | None:
    """The letter of ``(c)``, as options are marked; None for other texts."""
    return text[1].casefold() if re.fullmatch(r"\([a-zA-Z]\)", text) else None


def time_of_day(text: str) -> tuple[int, int, int] | None:
    """(hours after midnight, minutes, seconds) of ``9 a.m.``, ``4:30\\text{ p.m.}`` or ``noon``."""
    text = _TEXT.sub(r" \1", text).strip()
    if noon := _NOON.fullmatch(text):
        return 12 if noon[1].lower() == "noon" else 0, 0, 0
    match = _TIME.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= 12:
        return None
    afternoon = 12 if match[4].lower() == "p" else 0
    return int(match[1]) % 12 + afternoon, int(match[2] or 0), int(match[3] or 0)


def is_clock(text: str) -> bool:
    """Whether a ratio may be the time that a clock shows, such as 9:24."""
    return bool(_CLOCK.fullmatch(text))


def in_base(text: str) -> tuple[str, int] | None:
    r"""(digits, base) of ``1011_2``, ``(1011)_{2}``, ``\text{B3}_{16}`` or ``1011 base two``."""
    match = _BASE.fullmatch(_TEXT.sub(r"\1", text))
    if match is None:
        return None
    name = match[3] or match[4]
    base = int(name) if name.isdigit() else _WORDS.index(name) if name in _WORDS else 0
    digits = re.sub(r"[ ,]", "", match[2]).upper()
    is_number = digits.count(".") <= 1 and 2 <= base <= 36 and set(digits) <= {".", *_DIGITS[:base]}
    if not is_number or (digits.isalpha() and "text" not in text):
        return None
    whole, _, part = digits.partition(".")
    return match[1] + f"{whole.lstrip('0') or '0'}.{part.rstrip('0')}".rstrip("."), base


def with_digits(text: str) -> str:
    """The text with the number word that it begins with in digits: "two lines" are 2 lines, a dozen 1 dozen."""
    text = _ONE.sub("1 ", _HALF.sub(r"\\frac{1}{2}", text))
    return (
        _NUMBER_WORD.sub(lambda word: str(_WORDS.index(word[1].lower())), text, count=1)
        if (_NUMBER_WORD.match(text))
        else text
    )
