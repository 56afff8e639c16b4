"""What dvc.lock says of the stages that were made, and the hash that it says it in."""

import hashlib
from pathlib import Path
from typing import Any

import yaml

from tts_lib.common.errors import StudyError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same language, several times as fast


def read(root: Path) -> dict[str, Any]:
    """The record of each stage of the study in `root`, by its name.

    Raises:
        StudyError: there is no dvc.lock, or it cannot be read.
    """
    path = root / "dvc.lock"
    if not path.is_file():
        raise StudyError(f"{path} is missing: this study has not run yet.")
    try:
        stages = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)["stages"]
        return {**stages}
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise StudyError(
            f"{path} cannot be read; take it back from git, or delete it and run the study again."
        ) from error


def md5(path: Path) -> str:
    """The hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
