r"""What is said of letters behind an answer: "for all real x", ``k\in\mathbb{Z}``, "where c is constant"."""

import re
from typing import NamedTuple

_LETTER = r"(?:[a-zA-Z]|\\(?:lambda|mu|alpha|beta))(?:_\{?\w\}?)?"
_NOUNS = {
    "integer": "integers?",
    "one": "positive (?:integers?|whole numbers?)",
    "zero": "non-?negative integers?|whole numbers?",
    "natural": "natural numbers?",
    "real": r"(?:(?:arbitrary|real|unknown) )*(?:constants?|numbers?|parameters?)(?: of integration)?|real",
}
_SIGNS = {
    "one": r"\\ge ?1|>0|=1,2(?:,3)?,\\ldots|\\in ?\\mathbb ?\{?[ZN]\}?(?:\^\{?[+*]\}?|_\{?(?:>0|\+)\}?)",
    "zero": r"\\ge ?0|=0,1(?:,2)?,\\ldots|\\in ?\\mathbb ?\{?[ZN]\}?_\{?(?:\\ge ?)?0\}?",
    "natural": r"\\in ?\\mathbb ?\{?N\}?",
    "integer": r"\\in ?(?:\\mathbb ?\{?Z\}?|Z)|=0,(?:\\pm ?1,\\pm ?2(?:,\\pm ?3)?),\\ldots",
    "real": r"\\in ?\\mathbb ?\{?R\}?",
}


def _one_of(patterns: dict[str, str], place: int) -> str:
    """One of the patterns, in groups named for what they mean and the place where they stand."""
    return "(?:" + "|".join(f"(?P<{kind}{place}>{words})" for kind, words in patterns.items()) + ")"


_HINT = re.compile(r"\b(?:for|where|with|integers?|constants?|numbers?)\b|\\forall|\\in(?![a-z])|\\ge|>0|\\ldots")
_QUANTIFIED = re.compile(
    r"(?P<body>.+?)(?<!\\land)(?<!\\lor)(?:[,;|:] ?| \(?|\(|(?=\\forall))(?:(?P<for>for |\\forall ?)|(?:where|with) )?"
    r"(?:(?:all|any|every|each|(?P<some>some)) )?(?:"
    rf"(?P<members>(?P<first>{_LETTER})(?:(?:, ?|,? ?\\land ?|,? and )(?!(?P=first)){_LETTER})*)"
    rf"(?: ?{_one_of(_SIGNS, 1)}"
    rf"| ?(?:is |are |being )?(?:an? |any |some |the )?(?:arbitrary )?{_one_of(_NOUNS, 2)})"
    rf"|(?:an )?(?:{_one_of(_NOUNS, 3)} (?:values of )?|(?(for)|(?!)))(?P<of>{_LETTER}(?:(?:, ?| ?\\land ?){_LETTER})*)"
    rf"(?: ?{_one_of(_SIGNS, 4)})?"
    r")\)?"
)
_CONJUNCTION = re.compile(r", ?| ?\\land ?| and ")


class Quantified(NamedTuple):
    """An answer, and what some of its letters stand for."""

    body: str
    letters: tuple[str, ...]
    kind: str  # "integer", "one", "zero" and "natural" (from 1, from 0, from either on), "real", "" if it is not said
    is_some: bool  # for some of them only


def quantified(text: str) -> Quantified | None:
    r"""An answer that ends with what letters stand for, in plain words without ``\text``; None for others."""
    if not _HINT.search(text) or (found := _QUANTIFIED.fullmatch(text)) is None:
        return None
    kinds = [name[:-1] for name, part in found.groupdict().items() if part and name[-1].isdigit()]
    letters = tuple(re.sub("[{}]", "", part) for part in _CONJUNCTION.split(found["members"] or found["of"]) if part)
    return Quantified(found["body"], letters, kinds[-1] if kinds else "", bool(found["some"]))
