r"""Notations that are no formula: option labels, times of the day, numbers in another base."""

import re

from tts_lib.grading.reading.number_words import CARDINALS
from tts_lib.grading.reading.words import without_text

_OPTION = re.compile(
    r"(?:[Oo]ption ?|[Cc]hoice ?)?(?:\\text\{[(\[]?(?P<text>[A-J])[)\]]?[.:]?\}|[(\[]\\text\{(?P<inner>[A-J])\}[)\]]"
    r"|\{?[(\[](?P<round>[A-J])[)\]]\}?|(?P<bare>[A-J])(?:[.:)]|(?<=ption [A-J])|(?<=hoice [A-J])))[.:]?"
    r"(?![\^_!'=<>,+*/;|]|\\(?:cup|cap|cdot|in|le|ge|ne|land|lor|pm|to)(?![a-z]))"
    r"(?! ?(?:\\text\{ ?)?(?:is|are|was|does|can|cannot|could|must|has|would|isn't|can't)\b)(?P<rest>.*)",
    re.DOTALL,
)
_LETTER = re.compile(r"\(?\(?([a-zA-Z])\)?[.:)]?")
_TIME = re.compile(
    r"(\d{1,2})(?::(\d\d))?(?::(\d\d))? ?(?:(?:o'clock )?in the (morning|afternoon|evening)|(a|p)\.? ?m\.?)", re.I
)
_NOON = re.compile(r"(?:12(?::00)? ?)?(noon|midnight)", re.I)
_CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d)?")
_PART = rf"(?:\d+(?:\.\d+)?|{'|'.join(CARDINALS)})"
_TO = re.compile(r"-to-| ?(?:is )?to ?")
_PARTS = re.compile(rf"{_PART}(?:(?:{_TO.pattern}){_PART})+")
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_BASES = {"binary": 2, "ternary": 3, "octal": 8, "decimal": 10, "hexadecimal": 16, "hex": 16} | CARDINALS
_PREFIXES = {"0b": 2, "0o": 8, "0x": 16}
_BASE = re.compile(
    r"(?P<sign>-?)(?:(?P<before>binary|ternary|octal|hexadecimal|hex) )?"
    r"[({\[]?\(?(?P<digits>[\dA-Za-z. ,]*?\d[\dA-Za-z. ,]*?|[A-Z]+)[)}\]]?"
    r"(?:_\{?\(?(?:base ?)?(?P<index>[a-z]+|\d+)\)?\}?| ?\(? ?(?:in )?base[ -]?(?P<behind>[a-z]+|\d+)\)?"
    r"| ?\(? ?(?:in )?(?P<name>binary|ternary|octal|decimal|hexadecimal|hex)(?: form| notation)?\)?"
    r"|(?(before)|(?!)))\)?"
)
_PREFIXED = re.compile(r"(-?)(0[box])([\dA-Fa-f]+)")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


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
    text = without_text(text)
    if noon := _NOON.fullmatch(text):
        return 12 if noon[1].lower() == "noon" else 0, 0, 0
    match = _TIME.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= 12:
        return None
    afternoon = 0 if (match[4] or match[5]).lower() in ("a", "morning") else 12
    return int(match[1]) % 12 + afternoon, int(match[2] or 0), int(match[3] or 0)


def is_clock(text: str) -> bool:
    """Whether a ratio may be the time that a clock shows, such as 9:24."""
    return bool(_CLOCK.fullmatch(text))


def parts_in_words(text: str) -> list[str]:
    """3 and 5 of "3 to 5"; none of other texts."""
    text = without_text(text)
    if "to" not in text or not _PARTS.fullmatch(text):
        return []
    return [str(CARDINALS.get(part, part)) for part in _TO.split(text)]


def in_base(text: str) -> tuple[str, int] | None:
    r"""(digits, base) of ``1011_2``, ``\text{B3}_{16}``, ``1011 base two``, ``1011 in binary`` or ``0b1011``."""
    if prefixed := _PREFIXED.fullmatch(text):
        text = f"{prefixed[1]}{prefixed[3].upper()}_{_PREFIXES[prefixed[2]]}"
    match = _BASE.fullmatch(_TEXT.sub(r"\1", text))
    if match is None:
        return None
    name = match["index"] or match["behind"] or match["name"] or match["before"]
    base = int(name) if name.isdigit() else _BASES.get(name, 0)
    digits = re.sub(r"[ ,]", "", match["digits"]).upper()
    is_number = digits.count(".") <= 1 and 2 <= base <= 36 and set(digits) <= {".", *_DIGITS[:base]}
    is_written_so = "text" in text or (base > 10 and len(digits) > 1)  # F_{16} is a number of Fibonacci's
    if not is_number or (digits.isalpha() and not is_written_so):
        return None
    whole, _, part = digits.partition(".")
    return match["sign"] + f"{whole.lstrip('0') or '0'}.{part.rstrip('0')}".rstrip("."), base
