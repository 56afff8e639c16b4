r"""Reading the final answer out of a model's solution text.

Precedence, the same for every text:

1. A ``\boxed{}`` or ``\fbox{}`` is the author's own mark: the last one counts, wherever it stands, together with those
   before it in its sentence that "and", "or" or a comma joins to it, as in ``$x=\boxed{1}$ apples and $y=\boxed{2}$``:
   one list. If the last is still open, the text broke off inside its answer and has none, whatever stands before.
   Style "boxed" reads no further; the others let "the final answer is", a formula or number, behind the box replace it.
2. Without a box, the marker that stands last: "the answer is ...", a line ``A: ...`` or ``Answer: ...``, or GSM8K's
   ``#### ...`` as the last line (earlier ones are headings).
3. Style "number" only: the formula that ends the text, else its last plain number.

Every pattern has bounded repeats or none that overlap, so that time grows linearly with the text.
"""

import re
import sys
from typing import Literal

Style = Literal["marked", "boxed", "number"]

_BOX = re.compile(r"\\(?:boxed|fbox)(?![a-zA-Z])")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_SENTENCE = re.compile(r"\banswer\b[^.\n:]{0,60}?\bis\b|^[*_ ]{0,4}(?:final )?answer[*_ ]{0,4}(?=:)", re.I | re.M)
_LETTER_A = re.compile(r"^A(?=:)", re.M)
_NUMBER = re.compile(r"(?<![\d.])-?(?:\d[\d,]*(?:\.\d+)?(?:/\d+)?|\.\d+)(?:\\?%)?")
_CHAT_TOKEN = re.compile(r"<\|[^|>]{1,40}\|>[^\n]{0,20}$|</s>$")
_FINAL = re.compile(r"\bfinal answer\b[^.\n:]{0,60}?\bis\b:?[\s*]{0,9}(?=\\?\$|\\[(\[]|-?\.?\d)", re.I)
_FORMULA_SIGNS = re.compile(r"\\[,;:!()\[\] ]|\\q?quad(?![a-zA-Z])|\$")
_TEXT_IN_FORMULA = re.compile(r"\\text\{([^{}]*)\}")
_WORD = r"(?!(?:and|or|is|are|was|were|not|but|so|then|thus|hence|to)\b)(?:[A-Za-z]+|\([a-z]\))"
_BETWEEN_BOXES = re.compile(  # a unit or what the first is for, a comma or conjunction, the name of the second
    rf"(?: ?{_WORD}(?: {_WORD}){{0,4}}(?= ?[,;]| (?:and|or)\b))?"
    r"[\s,;]*(?:\b(?:and|or)\b\s*)?(?:[A-Za-z](?:_(?:\w|\{\w{1,3}\}))?\s*=\s*)?"
)
_NUMBER_THEN_WORDS = re.compile(r"\\?\$?(-?\d[\d,]{0,40}(?:\.\d{1,40})?(?:/\d{1,40})?%?) (?!and |or )[A-Za-z]{2}")
_SENTENCE_END = re.compile(r"\.(?=\s|$)")
_NEXT_FORMULA = re.compile(r",?\s{0,9}(?:and\b|or\b)?\s{0,9}\$")
_MOST_BOXES = 50  # in one answer
_LONGEST_BETWEEN = 80  # characters between two of them
_LOOK = 4_000  # characters after a marker that can belong to its answer
_ENDINGS = tuple(".!?$)]}*\"'`")


def extract_answer(text: str, style: Style = "marked") -> str | None:
    """Return the final answer as the text writes it, or None if it has none.

    Args:
        text: a solution, of any length.
        style: "boxed" reads boxes only, as the MATH benchmark does; "marked" also reads answer sentences and lines;
            "number" falls back to the last formula or number, for models that were never told how to answer.
    """
    if boxes := [box.end() for box in _BOX.finditer(text)]:
        if style == "boxed" or not (content := _content(text, boxes[-1])) or not _FINAL.search(text, content[1]):
            return _boxed(text, boxes)
        text = text[content[1] :]
    if style == "boxed":
        return None
    text = _CHAT_TOKEN.sub("", text.rstrip()).rstrip()
    answer = _marked(text)
    return _last_value(text) if answer is None and style == "number" else answer


