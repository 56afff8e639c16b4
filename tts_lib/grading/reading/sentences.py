"""Sentences that say one value: "Janet has 16 eggs left", "No, it is not possible", "The series converges"."""

import re

from tts_lib.grading.reading.measures import MEANINGS
from tts_lib.grading.reading.number_words import CARDINALS

_VERBS = (  # but none that compares, as exceeds and divides do
    "is are was were equals has have had get gets got take takes took need needs needed cost costs pay pays paid "
    "earns earned makes made spends spent saves saved sells sold receives received owes contains uses used weighs "
    "travels traveled walks walked runs ran drives drove read reads eats ate drinks drank buys bought brought "
    "bakes baked raises raised collects collected wins won scores scored gave gives can could will remains lasts "
    "requires finds found picks picked grows grew plants planted produces produced writes wrote weighed worked works "
    "swims swam charges charged donates donated fills filled"
).replace(" ", "|")
_NO_SUBJECT = re.compile(
    r"\b(?:with|of|in|on|at|to|from|by|for|per|an?|the|its|this|and|or|equal|same)$", re.I
)  # of a verb
_VALUE = (
    rf"(?:\\\$ ?)?-?(?:[\d\\]|(?<=[ ])(?:{'|'.join(list(CARDINALS)[1:])})"
    r"(?= (?!of (?!them\b|these\b)|who\b|that\b)|\\land an? (?:half|third|quarter)\b|$))[^=<>]*"
)
_EQUATION = r"[a-zA-Z](?:_\w)?=-?[\d\\(][^=<>]*"
_POINT = r"\(-?[\d\\][^=<>]*\)"
_OF_IT = (
    r"(?: (?:an? )?(?:maximum |minimum |total )?(?:value|area|volume|perimeter"
    r"|length|radius|slope|degree|probability|cost)(?: of)?)?"
)
_HEDGES = (
    "him her them us me you it be have make need take earn get travel run walk buy read save sell now also still about "
    "approximately exactly only just"
)
_TO = "to (?:buy|pay|make|sell|read|walk|run|use|work|save|have|earn|get|take|drive|travel|bake|collect|spend|complete)"
_MORE = re.compile(r"(\bneed(?:s|ed)? ?(?:to [a-z]+ ?)?(?:\\\$)?\d[\d.,]*(?: [a-z]+)?) more\b(?! than| of)")
_REACHED = r"(?:(?:[-\d.+*/()! ]|\\\$|\\cdot|\\times|\\div){3,60}= ?)?"  # 9*2=18
_SAYS = re.compile(
    rf"(?P<before>[A-Za-z][A-Za-z ,'’-]{{0,120}}?) ?\b(?P<verb>{_VERBS})(?: (?:{_HEDGES.replace(' ', '|')}|{_TO}))*"
    rf"(?: a total of)?{_OF_IT} ?{_REACHED}(?:at ?(?:the point ?)?(?={_POINT}))?"
    rf"(?P<value>{_VALUE}|{_EQUATION}|{_POINT})"
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
_PREPOSITIONS = "in|for|at|on|from|to|with|by|after|among|of|during"
_BEHIND = re.compile(  # a value, what is counted, and how often: the rest of its sentence
    r"(?P<value>(?:\\\$ ?)?-?(?:\d[\d,]*(?:\.\d+)?|\.\d+|\\frac\{\d+\}\{\d+\})"
    rf"(?: (?!(?:left|remaining|altogether|now|per|an?|each|every|{_PREPOSITIONS})\b)[a-z-]+){{0,2}})"
    r"(?: (?:per|an?|each|every) (?P<rate>second|minute|hour|day|week|month|year))?"
    r"(?: (?:left|remaining|altogether|total|now))?"
    rf"(?: ?\b(?:(?:left over|overall|in total|in all)$|(?:{_PREPOSITIONS})"
    r" (?P<rest>(?:[A-Za-z '’-]|\\land ?)+)$)|$)"
)
_COMPARED = re.compile(
    r"\b(?:taller|shorter|longer|higher|lower|heavier|lighter|faster|slower|cheaper|bigger|smaller|farther|further|fewer"
    r"|too|short|late|ahead|behind|before)\b"
)
_CHANGING = re.compile(
    r"\b(?:more|less|fewer|than|not|never|no|least|most|half|third|quarter|twice|each|every|per|times|percent|if|before"
    r"|instead|base|mod|morning|evening|afternoon|night|noon|dozens?|hundreds?|thousands?|millions?|billions?"
    r"|too|much|off|short|over|under|above|below|away|extra|additional|further|ahead|behind|back|late|early|other"
    rf"|except|only|first|last|{'|'.join(CARDINALS)})\b",
    re.I,
)
_CHANCE = re.compile(
    r"(?:(?:an?|the|its|their) )?(?:probability|chance|odds|likelihood)\b"
    r"(?![^=<>]*\b(?:not|less|more|than|least|most)\b)(?:[^=<>]* (?:is|was|equals))?(?: of)? ?(?=-?[\d\\][^=<> ]*$)",
    re.I,
)
_LAST = re.compile(  # the subject may hold numbers and clauses of its own
    r"(?:(?:the|their|its) (?:(?:smallest|largest|least|greatest|lowest|highest|minimum|maximum|only|total|sum|product"
    r"|remainder|difference|quotient|ratio(?=.*:)|average|mean|median|mode|number|value|distance|area|volume|perimeter|length"
    r"|fraction|percentage|coefficient|units digit)\b)"
    r"(?:(?!(?<!that )(?<!which )\b(?:is|are|was)\b(?! divided))[^=<>]){0,120}|-?[\d./]+ ?\\% ?of [^=<>]{1,60})"
    r" ?\b(?:is|are|was|equals) (?=(?:\\\$)?-?[\d\\][^=<> ]*(?: [a-z]{3,}){0,2}$)",
    re.I,
)
_DENIED = re.compile(r"\b(?:not|never|no|nor|neither|wrong|incorrect|if|unless|square|cube|twice|half|double)\b", re.I)
_WHEN = re.compile(
    r"(?:they|he|she|it|the [a-z]+(?: [a-z]+)?) (?:will )?(?:meet|arrive|leave|start|begin|end|finish|depart)(?:e?s)?"
    r" at (?=\d{1,2}(?::\d\d)? ?[ap]\.? ?m)",
    re.I,
)
_DONE = re.compile(
    rf"(?P<value>(?:\\\$ ?)?-?[\d\\][^=<>]*?|(?i:{'|'.join(list(CARDINALS)[1:])})(?: [a-z]+){{1,2}})"
    r" (?:(?:can|could|may) be [a-z]+(?:ed|en|de|wn)|(?:is|are|was|were|will be)"
    r" (?:[a-z]+ed|left|sold|remaining|possible)|remain)"
)
_REASON = re.compile(r" (?:by|using) (?:the )?[a-z' -]+ (?:test|theorem|criterion)$", re.I)
_VERDICT = re.compile(
    r"(yes|no|true|false)(?:(?:[,;:.]| ?[-–—]) ?[a-z]| ?\([^()]*\b(?:is|are|has|since|because)\b).*", re.I | re.DOTALL
)
_SUBJECT = re.compile(
    r"^(?:it|they|this|(?:the |this |these )?(?:given |improper |two )?(?:lines|planes|events|triangles|figures"
    r"|series|integral|limit|function|sequence|graph|triangle|matrix"
    r"|system|equation|set|relation|statement|answer|conclusion|claim|polynomial|vectors|solution))"
    r" (?:(?:is|are) )?(?=(?:not )?[a-z]{3,})(?!(?:does|is|are|was|has)\b)",
    re.I,
)
_DENYING = re.compile(
    r"\b(?:not|never|no|nor|neither|none|wrong|incorrect|false|except|unless|if|half|than|opposite|before|after|if|but"
    r"|almost|nearly|maybe|perhaps|second|third|last|other)\b|n['’]t\b",
    re.I,
)
_WITH_LETTER = "Team|Company|Store|Plan|Option|Choice|Player|Car|Box|Bag|Class"
_NAME = rf"(?:(?:{_WITH_LETTER}) [A-Z]|[A-Z][a-z]+(?: [A-Z][a-z]+)?)(?![\w'’])"
_PREDICATE = re.compile(  # "the graph is a parabola", "the student with the greatest speed is Evelyn"
    r"(?:[Ii]t|[Tt]h(?:is|at)|[Hh]e|[Ss]he|[a-z]|(?:[Tt]h(?:e|is|at)|[Ii]ts|[Hh]is|[Hh]er|[Tt]heir)"
    r"(?: [A-Za-z0-9'’-]+){1,14}?)"
    r" (?:is|was|are|were|will be|must be|falls on|fell on|will fall on|is on|was on|forms?|represents?|describes|shows"
    r"|is called|is named|is known as) "
    r"(?:(?:an?|the (?:equation|graph) of an?|the equation for an?) (?P<noun>[a-z]{3,}(?: [a-z]{3,})?)"
    rf"|(?:an? )?(?P<name>{_NAME})"
    r"|(?P<colour>red|blue|green|yellow|black|white|orange|purple|pink|brown|gr[ae]y|silver|gold))"
)
_MOST = r"the (?:[a-z]+est|most [a-z]+|best|winner|only one|correct (?:answer|option|choice))"
_SUBJECT_SAID = re.compile(  # "Evelyn has the greatest average speed", "Company B is cheaper"
    r"(?!(?:The|This|That|It|He|She|They|We|There|Both|All|None|Neither|Either|Only|If|No|Not|One|His|Her|Their|Its)\b)"
    rf"(?P<who>{_NAME}) (?:"
    rf"(?:is|was|has|had|ran|runs|got|scored|earned|made|gets|makes|earns|sold|finished|came|won|will win|wins) {_MOST}"
    r"(?: [A-Za-z]+){0,6}"
    r"|is the day of the week|(?:wins|won|will win|can always win)(?: the [a-z]+)?|has (?:a|the) winning strategy"
    r"|(?:finished|came|placed|came in) first|(?:is|was) (?:first|the (?:cheaper|better) [a-z]+|cheaper|better))"
)
_OTHERWISE = frozenset(
    "square squares cube cubes sum product difference ratio average mean percent percentage nothing nobody none".split()
)


def value_said(sentence: str) -> str | None:
    """The number or formula, with the words behind it, that a sentence ends with; None if it says more."""
    said = _value_said(_MORE.sub(r"\1", sentence) if "need" in sentence else sentence)
    if said and _COMPARED.search(said):
        return None
    behind = _BEHIND.fullmatch(said) if said and " " in said else None
    if behind is None or _CHANGING.search(f"{behind['rest'] or ''} {behind['value']}"):
        return said
    return behind["value"] + (f" per {behind['rate']}" if behind["rate"] else "")


def _value_said(sentence: str) -> str | None:
    if found := _DONE.fullmatch(sentence):
        return found["value"]
    for begins in (_CHANCE, _LAST, _WHEN):
        if (found := begins.match(sentence)) and not (begins is _LAST and _DENIED.search(sentence)):
            return sentence[found.end() :]
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
    """Yes of "Yes, it is"; "converges" of "the series converges"; Evelyn of "the fastest is Evelyn"."""
    if found := _VERDICT.fullmatch(sentence):
        return found[1]
    if " " in sentence and not _DENYING.search(sentence):
        if said := _PREDICATE.fullmatch(sentence):
            return said["noun"] or said["name"] or said["colour"]
        if who := _SUBJECT_SAID.fullmatch(sentence):
            return who["who"]
    return _REASON.sub("", _SUBJECT.sub("", sentence))
