"""Tables (Parquet), records (JSON) and texts on disk: written atomically, byte for byte the same for the same content.

Parquet pages carry checksums, which are verified on reading: DVC delivers a rotten cache object without a word.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tts_lib.common.errors import StudyError, one_line
from tts_lib.common.files import write_atomically

REMEDY = "delete it and run `dvc repro`, which makes it again"


class TableError(StudyError):
    """A table or record is missing or unusable. The message is one sentence for the user."""


def write_table(frame: pd.DataFrame, path: Path | str) -> None:
    """Write ``frame`` as Parquet (zstd). No index, no timestamps, no library metadata: equal frames, equal bytes.

    Raises:
        ValueError: the frame has an index that would be lost, or a column name twice.
        WriteError: disk full, no permission; the old file stays.
    """
    if not frame.index.equals(pd.RangeIndex(len(frame))):
        raise ValueError(f"{path}: the index {frame.index.names} is not written; call reset_index first")
    if not frame.columns.is_unique:
        raise ValueError(f"{path}: column names {list(frame.columns[frame.columns.duplicated()])} occur twice")
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    write_atomically(Path(path), memoryview(buffer.getvalue()))


def read_table(path: Path | str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the named columns of a Parquet table, in that order; None = all it has.

    Raises:
        TableError: the file is missing or damaged, or has no such column.
    """
    path = _existing(path)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            present = file.schema_arrow.names
            wanted = present if columns is None else list(columns)
            if missing := [column for column in wanted if column not in present]:
                raise TableError(f"{path} has no column {', '.join(missing)}; it has {', '.join(present)}")
            return file.read(columns=wanted).select(wanted).to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"{path} is not a readable Parquet table ({one_line(error)}); {REMEDY}") from error


def column_names(path: Path | str) -> list[str]:
    """Return the names of a Parquet table's columns.

    Raises:
        TableError: the file is missing or damaged.
    """
    path = _existing(path)
    try:
        return pq.read_schema(path).names
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"{path} is not a readable Parquet table ({one_line(error)}); {REMEDY}") from error


def write_json(record: Any, path: Path | str) -> None:
    """Write ``record`` as JSON with sorted keys and a final newline; numpy numbers and arrays become plain ones.

    Raises:
        ValueError: a number is NaN or infinite (an undefined value is null, with its reason beside it).
        TypeError: something that JSON has no form for.
        WriteError: disk full, no permission; the old file stays.
    """
    if (place := _place_of_undefined(record, "")) is not None:
        raise ValueError(f"{path}: {place} is NaN or infinite, which JSON has no form for; write null")
    write_text(json.dumps(record, sort_keys=True, indent=2, ensure_ascii=False, default=_plain) + "\n", path)


def read_json(path: Path | str, keys: Sequence[str] = (), remedy: str = REMEDY) -> Any:
    """Return the content of a JSON file.

    Args:
        path: the file.
        keys: names the record must have at its top level; none for a file that is not a record.
        remedy: what is said of a damaged file; a study's own can be made again.

    Raises:
        TableError: the file is missing or damaged, or has no such key.
    """
    path = _existing(path)
    try:
        record = json.loads(path.read_bytes())
    except (ValueError, OSError) as error:
        raise TableError(f"{path} is not readable JSON ({one_line(error)}); {remedy}") from error
    if missing := [key for key in keys if not isinstance(record, dict) or key not in record]:
        raise TableError(f"{path} has no key {', '.join(missing)}; {remedy}")
    return record


def write_csv(frame: pd.DataFrame, path: Path | str) -> None:
    """Write ``frame`` as CSV for readers and figures: no index, numbers to six significant digits.

    Raises:
        WriteError: disk full, no permission; the old file stays.
    """
    write_text(frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"), path)


def write_text(text: str, path: Path | str) -> None:
    """Write ``text`` as UTF-8.

    Raises:
        WriteError: disk full, no permission; the old file stays.
    """
    write_atomically(Path(path), text.encode())


def _existing(path: Path | str) -> Path:
    path = Path(path)
    if not path.is_file():
        raise TableError(f"{path} is missing; run `dvc repro`, or the stage that writes it, first")
    return path


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"JSON has no form for {type(value).__name__}")


def _place_of_undefined(value: Any, place: str) -> str | None:
    """Return where in a record the first NaN or infinity stands, e.g. ``.bins[2].accuracy``, or None."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, float):
        return None if math.isfinite(value) else place or "the value"
    if isinstance(value, dict):
        children = [(f"{place}.{key}", child) for key, child in value.items()]
    elif isinstance(value, list | tuple):
        children = [(f"{place}[{index}]", child) for index, child in enumerate(value)]
    else:
        return None
    return next((found for name, child in children if (found := _place_of_undefined(child, name)) is not None), None)
