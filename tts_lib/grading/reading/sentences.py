"""Sentences that say one value: "Janet has 16 eggs left", "No, it is not possible", "The series converges"."""

import re

from tts_lib.grading.reading.measures import MEANINGS
from tts_lib.grading.reading.number_words import CARDINALS

_VERBS = (  # but none that compares, as exceeds and divides do
    "is are was were equals has have had get gets got take takes took need needs needed cost costs pay pays paid "
    "earns earned makes made spends spent saves saved sells sold receives received owes contains uses used weighs "
    "travels traveled walks walked runs ran drives drove read reads eats ate drinks drank buys bought brought "
    "bakes baked raises raised collects collected wins won scores scored gave gives can could will remains lasts "
    "requires finds found picks picked grows grew plants planted produces produced"
).replace(" ", "|")
_NO_SUBJECT = re.compile(
    r"\b(?:with|of|in|on|at|to|from|by|for|per|an?|the|its|this|and|or|equal|same)$", re.I
)  # of a verb
_VALUE = (
    rf"(?:\\\$ ?)?-?(?:[\d\\]|(?<=[ ])(?:{'|'.join(list(CARDINALS)[1:])})"
    r"(?= (?!of (?!them\b|these\b)|who\b|that\b)|$))[^=<>]*"
)
_EQUATION = r"[a-zA-Z](?:_\w)?=-?[\d\\(][^=<>]*"
_POINT = r"\(-?[\d\\][^=<>]*\)"
_OF_IT = (
    r"(?: (?:an? )?(?:maximum |minimum |total )?(?:value|area|volume|perimeter"
    r"|length|radius|slope|degree|probability|cost)(?: of)?)?"
)
_HEDGES = "him her them us me you it be have make need take earn get now also still about approximately exactly only"
_SAYS = re.compile(
    rf"(?P<before>[A-Za-z][A-Za-z ,'’-]{{0,120}}?) ?\b(?P<verb>{_VERBS})(?: (?:{_HEDGES.replace(' ', '|')}))*"
    rf"{_OF_IT} ?(?:at ?(?:the point ?)?(?={_POINT}))?(?P<value>{_VALUE}|{_EQUATION}|{_POINT})"
)
_AT = re.compile(
    r"(?:the |its |their )?[a-z]{3,}(?: [a-z]+){0,4}(?: (?:is|lies|meets?|intersects?|occurs?)(?: at)?| at|:)"
    rf"(?: the point)? ?(?={_POINT}$)",
    re.I,
)
_RESULT = re.compile(
    r"(?:the|their|its) (?:remainder|sum|product|difference|average|mean"
    r"|(?:least|greatest)(?: [a-z]+){1,4})",
    re.I,
)
_DONE = re.compile(
    r"(?P<value>(?:\\\$ ?)?-?[\d\\][^=<>]*?)"
    r" (?:(?:is|are|was|were|will be) (?:[a-z]+ed|left|sold|remaining|possible)|remain)"
)
_REASON = re.compile(r" (?:by|using) (?:the )?[a-z' -]+ (?:test|theorem|criterion)$", re.I)
_VERDICT = re.compile(r"(yes|no|true|false)(?:[,;:.]| ?[-–—]) ?[a-z].*", re.I | re.DOTALL)
_SUBJECT = re.compile(
    r"^(?:it|this|(?:the |this )?(?:given |improper )?(?:series|integral|limit|function|sequence|graph|triangle|matrix"
    r"|system|equation|set|relation|statement|answer|conclusion|claim|polynomial|vectors|solution))"
    r" (?:(?:is|are) )?(?=(?:not )?[a-z]{3,})(?!(?:does|is|are|was|has)\b)",
    re.I,
)
_OTHERWISE = frozenset(
    "square squares cube cubes sum product difference ratio average mean percent percentage nothing nobody none".split()
)


def value_said(sentence: str) -> str | None:
    """The number or formula, with the words behind it, that a sentence ends with; None if it says more."""
    if found := _DONE.fullmatch(sentence):
        return found["value"]
    if (found := _SAYS.fullmatch(sentence)) is None:
        point = _AT.match(sentence)
        words = {*re.findall("[a-z]+", point[0].lower())} if point else MEANINGS
        return None if point is None or words & (MEANINGS | _OTHERWISE) else sentence[point.end() :]
    if _NO_SUBJECT.search(found["before"]):
        return None
    if _RESULT.fullmatch(found["before"]) and found["verb"].lower() in ("is", "was", "equals"):
        return found["value"]
    words = {*re.findall("[a-z]+", found["before"].lower()), found["verb"].lower()} - {"is", "are", "does"}
    return None if words & (MEANINGS | _OTHERWISE) else found["value"]


def verdict_said(sentence: str) -> str:
    """Yes of "Yes, it is"; "converges" of "the series converges"; other sentences as they are."""
    if found := _VERDICT.fullmatch(sentence):
        return found[1]
    return _REASON.sub("", _SUBJECT.sub("", sentence))
