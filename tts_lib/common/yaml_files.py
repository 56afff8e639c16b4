"""Reading a YAML file in a schema: one sentence where it breaks it."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from tts_lib.common.errors import StudyError
from tts_lib.common.mistakes import sentence

Read = TypeVar("Read", bound=BaseModel)


def read(path: str | Path, schema: type[Read]) -> Read:
    """What a YAML file says, in this schema.

    Raises:
        StudyError: the file is missing, is not YAML, names a field twice, or breaks the schema; one sentence.
    """
    return read_with_text(path, schema)[0]


def read_with_text(path: str | Path, schema: type[Read]) -> tuple[Read, str]:
    """What a file says, and its text."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        data = yaml.load(text, Loader=_UniqueKeys)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise StudyError(f"{path} cannot be read: {reason}.") from error
    except yaml.YAMLError as error:
        raise StudyError(f"{path}{_where(error)} is not valid YAML: {_what(error)}.") from error
    try:
        return schema.model_validate(data), text
    except ValidationError as error:
        words, keys = sentence(error, _described(schema))
        raise StudyError(f"{path}, line {line_of(text, keys)}: {words}") from error


@cache
def _described(schema: type[BaseModel]) -> dict[str, Any]:
    return schema.model_json_schema()


def line_of(text: str, keys: Sequence[int | str]) -> int:
    """The line of the setting that these keys lead to, or of the nearest group around it."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    line = 1
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            found = next(((name, value) for name, value in node.value if name.value == str(key)), None)
            if found is None:
                continue  # a member of a union, or what is missing
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
    return line


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}," if mark else ""


def _what(error: yaml.YAMLError) -> str:
    return " ".join(str(getattr(error, "problem", None) or error).split())


class _UniqueKeys(yaml.SafeLoader):
    """YAML without objects, in which a key given twice is an error and not the last value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)
