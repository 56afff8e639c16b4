r"""Reading the final answer out of a model's solution text.

Precedence, the same for every text:

1. Only the model's own message counts (`tts_lib.grading.messages`): no prompt, no thinking section, nothing behind the
   end of its turn, and nothing of a further question that it goes on with once it has marked an answer.
2. Author's own marks, the last one: ``\boxed{}`` or ``\fbox{}``, together with those before it in its sentence that
   "and", "or" or a comma joins to it, as in ``$x=\boxed{1}$ apples and $y=\boxed{2}$``: one list; and
   ``<answer>...</answer>``. Blanks such as ``\boxed{}`` mark nothing. If the last is still open, the text broke off
   inside its answer and has none, whatever stands before.
   Style "boxed" reads boxes only; the others let "the final answer is", a formula or number, behind the box replace it.
3. Without them, the markers in words and GSM8K's ``####`` (`tts_lib.grading.markers`).
4. A last line in bold print, or the whole message, that is a formula or number and nothing else. Not in style "boxed".
5. Style "number" only: the formula that ends the text, else its last plain number.

Style "heading" reads the line below the first ``# Answer`` and nothing else, as few-shot prompts ask for it.

Every pattern has bounded repeats or none that overlap, so that time grows linearly with the text.
"""

import re
from typing import Literal, NamedTuple

from tts_lib.grading.boxes import first_box, is_blank, last_box
from tts_lib.grading.markers import first_mark, marked
from tts_lib.grading.messages import message
from tts_lib.grading.phrases import NUMBER, SCALE, answer_in, clean, opens_a_text

Style = Literal["marked", "boxed", "number", "heading"]

HEADING = "# Answer"  # stands above the answer in the style of PRM800K
_NEXT_QUESTION = re.compile(
    r"^[*_> ]{0,6}(?:#{1,6} ?[*_]{0,3}(?:question|problem|exercise|instruction)\b"
    r"|(?:question|problem|exercise|q|human|user|instruction) ?\d{0,3}[*_]{0,3} ?[:：])",
    re.IGNORECASE | re.MULTILINE,
)
_FINAL = re.compile(
    r"\bfinal answers?\b(?:[^.\n:]{0,60}?\b(?:is|are)\b:?|[*_ ]{0,4}[:：])[\s*]{0,9}(?=\\?\$|\\[(\[]|-?\.?\d)",
    re.IGNORECASE,
)
_TAG = re.compile(r"<(/?)(?:final|(?:final[ _-]?)?answer)>", re.IGNORECASE)
_TEX_HEADING = re.compile(  # \textbf{Answer:} and \section*{Answer} as bold print
    r"\\(?:text(?:bf|it|rm)?|emph|underline|(?:sub){0,2}section\*?|paragraph\*?)"
    r"\{([^{}\n]{0,20}\banswers?[ :.]{0,3})\}",
    re.I,
)
_FORMULA_SIGNS = (("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"))
_TEX_SENTENCE = re.compile(r"(\$|\\\()\\text\{([^{}\n]{0,60}\banswers?\b[^{}\n]{0,40}(?:\bis|[:=]) ?)\}")
_JSON_FIELD = re.compile(
    r"[\"'](?:final[ _]?)?answer[\"'] ?: ?(?:\"([^\"\n]{1,400})\"|(-?\d[\d.eE+-]{0,40}))\s{0,9}(?=[,}])", re.IGNORECASE
)
_LIST_LABEL = re.compile(r"^[ \t]{0,9}\d{1,3}[.)] ", re.MULTILINE)
_POWER = rf"(?:{NUMBER} ?(?:[×x*]|\\times|\\cdot) ?)?{NUMBER}\^\{{?{NUMBER}\}}?"
_LAST_NUMBERS = re.compile(
    rf"(?<![\w.^])(?:{NUMBER}:\d+|{NUMBER} \d+/\d+|{_POWER}|{NUMBER})(?:\s{SCALE})?", re.IGNORECASE
)
_SPACED_MINUS = re.compile(r"(?<=[=(:] )[-−] (?=[\d.])")
_LONGEST_FORMULA = 4_000  # characters
_ALONE = re.compile(  # in bold print or not
    rf"(?P<bold>\*\*|__)?(\$\$?[^$\n]+\$\$?|\\\((?:(?!\\[()]).)+\\\)|\\\[(?:(?!\\[\[\]]).)+\\\]"
    rf"|{NUMBER}(?(bold)(?: [a-z]{{2,20}}){{0,2}}))\.?(?(bold)(?:\*\*|__)\.?)"
)


