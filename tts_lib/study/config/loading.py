"""Reading a study from its file."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.study.config.errors import sentence
from tts_lib.study.config.folders import refuse_own
from tts_lib.study.config.study import Study

_TAKEN = ("replay", "questions", "checkpoints")  # sections of parts that come from folders
Read = TypeVar("Read", bound=BaseModel)


def load(path: str | Path = "params.yaml") -> Study:
    """The study described by a YAML file.

    Raises:
        StudyError: the file is missing, is not YAML, names a field twice, breaks the schema, or takes files from a
            folder of the study's own outputs; one sentence.
    """
    study, text = _read(path, Study)
    for keys, folder in _folders(study):
        try:
            refuse_own(".".join(keys), folder, _root(Path(path)))
        except ValueError as error:
            raise StudyError(f"{path}, line {_line(text, keys)}: {error}.") from error
    return study


def read(path: str | Path, schema: type[Read]) -> Read:
    """What a YAML file says, in this schema.

    Raises:
        StudyError: the file is missing, is not YAML, names a field twice, or breaks the schema; one sentence.
    """
    return _read(path, schema)[0]


def _read(path: str | Path, schema: type[Read]) -> tuple[Read, str]:
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
        words, keys = sentence(error, schema.model_json_schema())
        raise StudyError(f"{path}, line {_line(text, keys)}: {words}") from error


def _folders(study: Study) -> Iterator[tuple[tuple[str, ...], str]]:
    """The folders that a study takes files from, behind the keys that lead to each."""
    declared = study.verifier.declared if study.verifier else None
    places = {(section, name): part for section in _TAKEN for name, part in getattr(study, section).items()}
    for keys, part in (places | ({("verifier", "declared"): declared} if declared else {})).items():
        if part.folder is not None:
            yield (*keys, "folder"), part.folder


def _root(path: Path) -> Path:
    """The folder that the paths of a study file start from: that of params.yaml, also for a file of profiles/."""
    try:
        return paths.find_root(path.parent)
    except StudyError:
        return path.parent


def _line(text: str, keys: Sequence[int | str]) -> int:
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
