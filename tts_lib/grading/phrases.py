r"""What follows "the answer is": which part of it is the answer, and which a unit, a hedge or a remark on it.

A formula or number stands for itself; words behind it go, unless they change its value ("5 million", "3 out of 4").
"""

import re

from tts_lib.grading import languages

NUMBER = r"(?:\\?\$)?[-+−]?(?:\\?\$)?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{1,4})?(?:/\d+)?(?:\\?%)?"
SCALE = (
    r"(?:hundred|thousand|million|billion|trillion|dozen|score|gross|per ?cent|[ap]\.m\b|am|pm|noon|midnight|o'clock"
    r"|squared|cubed|factorial|half|halves|quarters?|(?:third|fourth|fifth|sixth|seventh|eighth|ninth"
    r"|tenth|twelfth|hundredth|thousandth)s?)\b"
)
_EMOJI = "\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\U0001f000-\U0001faff"
_VALUE = r"(?=[*_(\[]{0,4}(?:[-+−]?\\?\$?[-+−]?\.?\d|\\?\$|\\[(\[a-zA-Z]))"
FORMULA = re.compile(
    r"\$\$(.+?)\$\$|\\\[(.+?)\\\]|\\\((.+?)\\\)|\$(?=[^\s$])((?:\\.|[^$\\\n])*)(?<=\S)\$(?!\d)|\$[ \t]([^$\n]+)[ \t]\$"
    r"|(\\begin\{([a-z]{1,12}\*?)\}.+?\\end\{\7\})",
    re.DOTALL,
)
_OPEN_FORMULA = re.compile(r"\$(?!\s*\d)|\\[\[(]|\\begin\{")
_GOES_ON = re.compile(  # a formula with another value
    r"\s{0,9}(?:[-+−*/=^<>]|[,;]\s{0,9}(?:(?:and|or)\b)?|(?:and|or|to|by|over|times|out of)\b)"
    r"\s{0,9}(?=\\?\$|\\\(|[-−]?\.?\d)|\s{0,9}\(?(?:mod|base)\b"
)
_SCALED = re.compile(rf"\s{{0,9}}(?:\\?%|{SCALE})", re.IGNORECASE)
_SCALED_ABROAD = re.compile(rf"(?:{NUMBER})?\s{{0,3}}(?:{languages.SCALE})", re.IGNORECASE)
_HEDGE = re.compile(
    r"(?:(?:therefore|thus|hence|then|simply|just|indeed|clearly|obviously|actually|exactly|precisely|approximately"
    r"|approx\.?|about|roughly|equal to|given by|as follows|either"
    r"|not (?=[-\\$\d])[^\s,]{1,20},? but(?! also))[\s:,]+)+",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(
    rf"(?<![ap]\.m)\.(?=\s|$)|(?<=[ap]\.m)\.(?=\s+[A-Z]|\s*$)|\?(?=\s|$)|!{{1,9}}(?=\s+[A-Z]|[\s{_EMOJI}]*$)"
)
_EMPHASIS = re.compile(r"(?<![\w)])\*\*|\*\*(?![\w(])|(?<![\w)])__|__(?![\w(])|`|</?(?:b|strong|em)>")
_REMARK = re.compile(
    r"[,;:]?\s+(?:which|because|since|as|whereas|thus|hence|therefore|i\.e|that is|rather than|instead of)\b"
    r"|[,;]\s+(?:so|where|with|not|but|while|giving|making|meaning)\b"
    r"|[,;]\s+(?:(?:for|when|if) [a-z]{2}|or (?:simply|equivalently))"
    r"|,\s+(?:da|weil|denn|car|puisque|parce|porque|ya que|pues|perché|poiché|pois|так как|потому)\b"
    r"|,?\s+and (?:that|we|this|it|so|[\d.]{1,20} (?:is|are))\b"
    r"|(?:[;:]|\s[—–-])\s+(?:an?|the|it|that|this|so|as)\b"
    r"|;\s+(?=[a-z]{2,}\b[^;]{0,80}?\b(?:is|are|was|were|has|have|can|cannot|do|does|would|must)\b)"
    r"|\s+\((?=[^()]{0,80}?\b(?:is|are|was|were|has|have|cannot|does|would|must)\b)"
    r"|\s+\((?!mod|base)(?:[a-z-]{4,}\)|[a-z]{2,},? [a-z]{2}|(?:since|because|as|that|which|i\.e)\b)"
)
_OF_DESCRIPTION = re.compile(  # "the sum, which is 12", "what is left: 12"
    rf"(?:the|what|how|an?)\b[^.\d$\\:;]{{1,80}}?(?:(?:,? which|,? that) (?:is|are|equals?)|:)\s+{_VALUE}", re.I
)
_OWN_VERB = re.compile(
    r"(?!(?:if|when|since|as|for|because)\b)(?:[A-Za-z].{0,120}?\b|\$[^$\n]{1,40}\$ )"
    rf"(?:is|are|was|were|equals?|be|sind|{languages.IS})\s+{_VALUE}",
    re.IGNORECASE,
)
_NUMBER_THEN_WORDS = re.compile(
    rf"({NUMBER})(?:\s+(?=[^\W\d_]{{2}}|an? |I )(?!{SCALE})|\s?(?={languages.UNSPACED}))", re.IGNORECASE
)
_CHANGES_VALUE = re.compile(  # words behind a number or formula that are no unit and no remark
    r"\b(?:and|or|to|by|in|of|per|times|plus|minus|over|from|than)\s+(?:the )?[-−]?[\d$\\]|\s\d|\band \w+ (?:is|are)\b"
    r"|\b(?:and|or) (?:an?|one|two|three|four|five|six|seven|eight|nine|ten)\b|\bor (?:more|less|fewer)\b"
    r"|\b(?:base|mod|power|choose(?= [\d$\\(]| [b-z]\b)|than|below)"
    r"|\bat (?:least|most|night)|\bin (?:binary|octal|hex|the (?:morn|after|even))",
    re.IGNORECASE,
)
_UNSPACED = re.compile(languages.UNSPACED)
_CHANGES_UNSPACED = re.compile(
    rf"\s?{languages.UNSPACED}{{0,12}}?(?:{languages.CHANGES_UNSPACED}|{languages.NO_UNSPACED})"
)
_CHANGES_NEXT = re.compile(rf"\s?{languages.UNSPACED}{{0,2}}?(?:{languages.CHANGES_UNSPACED})")
_DENIAL_ABROAD = re.compile(rf"\b(?:{languages.NO})\b|{languages.NO_UNSPACED}", re.IGNORECASE)
_DENIAL = re.compile(r"\b(?:not|never|neither|nor)\b|n['’]t\b", re.IGNORECASE)
_CLAUSE = re.compile(r"\b(?:is|are|was|were)\b")
_WORDS = re.compile(r"(?!(?:and|or|sqrt|sin|cos|tan|cot|sec|csc|log|ln|exp|pi|mod)\b)\b[A-Za-z]{2,}")
_EMPTY_BOX = re.compile(r"(?<=\S)\s?\\(?:boxed|fbox)\{[\s.]{0,9}\}")
_STARTS_WITH_VALUE = re.compile(r"[-+−.\d$\\(\[{√π]")
_HALF_A_DAY = re.compile(r"\b([ap])\.m$")
_MOST_WORDS = 2  # of an answer that holds digits: "Team 1", "2 hours and 30 minutes"
_MOST_UNSPACED = 4  # signs of Japanese, Chinese or Korean
_TRAILING = re.compile(rf"(?:[{_EMOJI}\s]|</\w{{1,20}}>)+$")
_ENDS = " \t\r\n*_`\"'“”"


def is_prose(phrase: str) -> bool:
    """Whether a phrase is a sentence in words rather than a value or a name."""
    return not _STARTS_WITH_VALUE.match(phrase) and len(_WORDS.findall(phrase)) > _MOST_WORDS


def states(sentence: str) -> bool:
    """Whether a sentence in words says what is, and not what is not."""
    return is_prose(sentence) and not _DENIAL.search(sentence) and not _DENIAL_ABROAD.search(sentence)


def opens_a_text(text: str) -> bool:
    """Whether a text begins with a sentence that gives no answer, and goes on behind its first line."""
    sentence, _ = first_sentence(text)
    return "\n" in text.strip() and is_prose(sentence) and not _OWN_VERB.match(sentence)


def changes_value(behind: str) -> bool:
    """Whether what stands behind a formula or number makes another value of it: "5 **out of 8**"."""
    return bool(
        _GOES_ON.match(behind)
        or _CHANGES_VALUE.search(behind)
        or _SCALED_ABROAD.match(behind)
        or _CHANGES_NEXT.match(behind)
    )


def scale_of(behind: str) -> str:
    """The word behind a value that belongs to it: "5 **million**"."""
    scale = _SCALED.match(behind)
    return scale[0] if scale else ""


def first_sentence(text: str) -> tuple[str, str]:
    """(sentence, the sign that ends it, empty at the end of the line) of the text's first line."""
    line = _EMPHASIS.sub("", text.partition("\n")[0])
    for end in _SENTENCE_END.finditer(line):
        before = line[: end.start()]
        if not end[0].startswith("!") or not _is_factorial(before):
            return before, end[0]
    return line, ""


def answer_in(text: str, sentence_follows: bool = False) -> str | None:
    """The answer with which a text begins; None if it is not readable: it broke off, says what is not, or is prose.

    Args:
        text: what stands behind a marker.
        sentence_follows: a whole sentence may follow, whose value stands behind its own "is": "the volume is 120".
    """
    text = _without_hedges(text)
    formula = FORMULA.match(text)
    if formula is None and _OPEN_FORMULA.match(text):
        return None
    sentence, _ = first_sentence(text)
    if _SCALED_ABROAD.match(text, formula.end() if formula else 0):
        return None
    if described := _OF_DESCRIPTION.match(sentence):
        return answer_in(sentence[described.end() :])
    if (sentence_follows or sentence.startswith("that ")) and (verb := _OWN_VERB.match(sentence)):
        return answer_in(sentence[verb.end() :])
    if formula:
        content = next(group for group in formula.groups()[:6] if group is not None)
        behind = _REMARK.split(first_sentence(text[formula.end() :])[0], maxsplit=1)[0]
        if scale := _SCALED.match(behind):
            return clean(content + scale[0])
        if not _GOES_ON.match(behind) and not _CHANGES_VALUE.search(behind):
            return clean(content)
    if remark := _REMARK.search(sentence, 1):
        sentence = sentence[: remark.start()]
    number = _NUMBER_THEN_WORDS.match(sentence)
    if (
        number
        and not _CHANGES_VALUE.search(sentence, number.end())
        and not _CHANGES_UNSPACED.match(sentence, number.end())
    ):
        sentence = number[1].lstrip("\\$")
    return clean(sentence) if _is_readable(sentence) else None


def _is_readable(phrase: str) -> bool:
    """Whether a phrase can be an answer: it is none if it denies a value, or holds one in the midst of words."""
    has_digits = any(sign.isdigit() for sign in phrase)
    denial = _DENIAL.search(phrase)
    if denial and (has_digits or denial.start() == 0):
        return False
    if has_digits and (_DENIAL_ABROAD.search(phrase) or _CHANGES_UNSPACED.search(phrase)):
        return False
    if has_digits and len(_UNSPACED.findall(phrase)) > _MOST_UNSPACED:
        return False
    return not has_digits or (len(_WORDS.findall(phrase)) <= _MOST_WORDS and not _CLAUSE.search(phrase))


def _without_hedges(text: str) -> str:
    """The text without what says how an answer follows or how exact it is: "therefore", "about", "equal to"."""
    hedge = _HEDGE.match(text)
    return text[hedge.end() :] if hedge else text


def _is_factorial(before: str) -> bool:
    """Whether an exclamation mark behind these signs belongs to them: in an expression, and after a variable."""
    return bool(re.search(r"[!*/^=]|[\w)]\s?[-+]\s?\d", before) or re.fullmatch(r"\s*[a-z]", before))


def clean(answer: str) -> str | None:
    """The answer without what surrounds it: emphasis, quotation marks, the end of its sentence, an emoji."""
    answer = _EMPTY_BOX.sub("", _TRAILING.sub("", answer.removesuffix(" |"))).strip(_ENDS).rstrip(".,;:").strip(_ENDS)
    return _HALF_A_DAY.sub(r"\1.m.", answer) or None
