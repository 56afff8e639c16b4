"""Which wrong answers vote together: those that are the same, and those that are the same as one of them, and so on."""

from collections.abc import Sequence
from typing import Any

from tts_lib.grading.conventions import Conventions
from tts_lib.grading.equivalence import compare
from tts_lib.grading.reading.conditions import Reading
from tts_lib.grading.reading.numerals import ESTIMATED


def classes(readings: Sequence[Reading], conventions: Conventions) -> list[int]:
    """Return a number for each reading: two have one if a chain of equal answers joins them.

    Almost all answers are exact numbers, of which two are the same if and only if their keys are.
    """
    parents = list(range(len(readings)))

    def root(i: int) -> int:
        while parents[i] != i:
            i = parents[i]
        return i

    first: dict[Any, int] = {}
    for i, reading in enumerate(readings):
        parents[i] = first.setdefault(reading[1][0][0] if _is_exact_number(reading) else reading, i)
    distinct = list(first.values())
    others = [i for i in distinct if not _is_exact_number(readings[i])]
    seen = [i for i in distinct if _is_exact_number(readings[i])]
    for i in others:
        for j in seen:
            if root(i) != root(j) and _are_one(readings[i], readings[j], conventions):
                low, high = sorted((root(i), root(j)))
                parents[high] = low
        seen.append(i)
    return [root(i) for i in range(len(readings))]


def _is_exact_number(reading: Reading) -> bool:
    is_alone = reading[0] == "value" and len(reading[1]) == 1 and reading[2] is None
    return is_alone and not reading[1][0][3] and not reading[1][0][0].startswith(ESTIMATED)


def _are_one(one: Reading, other: Reading, conventions: Conventions) -> bool:
    return compare(one, other, conventions).is_same or compare(other, one, conventions).is_same
