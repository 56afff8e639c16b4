"""Reading a study from its file."""

from collections.abc import Iterator
from pathlib import Path

from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.common.yaml_files import line_of, read_with_text
from tts_lib.study.config.folders import refuse_own
from tts_lib.study.config.study import Study

_TAKEN = ("replay", "questions", "checkpoints")  # sections of parts that come from folders


def load(path: str | Path = "params.yaml") -> Study:
    """The study described by a YAML file.

    Raises:
        StudyError: the file is missing, is not YAML, names a field twice, breaks the schema, or takes files from a
            folder of the study's own outputs; one sentence.
    """
    study, text = read_with_text(path, Study)
    for keys, folder in _folders(study):
        try:
            refuse_own(".".join(keys), folder, _root(Path(path)))
        except ValueError as error:
            raise StudyError(f"{path}, line {line_of(text, keys)}: {error}.") from error
    return study


def _folders(study: Study) -> Iterator[tuple[tuple[str, ...], str]]:
    """The folders that a study takes files from, behind the keys that lead to each."""
    declared = study.verifier.declared if study.verifier else None
    places = {(section, name): part for section in _TAKEN for name, part in getattr(study, section).items()}
    for keys, part in (places | ({("verifier", "declared"): declared} if declared else {})).items():
        if part is not None and part.folder is not None:
            yield (*keys, "folder"), part.folder


def _root(path: Path) -> Path:
    """The folder that the paths of a study file start from: that of params.yaml, also for a file of profiles/."""
    try:
        return paths.find_root(path.parent)
    except StudyError:
        return path.parent