def is_truncated(text: str) -> bool:
    r"""Whether the text broke off before its end.

    It did if its last ``\boxed`` is open, or if it has no marked answer and does not end like a sentence or a formula.
    """
    if boxes := [box.end() for box in _BOX.finditer(text)]:
        return _content(text, boxes[-1]) is None
    return _marked(text) is None and not text.rstrip().endswith(_ENDINGS)


def _boxed(text: str, starts: list[int]) -> str | None:
    """The content of the last box whose command ends at one of ``starts``, with those it is joined to."""
    last = _content(text, starts[-1])
    if last is None:
        return None
    starts = starts[-_MOST_BOXES:]
    parts = [last[0]]
    for start, next_start in zip(reversed(starts[:-1]), reversed(starts[1:]), strict=True):
        before = _content(text, start, min(next_start, start + _LOOK))
        if before is None or not _is_between_boxes(_BOX.sub("", text[before[1] : next_start])):
            break
        parts.append(before[0])
    return ", ".join(reversed(parts)) or None


def _is_between_boxes(text: str) -> bool:
    """Whether what stands between two boxes makes one list of them."""
    if len(text) > _LONGEST_BETWEEN:
        return False
    text = _TEXT_IN_FORMULA.sub(r"\1", text)
    return bool(_BETWEEN_BOXES.fullmatch(re.sub(" +", " ", _FORMULA_SIGNS.sub(" ", text))))


def _content(text: str, start: int, end: int = sys.maxsize) -> tuple[str, int] | None:
    """(content, end) of the box whose command ends at ``start``; without braces it ends with its formula or line."""
    opening = start + len(text[start : start + 10]) - len(text[start : start + 10].lstrip())
    if not text.startswith("{", opening):
        content = re.split(r"[$\n]", text[start : start + _LOOK], maxsplit=1)[0]
        return (content.strip(), start + len(content)) if content.strip() else None
    depth = 0
    for brace in _BRACE.finditer(text, opening, end):  # an escaped brace is an ordinary sign
        depth += (brace[0] == "{") - (brace[0] == "}")
        if depth == 0 and brace[0] == "}":
            return text[opening + 1 : brace.start()].strip(), brace.end()
    return None


def _marked(text: str) -> str | None:
    last_line = text.rstrip().rpartition("\n")[2]
    if last_line.startswith("####"):
        return _clean(last_line[4:])
    ends = [match.end() for pattern in (_SENTENCE, _LETTER_A) for match in pattern.finditer(text)]
    if not ends:
        return None
    rest = text[max(ends) : max(ends) + _LOOK].lstrip().removeprefix(":").lstrip("* \t\n")
    if rest.startswith("$$"):
        return _clean(rest[2:].partition("$$")[0])
    if rest.startswith("$") and "$" in rest[1:]:
        formula, _, after = rest[1:].partition("$")
        if not _NEXT_FORMULA.match(after):
            return _clean(formula)
    sentence = _SENTENCE_END.split(rest.partition("\n")[0], maxsplit=1)[0]
    return _clean(sentence.rpartition(" is ")[2])  # "Answer: the volume is 120"


def _clean(answer: str) -> str | None:
    answer = answer.strip(" \t\r\n*_`\"'").rstrip(".,;:").strip()
    number = _NUMBER_THEN_WORDS.match(answer)
    return (number[1] if number else answer) or None


def _last_value(text: str) -> str | None:
    ending = text.rstrip(" .")
    formula = ending.rstrip("$").rpartition("$")
    if ending.endswith("$") and formula[1]:
        return _clean(formula[2][-_LOOK:])
    numbers = _NUMBER.findall(text)
    return numbers[-1].rstrip(",") if numbers else None
