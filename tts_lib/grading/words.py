"""Answers that are words: a name, a symbol, a number; a gold may have several spellings."""

import re
import unicodedata

from tts_lib.grading.answers import extract_answer
from tts_lib.grading.verdicts import CORRECT, NO_ANSWER, WRONG

OR = "|"  # between the spellings of a gold
_ARTICLE = re.compile(r"(?:the|an?) (?=\S)")


def plain(text: str) -> str:
    """The words without case, accents, a leading article, and what stands at their ends."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return _ARTICLE.sub("", " ".join(bare.casefold().split()).strip(" .,;:!?\"'*_`"), count=1)


def grade(text: str, gold: str) -> tuple[str | None, str]:
    """(answer, verdict) of a solution: what it says its answer is, against the spellings of the gold.

    The answer is plain, and of those that are right the gold's first spelling, so that equal answers are equal texts.
    """
    if (found := extract_answer(text, "marked")) is None or not (given := plain(found)):
        return None, NO_ANSWER
    spelt = [plain(each) for each in gold.split(OR)]
    return (spelt[0], CORRECT) if given in spelt else (given, WRONG)
