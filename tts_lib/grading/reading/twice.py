r"""One value that is written twice: "9 (nine)", ``\frac12 (50\%)``; a part of `readings`."""

import re
from collections.abc import Callable

from tts_lib.grading.reading.amounts import are_one_number, exact_one
from tts_lib.grading.reading.conditions import Reading
from tts_lib.grading.reading.number_words import with_digits
from tts_lib.grading.reading.tokens import UnreadableError

_TWICE = re.compile(
    r"(?P<first>[^()]+?) ?(?:(?:\\text\{ ?)?\((?:\\text\{)?(?:or |= ?)?(?P<second>[^()]+?)\}?\)\}?"
    r"|\\text\{(?P<words>[a-z -]+)\})"
)


def said_twice(text: str, read: Callable[[str], Reading]) -> Reading | None:
    r"""The value of "9 (nine)" and ``\\frac12 (50\\%)``; None for other texts, and for products as 3(3)."""
    twice = _TWICE.fullmatch(text)
    other = twice and (twice["second"] or twice["words"])
    if twice is None or not other or twice[1] == other:
        return None
    try:
        pair = [read(with_digits(part.strip())) for part in (twice[1], other)]
    except UnreadableError:
        return None
    return exact_one(pair) if are_one_number([[item] for item in pair]) else None
