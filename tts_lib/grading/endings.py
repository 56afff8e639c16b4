r"""How a text ends that marks no answer in words: with a value in bold print."""

import re

from tts_lib.grading import languages
from tts_lib.grading.phrases import NUMBER, answer_in
from tts_lib.grading.statements import FORMULA_IN_LINE, VALUE, in_bold, only_value, opens_none

_ALONE = re.compile(  # in bold print or not
    rf"(?P<bold>\*\*)?({FORMULA_IN_LINE}|{NUMBER}(?(bold)(?: [a-z]{{2,20}}){{0,2}}))\.?(?(bold)\*\*\.?)"
)
_BOLD_TAGS = re.compile(r"</?(?:b|strong)>|(?<![\w\\])__(?=\S)|(?<=\S)__(?!\w)|\*\*\*")
_IN_BRACES = r"((?:[^{}$\n]|\{[^{}$\n]{0,100}\}){1,200})"
_TEX_BOLD = re.compile(  # a formula of its own, or outside of formulas
    rf"\$\\(?:mathbf|boldsymbol|underline)\{{(?:\\underline\{{)?{_IN_BRACES}\}}{{1,2}}\$|\$[^$\n]{{1,400}}\$"
    rf"|\\(?:textbf|underline)\{{(?:\\underline\{{)?{_IN_BRACES}\}}{{1,2}}"
)
_FAREWELL = re.compile(
    r"(?![^\n]*\b(?:wrong|incorrect|mistake|error|not|but|however)\b)"
    r"(?:(?:(?:please )?let me know|i hope|hope|feel free|if you|would you|do you|thanks?\b|good luck|great\b|happy)"
    r"[^\d\n]{0,200}|\*[^*\d\n]{1,200}\*|\([^\d\n]{1,200}\)|[-*_=]{3,}|</?\w{1,20}>)",
    re.IGNORECASE,
)
_MOST_FAREWELLS = 5
_EMOJI = r"[\s\U0001f000-\U0001faff\u2705\u2728\ufe0f\u200d]"
_EMOJI_AT_END = re.compile(rf"(?<!{_EMOJI}){_EMOJI}+$")
_LONGEST_LINE = 4_000  # characters
_NO_STATEMENT = re.compile(r"[-•*+>|#] |[|#>]|\d{1,3}[.)] |\(?[a-z]\)")  # items, rows, headings, parts
_SEVERAL_PARTS = re.compile(
    r"^[*_#> \t-]{0,8}(?:\(?[b-e]\)|(?:[Pp]art|[Qq]uestion|[Tt]eil|[Pp]arte) ?\(?[b-eB-E2-9]\b)", re.MULTILINE
)
_HEADING = re.compile(r"^(?:#{1,6} ?[^\n]{1,200}|\*\*[^*\n]{1,200}\*\*:?[ \t]*)$", re.MULTILINE)
_ASIDE = re.compile(
    r"\b(?:check|checking|verif\w+|note|remark|example|given|alternative\w*|bonus|extra|hint|extension|generali[sz]\w+"
    r"|part|question|probe|vérification|comprobación|verifica\w*|проверка)\b|检验|验证|検算|검산",
    re.IGNORECASE,
)
_LABEL = re.compile(
    rf"(?:(?:final |overall |grand |net )?{languages.RESULT}(?: [^\W\d_]{{1,20}}){{0,4}}:|[^\n=:\d]{{1,60}}=(?!=))\s*",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"\*\*[^*]+\*\*\.?")
_SENTENCE_END = re.compile(r"[.!?](?:\*\*)?\s+(?=\S)")


def concluded(text: str) -> str | None:
    """What the last line says in bold print: a value alone, behind a label, or in its last sentence.

    An item of a list, a row of a table, a heading, one of several parts and a check of the answer say nothing.
    """
    text = text.strip()
    before, line = _last_line(text)
    line = _BOLD_TAGS.sub("**", line.removeprefix("> "))
    alone = _ALONE.fullmatch(line)
    if alone and (alone["bold"] or "\n" not in text):
        return answer_in(alone[2])
    line = _TEX_BOLD.sub(lambda bold: f"**{bold[1] or bold[2]}**" if bold[1] or bold[2] else bold[0], line)
    plain = line.replace("**", "").strip(" .")
    if plain == line.strip(" .") or _NO_STATEMENT.match(line) or _NO_STATEMENT.match(plain):
        return None
    if _SEVERAL_PARTS.search(text) or _is_aside(before, line):
        return None
    if line.startswith("**") and (label := _LABEL.match(plain)) and VALUE.fullmatch(value := plain[label.end() :]):
        return None if opens_none(plain) else answer_in(value)
    if _WHOLE.fullmatch(line):
        return only_value(plain)
    return in_bold(_last_sentence(line))


def _last_line(text: str) -> tuple[str, str]:
    """(what stands before, the last line) without a farewell, a rule or a tag behind it."""
    for _ in range(_MOST_FAREWELLS):
        before, _, line = text.rpartition("\n")
        line = line.strip()
        line = _EMOJI_AT_END.sub("", line) if len(line) <= _LONGEST_LINE else ""
        if not before or not (line == "" or _FAREWELL.fullmatch(line)):
            return before, line
        text = before.rstrip()
    return "", ""


def _is_aside(before: str, line: str) -> bool:
    """Whether the line stands under a heading such as "Check", or beside another one with a value of its own."""
    beside = _BOLD_TAGS.sub("**", before[before.rfind("\n") + 1 :])
    if "**" in beside and in_bold(beside) not in (None, in_bold(line)):
        return True
    headings = _HEADING.findall(before)
    return bool(headings and _ASIDE.search(headings[-1]))


def _last_sentence(line: str) -> str:
    """The last sentence of a line; empty if it broke off or is nothing but its bold print."""
    ends = [end.end() for end in _SENTENCE_END.finditer(line)]
    sentence = line[ends[-1] if ends else 0 :]
    complete = (".", "!") if sentence.startswith("**") else ("**", ".", "!", ")")
    return sentence if sentence.endswith(complete) else ""
