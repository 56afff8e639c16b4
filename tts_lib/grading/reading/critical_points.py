"""Points with what they are: "a saddle point at (0,0)", "local minimum at x = 2"; a part of `readings`."""

import re
from collections.abc import Callable

from tts_lib.grading.reading.conditions import Reading

_EXTREMUM = r"(?:(?:(?:a|an|the) )?(?P<reach{0}>local|relative|global|absolute) )(?P<end{0}>max|min)(?:im(?:um|a))?"
_KIND = rf"(?:{_EXTREMUM}|(?:(?:a|an|the) )?(?P<kind{{0}}>saddle|inflection|critical|stationary))"
_NAMED = rf"{_KIND}(?: points?| value)?"
_POINT = re.compile(
    rf"(?:there is )?{_NAMED.format(1)} ?(?:is )?(?P<at>at|occurs at)?(?:of|:)? ?"
    r"(?P<behind>(?:[a-z]=|\(|-?\d|\\frac|\\left).*)"
    rf"|(?P<before>.*[\d)}}\]]) ?(?:is|:|,|-)? ?{_NAMED.format(2)}",
    re.I,
)
_SAME = {"relative": "local", "global": "absolute"}


def critical_point(text: str, read: Callable[[str], Reading]) -> Reading | None:
    """A point or place in the sense of what it is; None of other texts, in plain words without ``\\text``."""
    if (found := _POINT.fullmatch(text)) is None:
        return None
    value = read((found["behind"] or found["before"]).strip(" .,;"))
    if value[0] not in ("value", "tuple", "named", "list"):
        return None
    is_place = found["at"] or value[0] != "value"
    parts = [found[f"{name}{i}"] for i in (1, 2) for name in ("reach", "end", "kind")]
    words = [_SAME.get(part.lower(), part.lower()) for part in parts if part]
    sense = " ".join([*words, "point" if is_place else "value"])
    return ("measured", value, "", sense, None)
