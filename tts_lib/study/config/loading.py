"""Reading a study from its file."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from tts_lib.common.errors import StudyError
from tts_lib.study.config.errors import sentence
from tts_lib.study.config.study import Study


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


class _UniqueKeys(yaml.SafeLoader):
    """YAML without objects, in which a key given twice is an error and not the last value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)
