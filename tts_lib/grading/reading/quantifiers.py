r"""What is said of a letter: "for all real x", ``k\in\mathbb{Z}``, "where c is a constant", ``for n \ge 1``."""

import re
from typing import NamedTuple

_NUMBERS = {
    "integer": "integers?",
    "whole": "(?:positive |non-?negative )integers?|natural numbers?",
    "real": "(?:arbitrary |real )*(?:constants?|numbers?)|real",
}


def _noun(place: int) -> str:
    """One of the nouns, in groups named for what they mean and the place in the pattern."""
    return "|".join(f"(?P<{kind}{place}>{words})" for kind, words in _NUMBERS.items())


_QUANTIFIED = re.compile(
    r"(?P<body>.+?)(?:[,;|:] ?| \(?|\(|(?=\\forall))(?:(?P<for>for |\\forall ?)|where |with )?"
    r"(?:(?:all|any|every|each|(?P<some>some)) )?(?:"
    r"(?P<member>[a-z])(?: ?\\in ?(?:(?P<integer1>\\mathbb ?\{?Z\}?|Z)|(?P<real1>\\mathbb\{R\}))"
    rf"| ?(?:is |being )?(?:an?|any|some) (?:arbitrary )?(?:{_noun(2)}))"
    rf"|(?:an )?(?:(?:{_noun(3)}) (?:values of )?|(?(for)|(?!)))(?P<of>[a-z])(?P<whole4> ?(?:\\ge ?[01]|>0))?"
    r")\)?"
)


class Quantified(NamedTuple):
    """An answer, and what one of its letters stands for."""

    body: str
    letter: str
    kind: str  # "integer", "whole" (from 0 or 1 on), "real", or "" where that is not said
    is_some: bool  # for some of them only


def quantified(text: str) -> Quantified | None:
    r"""An answer that ends with what a letter stands for, in plain words without ``\text``; None for others."""
    found = _QUANTIFIED.fullmatch(text)
    if found is None:
        return None
    kinds = [name[:-1] for name, part in found.groupdict().items() if part and name[-1].isdigit()]
    return Quantified(found["body"], found["member"] or found["of"], kinds[0] if kinds else "", bool(found["some"]))
