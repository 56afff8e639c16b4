r"""Which value a sentence states: the one in bold print, "there are **504** ways", or the only one, "It takes 9 days".

A sentence that asks, denies, supposes, checks, gives an example or offers a choice states none.
"""

import re

from tts_lib.grading import languages
from tts_lib.grading.phrases import FORMULA, NUMBER, SCALE, answer_in, changes_value, scale_of

FORMULA_IN_LINE = r"(?:\$\$?[^$\n]+\$\$?|\\\((?:(?!\\[()]).)+\\\)|\\\[(?:(?!\\[\[\]]).)+\\\])"
_SIGN = r"[\d \t()\[\]{}+−*/^=<>≤≥≠±√π∞·×÷,.;:|!%°€£¥½⅓⅔¼¾⅕²³⁰¹⁴-⁹∪-]"
EXPRESSION = (  # x = 5, (6, 31, -1), 2√3, 3 and 5, 12:30; but no label such as (b) or 2.
    r"(?!\(?[a-z0-9]{1,2}[.)](?!\d)|[A-Za-z] [^-+−*/^=<>≤≥])(?=[^\n]{0,80}?[\d√π])"
    rf"(?:(?<![A-Za-z])(?:and|or|sqrt|sin|cos|tan|log|ln|pi|[A-Za-z])(?![A-Za-z])|{_SIGN}|\\?\$(?=\d)){{1,200}}(?<![-+−*/^=<>(\[{{,])"
)
UNITS = r"(?:\s?(?!(?:and|or|of|to|out|than|more|less)\b)[^\W\d_][\w./'’-]{0,19}[²³]?){0,3}"
_AND_PART = r"(?:,? (?:and )?\d{1,9} (?:minutes?|hours?|seconds?|days?|weeks?|months?|inch(?:es)?|ounces?|cents?))?"
VALUE = re.compile(
    rf"(?:{FORMULA_IN_LINE}|(?:[€£¥] ?)?{NUMBER}(?:\s{SCALE})?|{EXPRESSION}){UNITS}{_AND_PART}", re.IGNORECASE
)
_NAME = re.compile(r"[A-Z][\w'’-]{0,19}(?: [A-Z][\w'’-]{0,19}){0,2}|\([A-Z]\)")
_BOLD = re.compile(r"\*\*((?:(?!\*\*)[^\n]){1,400})\*\*")
_OPENS_NONE = re.compile(
    r"[^\w$\\]*(?:(?:so|and|well|okay|now|then|thus|hence|the),? )?(?:first(?:ly)?|next|step|case|part|let(?:['’]s)?"
    r"|suppose|assum\w+|consider|(?:double-?)?check(?:ing)?|verif\w+|note|notice|remember|recall|hint|tip|example"
    r"|for (?:example|instance)|similarly|likewise|also|moreover|additionally|alternatively|wait|hmm+|oh|no|but"
    r"|actually|try(?:ing)?|method|approach|remark|given|confidence|difficulty|rating|meanwhile|otherwise"
    r"|on the other hand|we (?:know|have|need|can)|to)\b",
    re.IGNORECASE,
)
_STATES_NONE = re.compile(
    r"[?✓✔]|\b(?:if|whether|unless|suppos\w+|assum\w+|incorrect|wrong|mistake\w*|error|not|cannot|never|neither|nor"
    r"|(?:might|may|could)(?: \w+)? be|perhaps|maybe|possibly|would (?:say|think|guess)|instead"
    r"|(?:first|second|third|fourth|next) (?:part|case|step|method)|(?:problem|question) (?:says|states|tells|gives)"
    r"|(?:we|is|are) (?:told|given)|too (?:many|much|large|small)|matches (?:the|our|what)"
    rf"|{languages.NO}|{languages.IF}|{languages.MAYBE})\b|n['’]t\b"
    rf"|{languages.NO_UNSPACED}|{languages.IF_UNSPACED}|{languages.MAYBE_UNSPACED}",
    re.IGNORECASE,
)
_OTHER_VALUE = re.compile(  # before a value: it is a part of another
    r"(?:\b(?:than|half(?: of)?|twice|thrice|times|between|minus|plus|except|or|from|every|solve for"
    r"|(?:multipl|divid)\w{1,4} by|(?:out|third|percent|some|any|each|one|all|most) of|\d\S{0,9} (?:and|to))"
    r"|[-+−×*/·÷^<>≤≥])\s*$",
    re.IGNORECASE,
)
_NOT_THAT = re.compile(r",? (?:and )?not [-−*$\\]{0,4}\d\S{0,20}(?=[.!]?$)")
_CHOICE = re.compile(r"\bor\b")
_NAMED = re.compile(r"\b(?:is|was|are|were)\s*$")
_NUMBERS = re.compile(rf"(?<![A-Za-z\d_.^$\\]){NUMBER}(?![A-Za-z\d])")
_IS_LABEL = re.compile(r"(?:\w\s|^)[A-Z][a-z]{0,19}\s$")  # "The winner is Team 1"
_COUNTED = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|half|halves|third|quarter|twice|double|triple|both|dozen"
    r"|because|since|as|yes)\b",
    re.IGNORECASE,
)
_LONGEST = 400  # characters of a sentence that states its only value


