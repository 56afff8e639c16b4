"""Files of records in every kind that people have, and what is said of one that is refused."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tts_lib.common.errors import StudyError


def write(path: Path, rows: list[dict] | dict) -> Path:
    """The rows, or in JSON and YAML one document, as a file of the kind that its name tells."""
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if kind == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path
    if kind == ".csv":
        cells = [{k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows]
        content = pd.DataFrame(cells).to_csv(index=False)
    elif kind == ".jsonl":
        content = "".join(json.dumps(row) + "\n" for row in rows)
    else:
        content = json.dumps(rows) if kind == ".json" else yaml.safe_dump(rows, allow_unicode=True)
    with gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as file:
        file.write(content.encode())
    return path


def refusal(function, *args) -> str:
    """The one line by which what the function is given is refused."""
    with pytest.raises(StudyError) as error:
        function(*args)
    assert "\n" not in str(error.value)
    return str(error.value)
