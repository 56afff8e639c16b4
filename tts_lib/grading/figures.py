r"""Figures and quadrants by their names: "segment CD" is ``\overline{CD}``, "the first quadrant" is quadrant I.

A segment and a line may be read from either end, an angle too; a ray has an end of its own, a triangle its order.
"""

import re

_SIGNS = {"segment": r"\overline", "line": r"\overleftrightarrow", "ray": r"\overrightarrow", "arc": r"\widehat"}
_SIGNS |= {"side": r"\overline", "chord": r"\overline", "diagonal": r"\overline", "edge": r"\overline"}
_SIGNS |= {"angle": r"\angle", "triangle": r"\triangle"}
_FROM_BOTH_ENDS = (r"\overline", r"\overleftrightarrow", r"\widehat", r"\angle")
_OVER = re.compile(r"(\\overline|\\overleftrightarrow|\\widehat|\\overset\{\\frown\}) ?\{([A-Z]'?)([A-Z]'?)\}")
_ANGLE = re.compile(r"(\\angle) ?\{?([A-Z])([A-Z])([A-Z])\}?")
_FIGURE = re.compile(
    r"(?:(?i:the) )?(?:(?i:line )(?=(?i:segment)))?(?:(?i:minor )(?=(?i:arc)))?(?P<kind>(?i:"
    + "|".join(_SIGNS)
    + r")) ?(?:\\(?:over[a-z]+|widehat) ?\{(?P<over>[A-Z]{2})\}|(?:\\(?:angle|triangle) ?)?(?P<points>[A-Z]{1,3}))"
)
_POINTS = {"angle": (1, 3), "triangle": (3,)}
_MAY_BE_FIGURE = re.compile(r"(?:\\text\{ ?)?[A-Za-z]{3}[a-z ]*[\\ }A-Z]")
_NUMBERS = {"first": "I", "second": "II", "third": "III", "fourth": "IV"}
_NUMBERS |= {"1st": "I", "2nd": "II", "3rd": "III", "4th": "IV", "1": "I", "2": "II", "3": "III", "4": "IV"}
_NUMBERS |= {"one": "I", "two": "II", "three": "III", "four": "IV", "i": "I", "ii": "II", "iii": "III", "iv": "IV"}
_NTH = r"(?:first|second|third|fourth|1st|2nd|3rd|4th)"
_WHICH = r"(?:iii|ii|iv|i|[1-4]|one|two|three|four)"
_JOINT = r"(?:, ?| ?\\land ?| ?\\lor ?| and | or |, ?and )"
_QUADRANTS = re.compile(
    r"(?:(?:(?:it|(?:the|this) (?:point|angle|terminal side)(?: [a-z])?) )?(?:is |lies |is located )?in )?(?:the )?"
    rf"(?:{_NTH}(?:{_JOINT}(?:the )?{_NTH})* quadrants?"
    rf"|quadrants? {_WHICH}(?:{_JOINT}(?:quadrant )?{_WHICH})*|q(?:iii|ii|iv|i))",
    re.I,
)
_NUMBER = re.compile(rf"\b(?:{_NTH}|{_WHICH})\b|(?<=^q)i\w*", re.I)


def named(answer: str) -> str:
    """The answer with the sign of a figure for its name, quadrants by Roman numerals; other answers as they are."""
    if "uadrant" in answer or answer[:2] == "QI":
        plain = re.sub(r" ?\\text\{([^{}]*)\}", r" \1", answer).strip()
        if _QUADRANTS.fullmatch(plain):
            return " and ".join(f"Quadrant {_NUMBERS[number.lower()]}" for number in _NUMBER.findall(plain))
    if over := _OVER.fullmatch(answer):
        sign = r"\widehat" if over[1].startswith(r"\overset") else over[1]
        return f"{sign}{{{''.join(sorted(over.groups()[1:]))}}}"
    if angle := _ANGLE.fullmatch(answer):
        return rf"\angle {min(''.join(angle.groups()[1:]), ''.join(angle.groups()[:0:-1]))}"
    figure = _FIGURE.fullmatch(re.sub(r"\\text\{([^{}]*)\}", r"\1", answer)) if _MAY_BE_FIGURE.match(answer) else None
    if figure is None:
        return answer
    kind, points = figure["kind"].lower(), figure["over"] or figure["points"]
    if len(points) not in _POINTS.get(kind, (2,)):
        return answer
    sign = _SIGNS[kind]
    points = min(points, points[::-1]) if sign in _FROM_BOTH_ENDS else points
    return f"{sign} {points}" if kind in _POINTS else f"{sign}{{{points}}}"
