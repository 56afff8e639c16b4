r"""Reading the final answer out of a model's solution text.

Precedence, the same for every text:

1. Only the model's own message counts (`tts_lib.grading.messages`): no prompt, no thinking section, nothing behind the
   end of its turn, and nothing of a further question that it goes on with once it has marked an answer.
2. Author's own marks, the last one: ``\boxed{}`` or ``\fbox{}``, together with those before it in its sentence that
   "and", "or" or a comma joins to it, as in ``$x=\boxed{1}$ apples and $y=\boxed{2}$``: one list; and
   ``<answer>...</answer>``. Blanks such as ``\boxed{}`` mark nothing. If the last is still open, the text broke off
   inside its answer and has none, whatever stands before.
   Style "boxed" reads boxes only; the others let "the final answer is", a formula or number, behind the box replace it.
3. Without them, the markers in words, of other languages too, and GSM8K's ``####`` (`tts_lib.grading.markers`).
4. What the last line has in bold print (`tts_lib.grading.endings`), not in style "boxed": bold print is the author's
   mark as well. It is a formula or number alone or behind a label ("Result:", "Total ="), or the one value in bold of
   the last sentence, or a name behind its "is". A value without bold print may be a step of a text that broke off.
5. Style "number" only (`tts_lib.grading.last_values`): the formula, list or expression that ends the text, else its
   last number, or the formula that holds it.

Style "heading" reads the line below the first ``# Answer`` and nothing else, as few-shot prompts ask for it.

Every pattern has bounded repeats or none that overlap, so that time grows linearly with the text.
"""

import re
from typing import Literal, NamedTuple

from tts_lib.grading import languages
from tts_lib.grading.boxes import first_box, is_blank, last_box
from tts_lib.grading.endings import concluded
from tts_lib.grading.last_values import last_value
from tts_lib.grading.markers import first_mark, marked
from tts_lib.grading.messages import message
from tts_lib.grading.phrases import answer_in, opens_a_text

Style = Literal["marked", "boxed", "number", "heading"]

HEADING = "# Answer"  # stands above the answer in the style of PRM800K
_NEXT_QUESTION, _NEXT_QUESTION_ABROAD = (
    re.compile(
        rf"^[*_> ]{{0,6}}(?:#{{1,6}} ?[*_]{{0,3}}(?:question|problem|exercise|instruction)\b"
        rf"|(?:question|problem|exercise|q|human|user|instruction{abroad}) ?\d{{0,3}}[*_]{{0,3}} ?[:：])",
        re.IGNORECASE | re.MULTILINE,
    )
    for abroad in ("", f"|{languages.QUESTION}")
)
_FINAL = re.compile(
    r"\bfinal answers?\b(?:[^.\n:]{0,60}?\b(?:is|are)\b:?|[*_ ]{0,4}[:：])[\s*]{0,9}(?=\\?\$|\\[(\[]|-?\.?\d)",
    re.IGNORECASE,
)
_TAG = re.compile(r"<(/?)(?:final|(?:final[ _-]?)?answer)>", re.IGNORECASE)
_TEX_HEADING = re.compile(  # \textbf{Answer:} and \section*{Answer} as bold print
    r"\\(?:text(?:bf|it|rm)?|emph|underline|(?:sub){0,2}section\*?|paragraph\*?)"
    r"\{([^{}\n]{0,20}\banswers?\b(?:[ :.]{0,3}|:(?:[^{}\n]|\{[^{}\n]{0,100}\}){1,200}))\}",
    re.I,
)
_FULL_WIDTH = str.maketrans(
    {"。": ". ", "！": "! ", "？": "? ", "：": ": ", "；": "; ", "，": ", ", "（": "(", "）": ")"}
    | {"\u00a0": " ", "\u202f": " "}
)
_THOUSANDS = re.compile(r"(?<=\d)[\u00a0\u202f\u2009](?=\d{3}(?!\d))")
_BRACKETED = re.compile(r"【([^\W\d_a-zA-Z]{1,8})】[:：]?")
_FOOTNOTE = re.compile(
    r"(?<=[\w)*$%}][.!])(?:[¹²³⁴-⁹]{1,2}|[†‡]|\[\^?\d{1,2}\])(?=\s|\*|$)"
    r"|^[ \t]{0,9}(?:[¹²³⁴-⁹†‡]|\[\^\d{1,2}\]:?)[ \t]?[^\W\d_][^\n]*$",
    re.MULTILINE,
)
_TEX_LAYOUT = re.compile(r"(?:\\begin|\\end)\{(?:center|quote|document|solution|proof|flush(?:left|right))\}")
_QED = r"\\(?:qed\w{0,6}|blacksquare|square|Box)"
_END_OF_PROOF = re.compile(
    rf"\s{{0,9}}(?:\\hfill ?)?(?:\$ ?{_QED} ?\$|\\\( ?{_QED} ?\\\)|\\(?:qed(?:symbol)?|blacksquare)|[∎■◼□]|Q\.E\.D|QED)"
    r"(?=\.?\s{0,9}$|\s?(?:\$\$?|\\[\])])\s{0,9}$)"
)
_QEDS = (r"\qed", r"\blacks", r"\square", r"\Box", "Q.E.D", "QED", *"∎■◼□")
_LONGEST_END = 60  # characters
_TEX_SENTENCE = re.compile(r"(\$|\\\()\\text\{([^{}\n]{0,60}\banswers?\b[^{}\n]{0,40}(?:\bis|[:=]) ?)\}")
_JSON_FIELD = re.compile(
    r"[\"'](?:final[ _]?)?answer[\"'] ?: ?(?:\"([^\"\n]{1,400})\"|(-?\d[\d.eE+-]{0,40}))\s{0,9}(?=[,}])", re.IGNORECASE
)
_AS_TYPED = ((_THOUSANDS, ""), (_BRACKETED, r"\n\1: "), (_FOOTNOTE, ""))
_AS_LINES = (
    (_TEX_LAYOUT, "\n"),
    (_TEX_HEADING, r"**\1**"),
    (_TEX_SENTENCE, r"\2 \1"),
    (_JSON_FIELD, r"\nAnswer: \1\2\n"),
)


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
    said = _as_typed(said)
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


def _as_typed(text: str) -> str:
    """The text without full-width signs, footnotes and ends of proofs, and with bold print for LaTeX's headings."""
    if not text.isascii() or "[^" in text:
        for pattern, line in _AS_TYPED:
            text = pattern.sub(line, text)
        text = text.translate(_FULL_WIDTH)
    for pattern, line in _AS_LINES:
        text = pattern.sub(line, text)
    end = text[-_LONGEST_END:]
    return text[:-_LONGEST_END] + _END_OF_PROOF.sub("", end) if any(sign in end for sign in _QEDS) else text


def _before_another_question(text: str) -> str:
    """The text up to a line "Question:" behind its first mark: what follows answers a question of its own making."""
    next_question = _NEXT_QUESTION_ABROAD if languages.speaks(text) else _NEXT_QUESTION
    if not next_question.search(text):
        return text
    box, mark = first_box(text), first_mark(text)
    ends = [end for end in (box.end if box else None, mark) if end is not None]
    question = next_question.search(text, min(ends)) if ends else None
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
    if words is None and (conclusion := concluded(text)):
        return conclusion
    if style == "number" and (words is None or words.answer is None):
        return last_value(text if words is None else words.statement)
    return words.answer if words else None
