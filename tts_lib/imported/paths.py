"""Where values stand in a record that holds lists and further records: paths such as `choices[].message.content`.

A name steps into a record, [] into each entry of a list, [0] and [-1] into its first and last. A column that has the
very name of a path is that column. What is not there, or null, is None; so is an entry of an empty list.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from tts_lib.common.errors import StudyError
from tts_lib.questions.files import fields
from tts_lib.questions.files.readers import Record, parse_json

Index = tuple[int, ...]  # of an entry in the lists that a path goes through; shorter where one of them is not there
Step = str | int | None  # a name, a place in a list, each of its entries

_STEP = re.compile(r"(?:^|\.)([^.\[\]]+)|\[(-?\d{1,9}|)\]")
_DEEPEST = 8  # steps to a text
_LOOKED_AT = 12  # entries of a list


def samples(
    record: Record, columns: Mapping[str, str], shared: Collection[str]
) -> Sequence[tuple[Record, Mapping[str, str]]]:
    """The samples of a record, each as a record of its own and its columns, such as `choices[2].message.content`.

    The lists of the deepest column count the samples. What stands further up is said once of all samples below it; it
    is theirs if it may be shared, else None is known of each, unless it is said of one only. Where a list is not there,
    or is empty, stands a sample without columns.

    Args:
        record: a row or document.
        columns: what each value means -> its path.
        shared: meanings that the samples of a question have in common.

    Raises:
        StudyError: a path leads to where none can, or two lists have different numbers of entries.
    """
    if all(path in record.fields for path in columns.values()):
        return [(record, columns)]
    found = {ours: values(record, path) for ours, path in columns.items()}
    depth = {path: 0 if path in record.fields else steps(path).count(None) for path in columns.values()}
    own = [path for ours, path in columns.items() if ours not in shared]
    lead = max(own, key=depth.__getitem__)
    of_lead = next(found[ours] for ours, path in columns.items() if path == lead)
    is_none = lead not in record.fields and depth[lead] == 0 and of_lead[()] is None
    indices = [index for index in of_lead if len(index) == depth[lead] and not is_none]
    places: list[dict[str, str]] = [{} for _ in indices]
    rows: list[dict[str, Any]] = [{} for _ in indices]
    for ours, path in columns.items():
        n_below = Counter(index[: depth[path]] for index in indices)
        given = [index for index in found[ours] if len(index) == depth[path]]
        if depth[path] > depth[lead] or (depth[path] == depth[lead] and given and set(given) != set(indices)):
            raise StudyError(
                f"{record.place}, column {path!r} has {len(given)} entries for {len(indices)} samples of {lead!r}"
            )
        for row, place, index in zip(rows, places, indices, strict=True):
            here = index[: depth[path]]
            place[ours] = at(path, here)
            is_known = ours in shared or n_below[here] == 1
            row[place[ours]] = _nearest(found[ours], here) if is_known else None
    holes = [{} for _ in range(len(of_lead) - len(indices))]
    return [(record._replace(fields=row), place) for row, place in zip(rows + holes, places + holes, strict=True)]


def values(record: Record, path: str) -> dict[Index, Any]:
    """The values at a path, by their places in the lists it goes through. A text that a path enters is read as JSON.

    Raises:
        StudyError: the record has no such column, or a path enters a list by a name or anything else by a place.
    """
    if path in record.fields:
        return {(): record.fields[path]}
    found: list[tuple[Index, Any]] = [((), record.fields)]
    before = ""
    for number, step in enumerate(steps(path)):
        if number == 0:
            fields.field(record, str(step))
        found = [one for index, value in found for one in _entered(record, before, index, value, step)]
        before = _joined(before, step)
    return dict(found)


def named(records: Sequence[Record], path: str) -> list[str]:
    """The paths that one with a step `*` means: each name that stands there in its place."""
    head, star, tail = path.partition(".*")
    if not star:
        return [path]
    found: dict[str, None] = {}
    for record in records:
        if steps(head)[0] in record.fields:
            there = [value for value in values(record, head).values() if isinstance(value, dict)]
            found |= dict.fromkeys(name for value in there for name in value if not re.search(r"[.\[\]]", name))
    return [f"{head}.{name}{tail}" for name in found]


def at(path: str, index: Index) -> str:
    """The path with the places that an index names: generations[] and (1,) are generations[1]."""
    places = iter(index)
    return re.sub(r"\[\]", lambda _: f"[{next(places, '')}]", path) if index else path


@cache
def steps(path: str) -> tuple[Step, ...]:
    """The steps of a path.

    Raises:
        StudyError: it is none.
    """
    found: list[Step] = []
    end = 0
    while step := _STEP.match(path, end):
        name, place = step.groups()
        found.append(name if name is not None else int(place) if place else None)
        end = step.end()
    if end < len(path) or not found:
        raise StudyError(
            f"{path!r} is no path: names stand with dots between them, and behind each list [] for all of its entries, "
            "[0] for the first or [-1] for the last, such as choices[].message.content"
        )
    return tuple(found)


def nothing_at(record: Record, path: str) -> str:
    """The sentence that nothing stands at a path, with the names that stand where it fails."""
    found: list[Any] = [record.fields]
    before = ""
    for step in steps(path):
        inner = [one for value in found for _, one in _entered(record, before, (), value, step) if one is not None]
        if not inner:
            there = next((", ".join(map(str, value)) for value in found if isinstance(value, dict)), None)
            there = there or next((f"a list of {len(value)}" for value in found if isinstance(value, list)), "nothing")
            return f"{record.place} has nothing at {path!r}; {'at ' + repr(before) if before else 'there'} is {there}"
        found, before = inner, _joined(before, step)
    return f"{record.place} has nothing at {path!r}"


def texts_in(value: Any) -> list[str]:
    """The paths at which texts stand in the fields of a record, or in one of them, as far as they are not too deep."""
    return list(dict.fromkeys(_leaves("", value, 0)))


def _leaves(path: str, value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str) and value.strip():
        yield path
    elif isinstance(value, dict) and depth < _DEEPEST:
        for name, inner in value.items():
            if isinstance(name, str) and not re.search(r"[.\[\]]", name):
                yield from _leaves(_joined(path, name), inner, depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST:
        for inner in value[:_LOOKED_AT]:
            yield from _leaves(path + "[]", inner, depth + 1)


def _nearest(found: Mapping[Index, Any], index: Index) -> Any:
    """The value at an index; None where a list on the way to it is not there."""
    return next((found[index[:n]] for n in range(len(index), -1, -1) if index[:n] in found), None)


def _entered(record: Record, path: str, index: Index, value: Any, step: Step) -> Iterator[tuple[Index, Any]]:
    """What one step finds in a value, with the places so far."""
    if isinstance(value, str):
        value = _parsed(value)
    if value is None or value == []:
        yield index, None
    elif isinstance(step, str) and isinstance(value, dict):
        yield index, value.get(step)
    elif step is None and isinstance(value, list):
        for number, inner in enumerate(value):
            yield (*index, number), inner
    elif isinstance(step, int) and isinstance(value, list):
        yield index, value[step] if -len(value) <= step < len(value) else None
    else:
        wanted = (
            f"a record with the field {step!r}" if isinstance(step, str) else 'a list (in a CSV file as JSON, ["a"])'
        )
        raise StudyError(f"{record.place}, column {at(path, index)!r} is {fields.shorten(value)}, but must be {wanted}")


def _parsed(value: str) -> Any:
    try:
        return parse_json(value)
    except ValueError:
        return value  # refused by the caller, which knows the place


def _joined(path: str, step: Step) -> str:
    if isinstance(step, str):
        return f"{path}.{step}" if path else step
    return f"{path}[{'' if step is None else step}]"
