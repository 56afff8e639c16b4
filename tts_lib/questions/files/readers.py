"""Files as records: JSONL, Parquet, CSV, JSON and YAML, read in one pass, each record with the place it stands at.

Knows nothing of what the records mean. Every file of text is UTF-8 (a byte-order mark is allowed) and may be compressed
by gzip. Numbers of JSON with a point or an exponent are Decimal, as written: a double would change or lose some. Half
of a two-part character, which JSON can spell and no file can hold, becomes U+FFFD.
"""

import csv
import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tts_lib.common.errors import StudyError, one_line

TORN = "\ufffd"
_LONGEST_CELL = 2**30  # characters; the csv module's own limit, 131,072, is shorter than some solutions
_BATCH = 256  # rows of a Parquet file held as Python objects at a time
_HALF = re.compile("[\ud800-\udfff]")
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same language, ten times as fast where libyaml is there


class Record(NamedTuple):
    """One row or document, and where it stands."""

    file: Path
    unit: str  # what the file counts: line, row or record
    number: int | None  # from 1; None: the file holds this record alone
    fields: dict[str, Any]

    @property
    def place(self) -> str:
        """Such as "pool.jsonl, line 7"."""
        return str(self.file) if self.number is None else f"{self.file}, {self.unit} {self.number}"


def read_records(path: Path) -> Iterator[Record]:
    """The records of a file, or of all files in a folder (and the folders in it), by path.

    A JSONL file holds one a line (blank lines are skipped), a Parquet table or a CSV file with a header one a row, a
    JSON or YAML file one or a list of them. A cell of a CSV file is a string, or None where it is empty.

    Raises:
        StudyError: nothing there, a file of another kind, or one that breaks its format; names the line or row.
    """
    known = f"one of {', '.join(_READERS)}, the texts also with .gz behind it"
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if _reader(file) and not _is_hidden(file.relative_to(path)))
        if not files:
            raise StudyError(f"{path} holds no file that ends in {known}")
    elif not path.is_file():
        raise StudyError(f"{path} is missing, or is not a file")
    elif _reader(path) is None:
        raise StudyError(f"{path} is of an unknown kind: a file of records ends in {known}")
    else:
        files = [path]
    return (record for file in files for record in _READERS[_kind(file)](file))


def parse_json(text: str) -> Any:
    """The value of a JSON text, numbers with a point or an exponent as Decimal.

    Raises:
        ValueError: it is no JSON, is nested too deeply, or holds a number beyond all bounds.
    """
    try:
        value = json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError:
        raise
    except (ArithmeticError, RecursionError, ValueError) as error:
        raise ValueError("a number of it, or how deep it is nested, is beyond all bounds") from error
    return _mended(value) if _ESCAPED_HALF.search(text) else value


def _kind(path: Path) -> str:
    """How the file's name ends, without .gz."""
    return path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix


def _reader(path: Path) -> Callable[[Path], Iterator[Record]] | None:
    is_compressed_table = path.name.endswith(".parquet.gz")
    return None if is_compressed_table else _READERS.get(_kind(path))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _jsonl(path: Path) -> Iterator[Record]:
    for number, line in _lines(path):
        if line.strip():
            yield _record(path, "line", number, _json(line, f"{path}, line {number}"))


def _csv(path: Path) -> Iterator[Record]:
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        rows = csv.reader((line for _, line in _lines(path)), strict=True)
        header = next(rows, [])
        _check_names(path, header)
        for number, cells in enumerate(rows, start=1):
            if len(cells) != len(header):
                raise StudyError(
                    f"{path}, row {number} has {len(cells)} cells, but the header names {len(header)} columns"
                )
            yield Record(path, "row", number, {name: cell or None for name, cell in zip(header, cells, strict=True)})
    except csv.Error as error:
        raise StudyError(f"{path} is not a valid CSV file at line {rows.line_num}: {error}") from error
    finally:
        csv.field_size_limit(limit)


def _parquet(path: Path) -> Iterator[Record]:
    number = 0
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _check_names(path, file.schema_arrow.names)
            for batch in file.iter_batches(batch_size=_BATCH):
                for fields in batch.to_pylist():
                    number += 1
                    yield Record(path, "row", number, fields)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} is not a readable Parquet table after row {number} ({one_line(error)})") from error


def _document(path: Path) -> Iterator[Record]:
    text = "".join(line for _, line in _lines(path))
    content = _json(text, str(path)) if _kind(path) == ".json" else _yaml(text, path)
    if not isinstance(content, list):
        yield _record(path, "record", None, content)
        return
    for number, fields in enumerate(content, start=1):
        yield _record(path, "record", number, fields)


def _check_names(path: Path, names: Sequence[str]) -> None:
    if twice := next((name for name, n in Counter(names).items() if n > 1), None):
        raise StudyError(f"{path} has the column {twice!r} twice; each column needs a name of its own")


_READERS: Mapping[str, Callable[[Path], Iterator[Record]]] = MappingProxyType(
    {".jsonl": _jsonl, ".parquet": _parquet, ".csv": _csv} | dict.fromkeys([".json", ".yaml", ".yml"], _document)
)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            for number, line in _decoded(path, file):
                yield number, line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise StudyError(f"{path} is not a whole gzip file: {one_line(error)} (after line {number})") from error
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
        return parse_json(text)
    except ValueError as error:
        raise StudyError(f"{place} is not valid JSON: {one_line(error)}") from error


def _yaml(text: str, path: Path) -> Any:
    try:
        return _mended(yaml.load(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise StudyError(f"{path} is not valid YAML: {one_line(error)}") from error


def _mended(value: Any) -> Any:
    """The same value with every half of a two-part character as TORN."""
    if isinstance(value, str):
        return _HALF.sub(TORN, value)
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(item) for name, item in value.items()}
    return value


def _record(file: Path, unit: str, number: int | None, fields: Any) -> Record:
    if not isinstance(fields, dict):
        place = Record(file, unit, number, {}).place
        raise StudyError(f"{place} must be a record of named fields, not {type(fields).__name__}")
    return Record(file, unit, number, fields)