_AS_LINES = ((_TEX_HEADING, r"**\1**"), (_TEX_SENTENCE, r"\2 \1"), (_JSON_FIELD, r"\nAnswer: \1\2\n"))


class _Tagged(NamedTuple):
    """What stands between answer tags."""

    content: str | None  # None: the last is still open at the end of the text
    end: int


def extract_answer(text: str, style: Style = "marked") -> str | None:
    """Return the final answer as the text writes it, or None if it has none.

    Args:
        text: a solution, of any length.
        style: "boxed" reads boxes only, as the MATH benchmark does; "marked" also reads answer tags, sentences and
            lines; "number" falls back to the last formula or number, for models that were never told how to answer;
            "heading" reads what stands below `# Answer`.
    """
    said = message(text)
    if said is None:
        return None
    if style == "heading":
        return next((line.strip() for line in said.partition(HEADING)[2].split("\n") if line.strip()), None)
    for pattern, line in _AS_LINES:
        said = pattern.sub(line, said)
    said = _before_another_question(said)
    box, tagged = last_box(said), _tagged(said)
    if style == "boxed":
        return box.content if box else None
    if tagged and (box is None or box.start < tagged.end):
        return None if tagged.content is None else _of_tag(tagged.content, style)
    if box is None:
        return _in_words(said, style)
    if box.content is not None and _FINAL.search(said, box.end) and (final := marked(said[box.end :])):
        return final.answer
    return box.content


def _before_another_question(text: str) -> str:
    """The text up to a line "Question:" behind its first mark: what follows answers a question of its own making."""
    if not _NEXT_QUESTION.search(text):
        return text
    box, mark = first_box(text), first_mark(text)
    ends = [end for end in (box.end if box else None, mark) if end is not None]
    question = _NEXT_QUESTION.search(text, min(ends)) if ends else None
    return text[: question.start()] if question else text


def _tagged(text: str) -> _Tagged | None:
    """The last answer tag that holds no blank; one that is never closed is a mention where a mark stands behind it."""
    opened, last = None, None
    for tag in _TAG.finditer(text):
        if not tag[1]:
            opened = tag.end()
        elif opened is not None:
            content, opened = text[opened : tag.start()], None
            last = last if is_blank(content) else _Tagged(content.strip(), tag.end())
    if opened is None or last_box(text[opened:]) or marked(text[opened:]):
        return last
    return _Tagged(None, len(text))


def _of_tag(content: str, style: Style) -> str | None:
    """The answer of an answer tag: as a text marks it, else the tag's only line."""
    box = last_box(content)
    answer = box.content if box else _in_words(content, style)
    if box or answer is not None or opens_a_text(content):
        return answer
    return answer_in(content, sentence_follows=True)


def _in_words(text: str, style: Style) -> str | None:
    words = marked(text)
    if words is None and (alone := _alone(text)):
        return alone
    if style == "number" and (words is None or words.answer is None):
        return _last_value(text if words is None else words.statement)
    return words.answer if words else None


def _alone(text: str) -> str | None:
    """The formula or number that is the whole text, or its last line in bold print."""
    text = text.strip()
    line = _ALONE.fullmatch(text[text.rfind("\n") + 1 :].strip()[:_LONGEST_FORMULA])
    return answer_in(line[2]) if line and (line["bold"] or "\n" not in text) else None


def _last_value(text: str) -> str | None:
    """The formula that ends the text, else its last plain number."""
    ending = text.rstrip(" \n.!")[-_LONGEST_FORMULA:]
    ending = ending.rstrip("$") + "$" if ending.endswith("$") else ending
    for opening, closing in _FORMULA_SIGNS:
        _, opened, content = ending.removesuffix(closing).rpartition(opening)
        if ending.endswith(closing) and opened:
            return clean(content)
    numbers = _LAST_NUMBERS.findall(_SPACED_MINUS.sub("-", _LIST_LABEL.sub("", text)))
    return numbers[-1].lstrip("\\$").rstrip(",") if numbers else None
