"""Files as records: JSONL, Parquet, CSV, JSON and YAML, read in one pass, each record with the place it stands at.

Knows nothing of what the records mean. Every file is UTF-8 (a byte-order mark is allowed).
"""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tts_lib.common.errors import StudyError, one_line

TABLES = (".jsonl", ".parquet", ".csv")
DOCUMENTS = (".yaml", ".yml", ".json")
_LONGEST_CELL = 2**30  # characters; the csv module's own limit, 131,072, is shorter than some solutions
_BATCH = 256  # rows of a Parquet file held as Python objects at a time
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same language, ten times as fast where libyaml is there


class Record(NamedTuple):
    """One row or document, and where it stands, such as "pool.jsonl, line 7"."""

    place: str
    fields: dict[str, Any]


def read_rows(path: Path) -> Iterator[Record]:
    """The rows of a JSONL file (blank lines are skipped), of a Parquet table or of a CSV file with a header.

    A cell of a CSV file is a string, or None where it is empty.

    Raises:
        StudyError: the file is missing, is of another kind, or breaks its format; names the line or row.
    """
    if path.suffix not in TABLES:
        raise StudyError(f"{path} is of an unknown kind: a file of rows ends in one of {', '.join(TABLES)}")
    if not path.is_file():
        raise StudyError(f"{path} is missing, or is not a file")
    reader = {".jsonl": _jsonl, ".parquet": _parquet, ".csv": _csv}[path.suffix]
    return reader(path)


def read_documents(path: Path) -> Iterator[Record]:
    """The records of a YAML or JSON file, which holds one or a list of them, or of a folder of such files, by name.

    Raises:
        StudyError: nothing there, another kind of file, a file that breaks its format.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in DOCUMENTS)
        if not files:
            raise StudyError(f"{path} holds no file that ends in one of {', '.join(DOCUMENTS)}")
    elif path.suffix not in DOCUMENTS:
        raise StudyError(f"{path} is of an unknown kind: a file of questions ends in one of {', '.join(DOCUMENTS)}")
    else:
        files = [path]
    return (record for file in files for record in _document(file))


def _jsonl(path: Path) -> Iterator[Record]:
    for number, line in _lines(path):
        if line.strip():
            place = f"{path}, line {number}"
            yield Record(place, _mapping(_json(line, place), place))


def _csv(path: Path) -> Iterator[Record]:
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        rows = csv.reader((line for _, line in _lines(path)), strict=True)
        header = next(rows, [])
        for number, cells in enumerate(rows, start=1):
            place = f"{path}, row {number}"
            if len(cells) != len(header):
                raise StudyError(f"{place} has {len(cells)} cells, but the header names {len(header)} columns")
            yield Record(place, {name: cell or None for name, cell in zip(header, cells, strict=True)})
    except csv.Error as error:
        raise StudyError(f"{path} is not a valid CSV file at line {rows.line_num}: {error}") from error
    finally:
        csv.field_size_limit(limit)


def _parquet(path: Path) -> Iterator[Record]:
    number = 0
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                for fields in batch.to_pylist():
                    number += 1
                    yield Record(f"{path}, row {number}", fields)
    except (pa.ArrowException, OSError) as error:
        raise StudyError(f"{path} is not a readable Parquet table after row {number} ({one_line(error)})") from error


def _document(path: Path) -> Iterator[Record]:
    text = "".join(line for _, line in _lines(path))
    if path.suffix == ".json":
        content = _json(text, str(path))
    else:
        try:
            content = yaml.load(text, Loader=_Loader)
        except yaml.YAMLError as error:
            raise StudyError(f"{path} is not valid YAML: {one_line(error)}") from error
    if not isinstance(content, list):
        yield Record(str(path), _mapping(content, str(path)))
        return
    for number, fields in enumerate(content, start=1):
        place = f"{path}, question {number}"
        yield Record(place, _mapping(fields, place))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with open(path, "rb") as file:
            yield from _decoded(path, file)
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror}") from error


def _decoded(path: Path, lines: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        try:
            yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise StudyError(f"{path}, line {number} is not UTF-8 text (byte {error.start + 1} of the line)") from error


def _json(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StudyError(f"{place} is not valid JSON: {one_line(error)}") from error


def _mapping(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise StudyError(f"{place} must be a record of named fields, not {type(value).__name__}")
    return value
