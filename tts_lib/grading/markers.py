r"""Where a text says that its answer comes: "the answer is", a line "Answer:", a heading above it, GSM8K's ``####``."""

import re
from typing import NamedTuple

from tts_lib.grading import languages
from tts_lib.grading.boxes import is_blank
from tts_lib.grading.phrases import NUMBER, answer_in, first_sentence, is_prose, opens_a_text, states
from tts_lib.grading.statements import in_bold, only_value

_SIGNS = r"(?:[^\w\n\\$]|_|<b>|<strong>)"  # emoji, emphasis, heading and bullet signs
_LINE_BEGINS = rf"^{_SIGNS}{{0,12}}(?:(?:[Ss]tep )?\d{{1,2}}[.):]{_SIGNS}{{0,4}})?"
_VALUE_FOLLOWS = r"(?=\s+(?:about |approximately )?[*_]{0,2}[-−]?(?:\\?\$|\.?\d|\\))"
_NO_DENIAL = r"(?:(?!\b(?:not|cannot|can|could|may|might)\b|n['’]t\b)[^.\n:?!])"
_ANSWER = r"(?:answers?|(?:correct|right|best) (?:option|choice))"
_CLAUSE = r"(?:,? (?:that|which|we|you|to (?:what|which))\b[^.\n:?!,]{0,40}?\b(?:is|are|was)\b)"  # "that is wanted"
_SENTENCE = re.compile(
    rf"\b{_ANSWER}\b(?:{_CLAUSE}?[^.\n:?!]{{0,60}}?\b(?:is|are|equals?)\b|[*_ ]{{0,4}}=(?!=)"
    rf"|{_NO_DENIAL}{{0,40}}?\b(?:be|comes (?:out )?to)\b{_VALUE_FOLLOWS})",
    re.IGNORECASE,
)
_COLON = (
    r"(?:</b>|</strong>)?[*_ ]{0,4}(?:\([^()\n]{0,40}\))?[*_ ]{0,4}"
    r"(?:[:：=→⇒➡|]\ufe0f?|[-–—](?= )|(?<=[Aa]ns\.)(?=\s[-\\$\d]))"
)
_LINE = re.compile(
    rf"{_LINE_BEGINS}(?:the |my |our )?(?:final |correct )?(?:answers?|ans\.?|(?<=correct )(?:option|choice)){_COLON}"
    r"|(?:\b(?:the|my|our|final) |\*\*|__|(?<=[.!?] ))answers?[*_ ]{0,4}[:：]",
    re.IGNORECASE | re.MULTILINE,
)
_HEADING = re.compile(
    rf"{_LINE_BEGINS}(?:(?:[Ff]inal|FINAL) (?i:answers?)|Answers?|ANSWERS?){_SIGNS}{{0,12}}$", re.MULTILINE
)
_LETTER_A = re.compile(
    r"^[*_#> ]{0,6}A[*_]{0,3}:(?![^\n]{0,200}\s{0,20}\n[*_#> ]{0,6}B[*_]{0,3}:)", re.MULTILINE
)  # no options
_ABROAD = rf"(?:(?:{languages.WHOSE} ){{0,2}}(?:{languages.ANSWER})(?: {languages.WHICH})?|{languages.ANSWER_UNSPACED})"
_WORDS = rf"(?:\s(?!(?:{languages.NO}|{languages.IF}|{languages.WRONG})\b)[^\W\d_]{{1,15}}){{0,5}}?"
_SENTENCE_ABROAD = re.compile(
    rf"(?:(?<!\w)(?:{languages.ANSWER})\b{_WORDS}\s{languages.IS}(?:[\s,:]{{1,3}}{languages.HENCE}\b,?)?"
    rf"|\b(?:ist|lautet) (?:{languages.HENCE} )?die antwort"
    rf"|(?<![不错误誤오]){languages.ANSWER_UNSPACED}{languages.IS_UNSPACED})"
    r"\s?:?(?=\s{0,3}[*_]{0,3}\(?[-−]?(?:\\?\$|[€£¥]|\.?\d|\\[(\[a-zA-Z]|[A-E](?!\w)))",
    re.IGNORECASE,
)
_LINE_ABROAD = re.compile(
    rf"{_LINE_BEGINS}{_ABROAD}{_COLON}|(?:\b{languages.WHOSE} |\*\*|__|(?<=[.!?,;] )){_ABROAD}[*_ ]{{0,4}}:",
    re.IGNORECASE | re.MULTILINE,
)
_HEADING_ABROAD = re.compile(rf"{_LINE_BEGINS}{_ABROAD}{_SIGNS}{{0,12}}$", re.IGNORECASE | re.MULTILINE)
_ABROAD_LINES = (_LINE_ABROAD, _HEADING_ABROAD)
_SENTENCES = (_SENTENCE, _SENTENCE_ABROAD)
_PATTERNS = (_SENTENCE, _LINE, _HEADING, _LETTER_A)
_PATTERNS_ABROAD = (*_PATTERNS, _SENTENCE_ABROAD, _LINE_ABROAD, _HEADING_ABROAD)
_HASHES = re.compile(r"(?<!#)####(?!#)([^\n]*)")
_HASHED_NUMBER = re.compile(rf"{NUMBER}\$?\.?")
_HASHED_VALUE = re.compile(rf"{NUMBER}(?![.)\d]) ?[A-Za-z%$]")  # "#### 12 dollars"
_HASHED_HEADING = re.compile(r"[A-Za-z]{2}|\d{1,3}[.)]\s")
_DIGIT = re.compile(r"\d")
_DOUBT = re.compile(
    r"\b(?:if|whether|suppose|supposing|assume|assuming|unless|until|doubt|thought|not (?:true|the case)"
    r"|(?:might|may|could) (?:think|say|guess))\s(?:that\s)?(?:(?:the|our|my|this|your)\s)?(?:\w+\s)?$"
    r"|\b(?:wrong|incorrect|previous|tempting)\s$"
    rf"|\b(?:{languages.MAYBE})\b[^.!?]*$|(?:{languages.MAYBE_UNSPACED})[^.!?]*$|\b(?:{languages.WRONG})\s$"
    rf"|\b(?:{languages.IF})\s(?:{languages.WHOSE}\s)?$|(?:{languages.IF_UNSPACED})[^.!?]{{0,4}}$",
    re.IGNORECASE,
)
_PRAISE = re.compile(
    r"(?:100\\?% |absolutely |completely |indeed )?(?:correct|right|clear|unclear|reasonable|valid|verified|confirmed"
    r"|plausible|helpful)[*_]{0,2}\s{0,9}(?:[.,;!)]|$|because|since|as|and|to|by|with)"
    r"|in (?:the )?(?:box|simplest|lowest|required|correct|form)\b",
    re.IGNORECASE | re.MULTILINE,
)
_DESCRIPTION = re.compile(r"(?:an? [a-z]{2}|rounded|simplified|expressed|written|given|based)[^\d$\\]*")
_DECORATION = " \t\r\n:：=*_`"
_ARROW = re.compile(r"(?:[-=]>|[→⇒])\s{0,9}")
_BULLET = re.compile(r"[\s:：=*_`]*?\n[ \t]*([-•*>]) ")
_LABEL = re.compile(r"#|1[.)] +\S")  # of a section or a list
_WORD = re.compile(rf"[^\W\d_]{{2}}|{languages.UNSPACED}")
_MOST = 50  # markers looked at, from the last
_LOOK = 4_000  # characters after a marker that can belong to its answer
_BEFORE = 40  # characters before a marker that can cast doubt on it


