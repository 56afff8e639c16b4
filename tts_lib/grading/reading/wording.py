"""Answers in words: names, sentences, lists of them; a part of `readings`."""

import re
from collections.abc import Callable

from tts_lib.grading.reading import notations
from tts_lib.grading.reading.chemistry import are_elements
from tts_lib.grading.reading.conditions import Reading
from tts_lib.grading.reading.dates import date
from tts_lib.grading.reading.number_words import with_digits
from tts_lib.grading.reading.sentences import value_said, verdict_said
from tts_lib.grading.reading.words import plain_words, without_text

_SENTENCE = re.compile(r"[A-Za-z][\w .,'’()-]*")
_UNSAID = re.compile(r"\.(?!\d)|(?<=[a-zA-Z])['’](?=[a-zA-Z])")  # U.S. is US, but 1.5 is not 15 and A' is not A
_OR = re.compile(r"\\lor | or ")


def in_words(text: str, read: Callable[[str], Reading]) -> Reading:
    """The answer that stands as text in a formula; what is no words is left to `read`."""
    text = text.removesuffix(" only")
    if (labelled := notations.option(text)) and not labelled[1]:
        return ("text", labelled[0])
    if letter := notations.letter(text):
        return ("text", letter)
    if (said := value_said(text)) is not None:
        return read(said)
    if (said := verdict_said(text)) != text:
        return words(said)
    if not _SENTENCE.fullmatch(text) or with_digits(text) != text or notations.time_of_day(text):
        return read(text)
    if labelled:
        return ("option", labelled[0], in_words(labelled[1], read))
    parts = re.split(r",|\\land |\\lor | and | or ", text)
    if len(parts) == 1:
        return words(text)
    return ("or" if _OR.search(text) else "list", tuple(in_words(part.strip(), read) for part in parts if part))


def words(text: str) -> Reading:
    """An answer that is no mathematics: its words, whatever their case, or its signs."""
    unwrapped = without_text(text)
    if day := date(unwrapped):
        return ("text", day)
    if _SENTENCE.fullmatch(unwrapped):
        unwrapped = verdict_said(unwrapped)
        said = plain_words(_UNSAID.sub("", unwrapped).strip(" ,").casefold())
        if said in ("no solution", "none"):
            return ("set", ())
        return ("text", said, unwrapped) if are_elements(unwrapped) else ("text", said)
    return ("text", re.sub(r"(\\[a-zA-Z]+) (?=\d)", r"\1", re.sub(r"\{(\w)\}", r"\1", unwrapped)))
