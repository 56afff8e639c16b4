"""Reading a JSON file in a schema: one sentence where it breaks it."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tts_lib.common import tables
from tts_lib.common.mistakes import sentence
from tts_lib.common.tables import TableError


def read(path: Path | str, kind: Any, remedy: str = tables.REMEDY) -> Any:
    """What a JSON file that the study has made says, as something of this kind (what pydantic takes for a type).

    Args:
        remedy: as in `tables.read_json`.

    Raises:
        TableError: the file is missing, is not JSON, or breaks the schema; one sentence.
    """
    tables.read_json(path, remedy=remedy)
    schema = TypeAdapter[Any](kind)
    try:
        return schema.validate_json(Path(path).read_bytes())
    except ValidationError as error:
        words, _ = sentence(error, schema.json_schema())
        raise TableError(f"{path} is damaged: {words.removesuffix('.')}; {remedy}") from error