class Marked(NamedTuple):
    """What a marker marks."""

    answer: str | None  # None: it is not readable
    statement: str = ""  # the sentence that holds it, where that is one in words


def first_mark(text: str) -> int | None:
    """Where the text's first marker ends."""
    ends = [found.end() for pattern in _patterns(text) if (found := pattern.search(text))]
    ends += [
        found.end() for found in _HASHES.finditer(text) if _is_number(found) or _HASHED_VALUE.match(_plain(found))
    ][:1]
    return min(ends, default=None)


def marked(text: str) -> Marked | None:
    """What the text marks as its answer; None without a marker.

    GSM8K's mark counts before any other: the first one with a number behind it, or one that is no heading and has no
    number after it but its own. Of the others the last counts, left aside those that ask, doubt, praise an answer
    ("is correct"), hold a blank, or head a text of several lines; a description ("is an integer") only counts alone.
    """
    if hashed := _hashed(text):
        return hashed
    description = None
    found = {match.end(): match for pattern in _patterns(text) for match in pattern.finditer(text)}
    for end in sorted(found, reverse=True)[:_MOST]:
        is_line = found[end].re not in _SENTENCES
        rest = _behind(text, end)
        before = text[max(0, found[end].start() - _BEFORE) : found[end].start()]
        is_doubted = not is_line and _DOUBT.search(before)
        sentence, sign = first_sentence(rest)
        if is_doubted or _PRAISE.match(rest) or sign == "?" or (is_line and opens_a_text(rest)):
            continue
        answer = answer_in(rest, sentence_follows=is_line)
        if is_line and (answer is None or is_prose(answer) or found[end].re in _ABROAD_LINES):
            answer = _stated(rest) or answer
        if answer is not None and _DESCRIPTION.fullmatch(answer):
            description = description or Marked(answer)
        elif answer is None or not is_blank(answer):
            return Marked(answer, sentence if states(sentence) else "")
    return description


def _patterns(text: str) -> tuple[re.Pattern[str], ...]:
    return _PATTERNS_ABROAD if languages.speaks(text) else _PATTERNS


def _stated(rest: str) -> str | None:
    """The value of a whole sentence behind a marker: the one in bold print, or the only one if nothing comes behind."""
    line, _, others = rest.partition("\n")
    sentence, _ = first_sentence(line)
    if "**" in line:
        return in_bold(line)
    return only_value(sentence) if not others.strip() and _WORD.match(sentence) else None


def _hashed(text: str) -> Marked | None:
    lines = list(_HASHES.finditer(text))
    numbers = [line for line in lines if _is_number(line)]
    if [_plain(line) for line in numbers[:2]] == ["1", "2"]:  # the sections of the solution, counted
        return None
    mark = next(iter(numbers), None)
    if mark is None and lines and not _DIGIT.search(text, lines[-1].end()):
        mark = lines[-1] if not _HASHED_HEADING.match(_plain(lines[-1])) else None
    return mark and Marked(answer_in(_plain(mark)))


def _plain(hashes: re.Match[str]) -> str:
    return hashes[1].strip(" \t\r*_")


def _is_number(hashes: re.Match[str]) -> bool:
    return bool(_HASHED_NUMBER.fullmatch(_plain(hashes)))


def _behind(text: str, end: int) -> str:
    """What stands behind a marker; nothing where that is the label of a section or a list of several items."""
    rest = text[end : end + _LOOK]
    if bullet := _BULLET.match(rest):
        item, _, others = rest[bullet.end() :].partition("\n")
        return "" if others.lstrip().startswith(bullet[1]) else item
    stripped = rest.lstrip(_DECORATION)
    stripped = _ARROW.sub("", stripped, count=1) if _ARROW.match(stripped) else stripped
    return "" if "\n" in rest[: len(rest) - len(stripped)] and _LABEL.match(stripped) else stripped
