"""Reading a study from its file."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from tts_lib.config.errors import sentence
from tts_lib.config.study import Study
from tts_lib.types import StudyError


def load(path: str | Path = "params.yaml") -> Study:
    """The study described by a YAML file.

    Raises:
        StudyError: the file is missing, is not YAML, names a field twice, or breaks the schema; one sentence.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        data = yaml.load(text, Loader=_UniqueKeys)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise StudyError(f"{path} cannot be read: {reason}.") from error
    except yaml.YAMLError as error:
        raise StudyError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from error
    try:
        return Study.model_validate(data)
    except ValidationError as error:
        raise StudyError(f"{path}: {sentence(error, Study.model_json_schema())}") from error


def find_root(start: str | Path = ".") -> Path:
    """The project's folder: the nearest one at or above `start` that holds params.yaml.

    Raises:
        StudyError: there is none.
    """
    here = Path(start).resolve()
    for folder in (here, *here.parents):
        if (folder / "params.yaml").is_file():
            return folder
    raise StudyError(f"No params.yaml in {here} or above it; start from the project's folder.")


class _UniqueKeys(yaml.SafeLoader):
    """YAML without objects, in which a key given twice is an error and not the last value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)
