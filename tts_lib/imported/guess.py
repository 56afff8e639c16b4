"""What a file of samples is, as far as its own words tell: its format, and which of its columns is what.

A guess is shown before it is used; nothing is decided by it alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any

from tts_lib.common.errors import StudyError
from tts_lib.grading.answers import Style, extract_answer
from tts_lib.imported import asked, paths, unclear
from tts_lib.imported.layouts import LAYOUTS, LISTS, MODEL, NAMES, NO_RECORDS
from tts_lib.imported.mistaken import without_mistaken_names
from tts_lib.imported.sources import SHARED, VERDICTS, Columns, is_unscored
from tts_lib.questions.files.fields import TRUTH, scale
from tts_lib.questions.files.readers import Record, read_records

LOOKED_AT = 200  # rows, or texts
MARKED: Style = "marked"
# Columns that only these files have together.
_SEARCH_AND_LEARN = {"completions", "scores"}
_LARGE_LANGUAGE_MONKEYS = {"question", "samples"}


@dataclass(frozen=True)
class Guess:
    """What a file seems to be."""

    format: str  # a key of `sources.FORMATS`
    columns: dict[str, str] = field(default_factory=dict)  # of `rows`: ours -> the file's, or paths
    models: tuple[str, ...] = ()  # named in the column of models, in the order they come
    scores: str = "probability"  # or percent or logit, where step scores lie outside 0 to 1
    unused: tuple[str, ...] = ()  # columns that nothing is taken from


def guess(path: Path, named: Mapping[str, str] | None = None, golds: Mapping[str, str] | None = None) -> Guess:
    """Look at the first rows of a file, or of the files of a folder.

    A column called answer, say, that holds whole texts is a text, and one that holds every question's gold is the gold.

    Args:
        path: of the samples.
        named: columns that somebody named (ours -> the file's). They are not guessed, and make a file one of `rows`.
        golds: of the questions, by what the samples may call a question.

    Raises:
        StudyError: the file is missing or broken, or no column of it can be the question's or the answer's.
    """
    named, golds = named or {}, golds or {}
    if unknown := named.keys() - {ours.name for ours in fields(Columns)}:
        names = ", ".join(ours.name for ours in fields(Columns))
        raise StudyError(f"--columns names {sorted(unknown)[0]!r}, but what a column can be is one of {names}")
    if what := NO_RECORDS.get(path.suffix):
        raise StudyError(f"{path}: {what}")
    records = list(islice(read_records(path), LOOKED_AT))
    if not records:
        raise StudyError(f"{path} holds no samples")
    first = records[0].fields
    if not named and set(first) >= _SEARCH_AND_LEARN:
        return Guess("search_and_learn", scores=_scale([record.fields.get("scores") for record in records], path))
    if not named and set(first) >= _LARGE_LANGUAGE_MONKEYS:
        return Guess("large_language_monkeys")
    for theirs in named.values():
        if all(value is None for record in records for value in paths.values(record, theirs).values()):
            raise StudyError(paths.nothing_at(records[0], theirs))
    columns = _in_layout(records, named, golds)
    if columns is None and not named and (what := unclear.known(records[0])):
        raise StudyError(f"{path}: {what}")
    columns = columns or _in_row(records, named, golds)
    if columns.keys() >= {"question"} and columns.keys() & {"text", "answer"}:
        wanted = {ours: columns[ours] for ours in columns.keys() & {"question", "answer", "text"}}
        samples = [row for record in records for row in _samples(record, wanted)]
        taken = {*columns.values(), *(re.split(r"[.\[]", theirs)[0] for theirs in columns.values())}
        others = [[record.fields.get(name) for record in records] for name in first if name not in taken]
        columns = without_mistaken_names(columns, samples, others, golds, named)
    if "question" not in columns or not columns.keys() & {"text", "answer", "correct"}:
        raise StudyError(unclear.sentence(path, records[0], "text" if "question" in columns else "question", golds))
    samples = [row for record in records for row in _samples(record, columns)]
    if golds and "question" not in named and not asked.found([row["question"] for row in samples], golds)[1]:
        raise StudyError(unclear.unasked(path, records[0]))
    models = tuple(dict.fromkeys(str(row["model"]) for row in samples if "model" in row))
    heads = {theirs if theirs in first else re.split(r"[.\[]", theirs)[0] for theirs in columns.values()}
    unused = tuple(name for name in first if name not in heads)
    return Guess("rows", columns, models, _scale([row.get("step_scores") for row in samples], path), unused)


def _in_layout(records: Sequence[Record], named: Mapping[str, str], golds: Mapping[str, str]) -> dict[str, str] | None:
    """The columns of a log whose texts stand inside others, or in lists; None where it is none that is known."""
    layouts = list(LAYOUTS.values())
    if "text" in named:
        layouts = [layout for layout in layouts if named["text"] in layout["text"].split()]
        if not layouts and "[" in named["text"]:
            layouts = [LISTS]
    for layout in layouts:
        if text := named.get("text") or _said(layout, records):
            columns = {"text": text} | dict(named)
            names = {ours: layout.get(ours, "").split() for ours in (*NAMES, "gold", "once")}
            names |= {ours: names[ours] + NAMES[ours].split() for ours in ("question", "model", "temperature")}
            return _completed(columns, names, records, golds)
    return None


def _said(layout: Mapping[str, str], records: Sequence[Record]) -> str | None:
    """Where a layout's texts stand in these records; None where they do not, or are not the model's."""
    speakers = _values("said_by", layout["said_by"], records, {}) if "said_by" in layout else [MODEL]
    return _fitting("text", layout["text"].split(), records, {}) if set(speakers or ()) == {MODEL} else None


def _in_row(records: Sequence[Record], named: Mapping[str, str], golds: Mapping[str, str]) -> dict[str, str]:
    """The columns of a file with one sample a row, as far as their names tell."""
    present = {name.lower(): name for name in records[0].fields if name not in named.values()}
    usual = {ours: [present[name] for name in names.split() if name in present] for ours, names in NAMES.items()}
    columns = _completed(dict(named), {"text": usual["text"], **usual}, records, golds)
    if "text" not in named and columns.get("text") == columns.get("question"):
        columns.pop("text", None)
    return columns


def _completed(
    columns: dict[str, str], usual: Mapping[str, Sequence[str]], records: Sequence[Record], golds: Mapping[str, str]
) -> dict[str, str]:
    """The columns, with those that are missing by their usual names and paths, as far as their values fit."""
    for ours, names in usual.items():
        if ours not in columns:
            found = _asking(names, records, columns, golds) if ours == "question" else None
            if theirs := found or _fitting(ours, names, records, columns):
                columns[ours] = theirs
    return columns


def _asking(
    usual: Sequence[str], records: Sequence[Record], columns: Mapping[str, str], golds: Mapping[str, str]
) -> str | None:
    """Where the questions are named: by a usual name or path, else where their texts stand beside the samples'."""
    beside = asked.places(columns["text"], records[0]) if "text" in columns and golds else []
    for candidates in (usual, beside):
        known = [(theirs, _values("question", theirs, records, columns)) for theirs in candidates]
        ranks = {theirs: asked.found(values, golds) for theirs, values in known if values is not None}
        best = max(ranks, key=ranks.__getitem__, default=None)
        if best is not None and ranks[best][1] > (candidates is beside):  # numbers are found everywhere
            return best
    return None


def _fitting(ours: str, usual: Sequence[str], records: Sequence[Record], columns: Mapping[str, str]) -> str | None:
    """The first of the usual names and paths whose values could be what is meant.

    Raises:
        StudyError: a path could mean several.
    """
    for path in usual:
        known = {theirs: _values(ours, theirs, records, columns) for theirs in paths.named(records, path)}
        fitting = [
            theirs
            for theirs, values in known.items()
            if values is not None and _fits(ours, values, theirs in records[0].fields)
        ]
        if len(fitting) > 1:
            raise StudyError(unclear.several(records[0].file, ours, fitting))
        if fitting:
            return fitting[0]
    return None


def _values(ours: str, theirs: str, records: Sequence[Record], columns: Mapping[str, str]) -> list[Any] | None:
    """What stands at a path, for each sample of the columns; None where the first record does not have it or cannot."""
    found: list[Any] = []
    wanted = {name: columns[name] for name in columns.keys() & {"text"}} | {ours: theirs}
    for number, record in enumerate(records):
        try:
            found += [row[ours] for row in _samples(record, wanted)]
        except StudyError:
            if number == 0:
                return None
    return found


def _samples(record: Record, columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """What a record says of each of its samples, by our names."""
    shared = SHARED if columns.keys() - SHARED else ()
    samples = paths.samples(record, columns, shared)
    return [{ours: row.fields[where] for ours, where in place.items()} for row, place in samples if place]


def style(texts: Sequence[str]) -> tuple[Style, dict[str, float]]:
    """How the answers of these texts are to be read, and the share of them that has one by each style.

    Boxes alone are read where no text marks its answer otherwise, the last number only where hardly any marks one.
    """
    every = max(1, len(texts) // LOOKED_AT)
    looked_at = texts[::every]
    styles: tuple[Style, ...] = ("heading", "boxed", MARKED, "number")
    n_read = {one: sum(extract_answer(text, one) is not None for text in looked_at) for one in styles}
    shares = {one: n / len(looked_at) for one, n in n_read.items()}
    if shares["heading"] > 0.5:
        return "heading", shares
    if shares[MARKED] < 0.1 < shares["number"]:
        return "number", shares
    return ("boxed" if 0 < n_read[MARKED] == n_read["boxed"] else MARKED), shares


def _scale(scores: Sequence[Any], path: Path) -> str:
    """What step scores are by their range.

    Raises:
        StudyError: they are neither probabilities nor percent nor logits.
    """
    if (found := scale(scores)) is None:
        raise StudyError(
            f"{path}: step scores reach above 100 and none is below 0, so they are neither probabilities (0 to 1), nor "
            "percent (0 to 100), nor logits; write them as one of these, or leave them out"
        )
    return found


def _fits(ours: str, values: Sequence[Any], is_column: bool) -> bool:
    """Whether values could be what is meant; inside others texts must be there, and verdicts may be letters."""
    given = [value for value in values if value is not None and not (ours == "correct" and is_unscored(value))]
    if not given and not (is_column and ours in ("text", "answer")):
        return False
    if ours == "step_scores" and all(map(_is_number, given)):
        return not {float(value) for value in given} <= {0.0, 1.0}  # these are verdicts, which no verifier knows
    if ours == "temperature":
        return all(map(_is_number, given))
    if ours == "step_scores":
        return all(isinstance(v, list) or (isinstance(v, str) and v.lstrip()[:1] == "[") for v in given)
    if ours == "correct":
        return {
            str(value).strip().lower() for value in given if is_column or str(value) not in VERDICTS
        } <= TRUTH.keys()
    if ours in ("n_tokens", "n_chars"):
        return all(isinstance(value, list) or str(value).isdecimal() for value in given)
    if ours in ("gold", "question") or (ours in ("text", "answer") and not is_column):
        kinds = str if ours == "text" else str | int | float | Decimal
        return isinstance(given[0], kinds)  # another kind of value further down is refused with its place
    if ours in ("text", "answer"):
        return all(isinstance(value, str | int | float | Decimal) for value in given)
    return True


def _is_number(value: Any) -> bool:
    """Whether a value is a number, or a text of a CSV file that is one."""
    try:
        return not isinstance(value, bool | list | dict) and isfinite(float(value))
    except ValueError:
        return False
