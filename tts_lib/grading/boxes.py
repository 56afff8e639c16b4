r"""Boxes of a solution text: ``\boxed{}`` and ``\fbox{}``, their content, and which of them make one answer."""

import re
import sys
from typing import NamedTuple

_COMMAND = re.compile(r"\\(?:boxed|fbox|framebox)(?![a-zA-Z])")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_FORMULA_SIGNS = re.compile(r"\\[,;:!()\[\] ]|\\q?quad(?![a-zA-Z])|\$")
_TEXT_IN_FORMULA = re.compile(r"\\text\{([^{}]*)\}")
_WORD = r"(?!(?:and|or|is|are|was|were|not|but|so|then|thus|hence|to)\b)(?:[A-Za-z]+|\([a-z]\))"
_BETWEEN = re.compile(  # a unit or what the first is for, a comma or conjunction, the name of the second
    rf"(?: ?{_WORD}(?: {_WORD}){{0,4}}(?= ?[,;]| (?:and|or)\b))?"
    r"[\s,;]*(?:\b(?:and|or)\b\s*)?(?:[A-Za-z](?:_(?:\w|\{\w{1,3}\}))?\s*=\s*)?"
)
_MOST = 50  # in one answer
_MOST_BLANKS = 1_000  # looked at, from the last
_LONGEST_BETWEEN = 80  # characters between two of them
_LONGEST_OPEN = 4_000  # characters of a box without braces, or of one that another follows
_NO_SIGN = re.compile(
    r"\\(?:[,;:! _]|(?:boxed|fbox|q?quad|[lcv]?dots|cdot|square|Box|underline)(?![a-zA-Z])"
    r"|(?:text|mathrm|mathbf|textbf)(?=\{)|(?:phantom|[hv]space\*?)\{[^{}]*\})"
    r"|[\s.…?_~${}()\[\]<>'\"*-]"
)
_BLANK = re.compile(
    r"(?:(?:the|my|your)?(?:final|correct|numerical)?(?:answer|result|value|solution)(?:goes)?(?:here)?)?", re.I
)
_LONGEST_BLANK = 200  # characters


class Box(NamedTuple):
    """A box that marks an answer."""

    content: str | None  # None: it is still open at the end of the text
    start: int  # of its command
    end: int


def is_blank(answer: str) -> bool:
    """Whether an answer is a blank left for one, as instructions have it: nothing, dots, "your answer"."""
    return len(answer) <= _LONGEST_BLANK and bool(_BLANK.fullmatch(_NO_SIGN.sub("", answer)))


def first_box(text: str) -> Box | None:
    """The first box that is no blank."""
    found = (_box(text, command) for command in _COMMAND.finditer(text))
    return next((box for box in found if not _is_empty(box)), None)


def last_box(text: str) -> Box | None:
    """The last box that is no blank, with those it is joined to: "and", "or" or a comma makes one list of them."""
    commands = list(_COMMAND.finditer(text))[-_MOST_BLANKS:]
    while commands:
        last = _box(text, commands[-1])
        if not _is_empty(last):
            return last if last.content is None else last._replace(content=_joined(text, commands[-_MOST:], last))
        commands.pop()
    return None


def without_boxes(text: str) -> str:
    """The text with the commands of its boxes taken away; their braces stay."""
    return _COMMAND.sub("", text)


def _is_empty(box: Box) -> bool:
    return box.content is not None and is_blank(box.content)


def _joined(text: str, commands: list[re.Match[str]], last: Box) -> str:
    """The contents of the last box and of those before it in its list, in their order."""
    parts = [last.content or ""]
    for command, following in zip(reversed(commands[:-1]), reversed(commands[1:]), strict=True):
        before = _box(text, command, min(following.start(), command.end() + _LONGEST_OPEN))
        between = without_boxes(text[before.end : following.end()])
        if before.content is None or _is_empty(before) or not _is_between(between):
            break
        parts.append(before.content)
    return ", ".join(reversed(parts))


def _is_between(text: str) -> bool:
    """Whether what stands between two boxes makes one list of them."""
    if len(text) > _LONGEST_BETWEEN:
        return False
    text = _TEXT_IN_FORMULA.sub(r"\1", text)
    return bool(_BETWEEN.fullmatch(re.sub(" +", " ", _FORMULA_SIGNS.sub(" ", text))))


def _box(text: str, command: re.Match[str], end: int = sys.maxsize) -> Box:
    """The box of a command, as far as it closes before ``end``; one without braces ends with its formula or line."""
    start = command.end()
    opening = start + len(text[start : start + 10]) - len(text[start : start + 10].lstrip())
    if not text.startswith("{", opening):
        content = re.split(r"[$\n]", text[start : start + _LONGEST_OPEN], maxsplit=1)[0]
        return Box(content.strip() or None, command.start(), start + len(content))
    depth = 0
    for brace in _BRACE.finditer(text, opening, end):  # an escaped brace is an ordinary sign
        depth += (brace[0] == "{") - (brace[0] == "}")
        if depth == 0 and brace[0] == "}":
            return Box(text[opening + 1 : brace.start()].strip(), command.start(), brace.end())
    return Box(None, command.start(), len(text))
