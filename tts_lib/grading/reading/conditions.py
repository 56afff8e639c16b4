"""Conditions on one unknown as regions, and what several of them say together; a part of `readings`."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from tts_lib.grading.reading import regions
from tts_lib.grading.reading.numerals import INFINITY, MINUS_INFINITY, Number
from tts_lib.grading.reading.regions import Pieces

Reading = tuple[Any, ...]


def as_reading(value: Any) -> Any:
    """A reading again from its JSON, which has lists for tuples."""
    return tuple(map(as_reading, value)) if isinstance(value, list) else value


def region(name: str, pieces: Pieces, is_relation: bool) -> Reading:
    """A set of real numbers, or the inequalities whose solution it is; the name of the unknown, or ""."""
    return ("region", name, pieces, is_relation)


def region_of(reading: Reading) -> Reading | None:
    """An interval or a set of numbers as a region; None for what is none."""
    if reading[0] == "region":
        return reading
    if reading[0] == "set" and all(map(_is_number, reading[1])):
        return region("", regions.united(regions.point(Number(*item[1][0])) for item in reading[1]), False)
    if reading[0] != "tuple" or len(reading[2]) != 2 or not all(map(_is_number, reading[2])):
        return None
    low, high = (Number(*item[1][0]) for item in reading[2])
    pieces = regions.united([regions.Piece(low, reading[1][0] == "[", high, reading[1][-1] == "]")])
    return region("", pieces, False) if pieces and reading[1] != "<>" else None


def united_intervals(items: Sequence[Reading]) -> Reading | None:
    """The union of intervals; None if one is something else, or may be a point: both its ends are open and finite."""
    found = [region_of(item) if item[0] in ("region", "tuple") else None for item in items]
    if any(item[:2] == ("tuple", "()") and not any(map(_is_infinite, item[2])) for item in items):
        return None
    pieces = [one[2] for one in found if one is not None]
    return region("", regions.united(chain.from_iterable(pieces)), False) if len(pieces) == len(items) else None


def joined(conditions: Sequence[Reading], links: Sequence[str]) -> Reading:
    r"""Conditions with "," or ``land`` or ``lor`` between them, of which "or" binds least."""
    alternatives: list[list[Reading]] = [[_as_region(conditions[0])]]
    inner: list[set[str]] = [set()]
    for condition, link in zip(conditions[1:], links, strict=True):
        if link == "lor":
            alternatives.append([])
            inner.append(set())
        else:
            inner[-1].add(link)
        alternatives[-1].append(_as_region(condition))
    return _any_of([all_of(parts, linked) for parts, linked in zip(alternatives, inner, strict=True)])


def all_of(conditions: Sequence[Reading], links: set[str]) -> Reading:
    """All conditions at once; where commas join what excludes itself, they list alternatives."""
    if len(conditions) == 1:
        return conditions[0]
    if _are_of_one(conditions):
        pieces: Pieces = regions.REALS
        for condition in conditions:
            pieces = regions.common(pieces, condition[2])
        if pieces:
            return region(conditions[0][1], pieces, True)
        if links == {","}:
            return _any_of(conditions)
    return ("and", tuple(conditions))


def in_turn(sets: Sequence[Pieces], operations: Sequence[str]) -> Reading:
    """The union ("cup"), intersection ("cap") or difference ("setminus") of sets, from left to right."""
    pieces = sets[0]
    for operation, other in zip(operations, sets[1:], strict=True):
        if operation == "cup":
            pieces = regions.united([*pieces, *other])
        else:
            pieces = regions.common(pieces, other if operation == "cap" else regions.complement(other))
    if pieces and all(piece.low == piece.high for piece in pieces):
        return ("set", tuple(("value", (piece.low,), None) for piece in pieces))
    return region("", pieces, False)


def _any_of(alternatives: Sequence[Reading]) -> Reading:
    if len(alternatives) == 1:
        return alternatives[0]
    if _are_of_one(alternatives):
        pieces = regions.united(piece for alternative in alternatives for piece in alternative[2])
        return region(alternatives[0][1], pieces, True)
    return ("or", tuple(alternatives))


def _are_of_one(conditions: Sequence[Reading]) -> bool:
    return all(condition[0] == "region" for condition in conditions) and len({c[1] for c in conditions}) == 1


def _as_region(reading: Reading) -> Reading:
    """A named number as the region of one point."""
    if reading[0] == "named" and _is_number(reading[2]):
        return region(reading[1], (regions.point(reading[2][1][0]),), True)
    return reading


def _is_infinite(reading: Reading) -> bool:
    return _is_number(reading) and reading[1][0] in (INFINITY, MINUS_INFINITY)


def _is_number(reading: Reading) -> bool:
    return reading[0] == "value" and len(reading[1]) == 1
