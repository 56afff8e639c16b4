r"""Braces as they are typed: ``{2, 5}`` is a set, ``{}`` the empty one, though in TeX they would only group.

Braces that are an argument of a command, hold equations, or have no comma of their own stay what they are in TeX.
"""

import re
from itertools import pairwise
from typing import NamedTuple

_MAY_BE_TYPED = re.compile(r"(?<![A-Za-z\\}\]^_*])\{")
_ARGUMENT = re.compile(r"[}\]^_*A-Za-z]$")
_WITHOUT_ARGUMENTS = re.compile(r"\\(?:cup|cap|setminus|in|subset|subseteq|displaystyle|[lL]arge|q?quad)$")
_STYLE = re.compile(
    r"\s*\\(?:[a-z]{0,8}style|[a-z]{0,8}size|(?:bf|it|large|Large|small|huge|color|bold)[a-z]*)(?![a-z])"
)
_ONE_NUMBER = re.compile(r"\s*\d{1,3}(?:,\d{3})+(?:\.\d+)?\s*")
_EQUATION = re.compile(r"[=<>:|]|\\(?:l|g)e(?:q|qslant)?(?![a-z])|\\(?:in|mid)(?![a-z])|[≤≥∈∣→]|\\to(?![a-z])")
_LONGEST_COMMAND = 40  # characters
_EMPTY = re.compile(r"\$*\s*\{\s*\}\s*\$*\.?")
_EMPTY_ARGUMENT = re.compile(r"((?:\\[a-zA-Z]+|\})\{ ?)\{ ?\}( ?\})")
_OF_THE_EMPTY_SET = re.compile(r"(\$*\s*)\{\s*∅\s*\}(\s*\$*\.?)")
_BRACKETS = re.compile(r"\\[{}]|[()\[\]{},]")


class _Braces(NamedTuple):
    """A pair of braces: its place, whether it is no argument, the places of its own commas, the pair around it."""

    start: int
    end: int
    is_typed: bool
    commas: tuple[int, ...]
    around: int  # where that pair starts, -1 if there is none


def sets(answer: str) -> str:
    r"""The answer with ``\{\}`` for the braces of sets."""
    if not _MAY_BE_TYPED.search(answer) or r"\begin" in answer:
        return answer
    if _EMPTY.fullmatch(answer):
        return r"\emptyset"
    answer = _EMPTY_ARGUMENT.sub(r"\1\\emptyset \2", answer)
    answer = _OF_THE_EMPTY_SET.sub(r"\1\\{\\emptyset\\}\2", answer)
    are_sets: dict[int, int] = {}
    for pair in sorted(_pairs(answer)):  # from outside to inside
        inside = answer[pair.start + 1 : pair.end]
        if pair.is_typed and (_is_set(answer, pair, inside) or _is_member(answer, pair, are_sets)):
            are_sets[pair.start] = pair.end
    ends = set(are_sets.values())
    signs = (f"\\{sign}" if i in are_sets or i in ends else sign for i, sign in enumerate(answer))
    return re.sub(r"\\\{\s*\\\}", r"\\emptyset ", "".join(signs)) if are_sets else answer


def _pairs(answer: str) -> list[_Braces]:
    """The pairs of braces; none if brackets do not fit."""
    found: list[_Braces] = []
    opened: list[tuple[str, int, list[int]]] = []
    for match in _BRACKETS.finditer(answer):
        sign = match[0]
        if sign == ",":
            if opened:
                opened[-1][2].append(match.start())
        elif sign in ("(", "[", "{", r"\{"):
            opened.append((sign, match.start(), []))
        elif sign in ("}", r"\}") or (opened and opened[-1][0] in ("(", "[")):  # (0,1] has other brackets at its end
            if not opened or (sign == "}") != (opened[-1][0] == "{"):
                return []
            opening, start, commas = opened.pop()
            if opening == "{":
                before = answer[max(0, start - _LONGEST_COMMAND) : start].rstrip()
                is_typed = not _ARGUMENT.search(before) or bool(_WITHOUT_ARGUMENTS.search(before))
                around = opened[-1][1] if opened and opened[-1][0] == "{" else -1
                found.append(_Braces(start, match.start(), is_typed, tuple(commas), around))
    return [] if opened else found


def _is_set(answer: str, pair: _Braces, inside: str) -> bool:
    places = [pair.start, *pair.commas, pair.end]
    parts = [answer[start + 1 : end] for start, end in pairwise(places)]
    if len(parts) < 2 or not all(part.strip(" ~\\,!;$") for part in parts):
        return False
    return not (_STYLE.match(inside) or _ONE_NUMBER.fullmatch(inside) or _EQUATION.search(inside))


def _is_member(answer: str, pair: _Braces, are_sets: dict[int, int]) -> bool:
    """Whether the braces are a whole item of a set: ``{1}`` in ``{{1}, 2}``."""
    if pair.around not in are_sets:
        return False
    return answer[: pair.start].rstrip()[-1] in "{," and answer[pair.end + 1 :].lstrip()[0] in "},"