def in_bold(sentence: str) -> str | None:
    """The value that a sentence has in bold print, if that is one; or the name behind its last word, "is **Ann**"."""
    sentence = _NOT_THAT.sub("", sentence)
    if not _states(sentence):
        return None
    spans = list(_BOLD.finditer(sentence))
    values = [span for span in spans if VALUE.fullmatch(span[1].strip(" .!"))]
    if len(values) == 1:
        before, behind = sentence[: values[0].start()], sentence[values[0].end() :]
        is_label = not before.strip() and values[0][1].endswith((".", ")", ":"))
        return None if is_label else _between(before, values[0][1], behind)
    if len(spans) == 1 and _NAME.fullmatch(spans[0][1].strip(" .!")):
        before, behind = sentence[: spans[0].start()], sentence[spans[0].end() :]
        return answer_in(spans[0][1]) if _NAMED.search(before) and not behind.strip(" .!") else None
    return None


def only_value(sentence: str) -> str | None:
    """The only formula or number of a sentence, in bold print or not."""
    if "**" in sentence:
        return in_bold(sentence)
    sentence = _NOT_THAT.sub("", sentence)
    if len(sentence) > _LONGEST or not _states(sentence) or _COUNTED.search(sentence):
        return None
    formulas = list(FORMULA.finditer(sentence))
    numbers = list(_NUMBERS.finditer(FORMULA.sub(lambda formula: " " * len(formula[0]), sentence)))
    if len(formulas) + len(numbers) != 1:
        return None
    value = (formulas + numbers)[0]
    before, behind = sentence[: value.start()], sentence[value.end() :]
    if _IS_LABEL.search(before) or (formulas and not re.search(r"\d", value[0])):
        return None
    return _between(before, value[0], behind)


def opens_none(sentence: str) -> bool:
    """Whether a sentence or heading begins like one that states no result: "Step 3", "Check", "Let"."""
    return bool(_OPENS_NONE.match(sentence))


def _states(sentence: str) -> bool:
    is_aside = sentence.startswith("(") and sentence.endswith(")")
    return not is_aside and not opens_none(sentence) and not _STATES_NONE.search(sentence)


def _between(before: str, value: str, behind: str) -> str | None:
    """The value, unless what stands before or behind makes another one of it."""
    before, behind = before.replace("**", ""), behind.replace("**", "")
    if _OTHER_VALUE.search(before) or _CHOICE.search(before + behind) or changes_value(behind):
        return None
    return answer_in(value + scale_of(behind))
