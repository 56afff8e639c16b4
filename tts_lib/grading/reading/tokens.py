r"""A normal form in tokens: numbers, runs of letters, commands, texts and signs; and how to take rows of them apart."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_TOKEN = re.compile(
    r"(?P<space> +)|\\text\{(?P<text>[^{}]*)\}"
    r"|(?P<repeating>\d*\.\d*(?:\\dot ?(?:\{\d\}|\d)\d*\\dot ?(?:\{\d\}|\d)"
    r"|\\(?:overline|dot) ?(?:\{\d+\}|\d)|\(\d+\)))"
    r"|(?P<number>\d+(?:\.\d+)?|\.\d+)|\\(?P<command>[a-zA-Z]+)|(?P<letters>[a-zA-Z]+)|(?P<sign>\\.|.)"
)
_COMMAND = re.compile(r"\\[a-zA-Z]+$")
_OPENING = {"(", "[", "{", r"\{", "langle", "lfloor", "lceil", "begin"}
_CLOSING = {")", "]", "}", r"\}", "rangle", "rfloor", "rceil", "end"}


class Token(NamedTuple):
    """One token; `spaced` says whether a space stands before it."""

    kind: str  # space, text, repeating, number, command, letters or sign
    text: str
    spaced: bool = False

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.text in signs

    def is_command(self, *names: str) -> bool:
        return self.kind == "command" and self.text in names


Tokens = Sequence[Token]


def tokens(text: str) -> list[Token]:
    """The tokens of a normal form; spaces are told by the token behind them."""
    found: list[Token] = []
    spaced = False
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind != "space":
            found.append(Token(kind, match[kind], spaced))
        spaced = kind == "space"
    return found


def written(row: Iterable[Token]) -> str:
    """The tokens as one text again, with spaces only between what would run together."""
    text = ""
    for kind, content, spaced in row:
        if kind == "text":
            content = f"\\text{{{content}}}"
        elif kind == "command":
            content = f"\\{content}"
        is_glued = text[-1:].isalnum() and content[0].isalnum()
        is_apart = is_glued and (spaced or bool(_COMMAND.search(text)) or (text[-1].isalpha() and kind == "letters"))
        text += f" {content}" if is_apart else content
    return text


def depths(row: Tokens) -> list[int]:
    """How many brackets are open around each token; an opening bracket and its closing one are outside."""
    found, depth = [], 0
    for token in row:
        is_bracket = token.kind in ("sign", "command")
        if is_bracket and token.text in _CLOSING:
            depth -= 1
        found.append(depth)
        if is_bracket and token.text in _OPENING:
            depth += 1
    return found


def split(row: Tokens, *separators: str) -> tuple[list[Tokens], list[str]]:
    """(parts, the separators between them): cut at these signs and commands outside all brackets."""
    parts: list[Tokens] = []
    cuts: list[str] = []
    start = 0
    for i, (token, depth) in enumerate(zip(row, depths(row), strict=True)):
        if depth == 0 and token.kind in ("sign", "command") and token.text in separators:
            parts.append(row[start:i])
            cuts.append(token.text)
            start = i + 1
    return [*parts, row[start:]], cuts


def brackets(row: Tokens) -> str:
    """The kind of brackets, such as "()" or "[)", that enclose the whole row; "" if none do."""
    if len(row) < 2 or row[0].kind not in ("sign", "command") or row[0].text not in _OPENING:
        return ""
    inside = depths(row)[1:-1]
    closes = row[-1].kind in ("sign", "command") and row[-1].text in _CLOSING
    return row[0].text + row[-1].text if closes and depths(row)[-1] == 0 and all(d >= 1 for d in inside) else ""


class UnreadableError(Exception):
    """The tokens are not what they were taken for."""


class Cursor:
    """A row of tokens that is read from left to right.

    Args:
        row: the tokens; `rest` has those that are left, the next one last.
    """

    def __init__(self, row: Tokens) -> None:
        self.rest = list(reversed(row))

    def next(self) -> Token | None:
        return self.rest[-1] if self.rest else None

    def at(self, *signs: str) -> bool:
        return bool(self.rest) and self.rest[-1].is_sign(*signs)

    def take(self, *signs: str) -> bool:
        if found := self.at(*signs):
            self.rest.pop()
        return found

    def at_command(self, *names: str) -> bool:
        return bool(self.rest) and self.rest[-1].is_command(*names)

    def take_command(self, *names: str) -> bool:
        if found := self.at_command(*names):
            self.rest.pop()
        return found

    def expect(self, sign: str) -> None:
        if not self.take(sign):
            raise UnreadableError(f"no {sign}")

    def raw_group(self) -> list[Token]:
        """The tokens of a group in braces, or the next one. Raises UnreadableError if there is none."""
        if not self.take("{"):
            if not self.rest:
                raise UnreadableError("nothing behind a sign")
            return [self.rest.pop()]
        found, depth = [], 1
        while self.rest:
            token = self.rest.pop()
            depth += token.is_sign("{") - token.is_sign("}")
            if depth == 0:
                return found
            found.append(token)
        raise UnreadableError("an open brace")
