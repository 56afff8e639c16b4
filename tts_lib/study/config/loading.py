"""Reading a study from its file."""

from pathlib import Path

from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.common.yaml_files import line_of, read_with_text
from tts_lib.study.config.folders import refuse_own
from tts_lib.study.config.study import Study


def load(path: str | Path = "params.yaml") -> Study:
    """The study described by a YAML file.

    Raises:
        StudyError: the file is missing, is not YAML, names a field twice, breaks the schema, or takes files from a
            folder of the study's own outputs; one sentence.
    """
    study, text = read_with_text(path, Study)
    for section, parts in (("replay", study.replay), ("questions", study.questions)):
        for name, part in parts.items():
            try:
                refuse_own(f"{section}.{name}.folder", part.folder, _root(Path(path)))
            except ValueError as error:
                raise StudyError(f"{path}, line {line_of(text, (section, name, 'folder'))}: {error}.") from error
    return study


def _root(path: Path) -> Path:
    """The folder that the paths of a study file start from: that of params.yaml, also for a file of profiles/."""
    try:
        return paths.find_root(path.parent)
    except StudyError:
        return path.parent
