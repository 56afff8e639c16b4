"""Lists, sets and tuples against each other: which are in order, and which item answers for which.

Items are compared by `equivalence.compare`, which comes as an argument.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from tts_lib.grading.conventions import Conventions
from tts_lib.grading.reading.conditions import Reading, region_of
from tts_lib.grading.reading.quantities import unit_and_sense
from tts_lib.grading.verdicts import Finding

Compare = Callable[[Reading, Reading, Conventions], Finding]

_ROOT = re.compile(r"([xzrtm]|\\lambda ?)_\d")
_AROUND_TUPLES = {"<>": "()"}  # a vector is its tuple


def collections(gold: Reading, answer: Reading, conventions: Conventions, compare: Compare) -> Finding:
    """Two of them, of one kind or not."""
    kinds = gold[0], answer[0]
    if kinds == ("tuple", "tuple"):
        if len({_AROUND_TUPLES.get(reading[1], reading[1]) for reading in (gold, answer)}) > 1:
            return Finding(False, "brackets differ")
        return in_order(gold[2], answer[2], conventions, compare)
    if "tuple" in kinds and "set" in kinds:
        single, pair = (gold[1], answer) if kinds[0] == "set" else (answer[1], gold)
        if len(single) == 1 and single[0][0] == "tuple":
            return compare(single[0], pair, conventions)
        if len(single) == 1 and pair[1] == "[]" and len(pair[2]) == 2:  # [3,3] has 3 alone
            return in_order((*single, *single), pair[2], conventions, compare)
        if not (conventions.tuple_is_set or _is_unordered(pair)):
            return Finding(False, "tuple_is_set: a tuple is no set")
        return in_any_order(gold[-1], answer[-1], conventions, compare, once=True)
    if "tuple" in kinds:
        bracketed = next(reading for reading in (gold, answer) if reading[0] == "tuple")
        if _is_unordered(bracketed):
            return in_any_order(gold[-1], answer[-1], conventions, compare)
        listed = gold if gold[0] == "list" else answer
        if len({item[1] if item[0] == "named" else i for i, item in enumerate(listed[1])}) == 1:
            return Finding(False, "values of one name are no tuple")
        if bracketed[1] != "()" and not _is_list(bracketed):
            return Finding(False, "a list without brackets is no interval and no vector")
        return in_order(gold[-1], answer[-1], conventions, compare)
    labels = [_labels(reading[-1]) for reading in (gold, answer)]
    if not all(labels) and any(_is_counted(reading[-1]) for reading in (gold, answer)):  # x_1=3, x_2=1
        gold, answer = ((r[0], tuple(i[2] if i[0] == "named" else i for i in r[1])) for r in (gold, answer))
    elif all(labels):
        conventions = replace(conventions, units="required")
    elif any(labels):
        if "set" in kinds:
            return Finding(False, "a set does not say which is which")
        return in_order(gold[-1], answer[-1], conventions, compare)
    if "set" in kinds:
        return _members(gold, answer, conventions, compare)
    if conventions.list_order == "given":
        return in_order(gold[1], answer[1], conventions, compare)
    return in_any_order(gold[1], answer[1], conventions, compare, once=not conventions.multiplicities)


def _members(gold: Reading, answer: Reading, conventions: Conventions, compare: Compare) -> Finding:
    """The members of sets, each once: those that are sets themselves apart, as the set of 1 is not 1."""
    finding = Finding(True, "")
    for are_sets in (True, False):
        kept = [[item for item in reading[1] if (item[0] == "set") == are_sets] for reading in (gold, answer)]
        is_once = [reading[0] == "set" or not conventions.multiplicities for reading in (gold, answer)]
        items = [_once(kept[i], conventions, compare) if is_once[i] else kept[i] for i in (0, 1)]
        if not (finding := in_any_order(items[0], items[1], conventions, compare)).is_same:
            break
    return finding


def _is_unordered(bracketed: Reading) -> bool:
    """Whether square brackets hold points, or numbers of which one is not real: then they are a list of a program."""
    items = bracketed[2] if bracketed[1] == "[]" else ()
    is_complex = any(item[0] == "value" and len(item[1]) == 1 and item[1][0][2] != "0" for item in items)
    return is_complex or (bool(items) and all(item[0] == "tuple" for item in items))


def _is_list(bracketed: Reading) -> bool:
    """Whether square brackets hold more numbers than an interval has ends, or its ends the wrong way round."""
    are_numbers = all(item[0] == "value" and len(item[1]) == 1 for item in bracketed[2])
    is_turned = are_numbers and region_of(bracketed) is None
    return bracketed[1] == "[]" and (len(bracketed[2]) > 2 or is_turned)


def _is_counted(items: Sequence[Reading]) -> bool:
    """Whether all names are one letter for roots or eigenvalues with an index, which says which is which to nobody."""
    found = [_ROOT.fullmatch(item[1]) if item[0] == "named" else None for item in items]
    return len({one and one[1] for one in found}) == 1 and found[0] is not None


def _labels(items: Sequence[Reading]) -> set[str]:
    """What tells the items of a list apart: names (x=1, y=2) or units (5 boys, 3 girls); empty if nothing does."""
    found = [item[1] if item[0] == "named" else unit_and_sense(item)[0] for item in items]
    return set(found) if all(found) and len(set(found)) > 1 else set()


def in_order(
    golds: Sequence[Reading], answers: Sequence[Reading], conventions: Conventions, compare: Compare
) -> Finding:
    """Items one by one."""
    if len(golds) != len(answers):
        return Finding(False, f"{len(golds)} items are not {len(answers)}")
    for pair in zip(golds, answers, strict=True):
        if not (finding := compare(*pair, conventions)).is_same:
            return finding
    return Finding(True, "items agree one by one, in their order")


def in_any_order(
    golds: Sequence[Reading], answers: Sequence[Reading], conventions: Conventions, compare: Compare, once: bool = False
) -> Finding:
    """Items in any order, each `once` however often it is listed."""
    if once:
        golds, answers = _once(golds, conventions, compare), _once(answers, conventions, compare)
    if len(golds) != len(answers):
        return Finding(False, f"{len(golds)} items are not {len(answers)}")
    left = list(answers)
    for gold in golds:
        found = next((i for i, answer in enumerate(left) if compare(gold, answer, conventions).is_same), None)
        if found is None:
            return Finding(False, "an item is missing")
        del left[found]
    return Finding(True, "items agree in some order")


def _once(items: Sequence[Reading], conventions: Conventions, compare: Compare) -> list[Reading]:
    kept: list[Reading] = []
    for item in items:
        if not any(compare(one, item, conventions).is_same for one in kept):
            kept.append(item)
    return kept
