"""Folders that a study takes files from: DVC watches each whole, and what lies elsewhere could change unseen.

Of checkpoints, which may have gigabytes, the hash is taken whenever one is opened (`tts_lib.engines.opening`).
"""

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from tts_lib.common import paths

_OWN = (paths.DATA, paths.MODELS, paths.REPORTS)  # what stages write


def written_out(folder: str) -> str:
    """The folder as it is given.

    Raises:
        ValueError: it begins with ~.
    """
    if folder.startswith("~"):
        raise ValueError(f"{folder!r} must be written out: ~ is not expanded")
    return folder


def _inside(path: str) -> str:
    if os.path.isabs(path) or os.path.normpath(path).startswith(".."):
        raise ValueError(
            f"{path!r} must lie inside `folder`: DVC watches that alone, so a change elsewhere goes unseen"
        )
    return path


Folder = Annotated[
    str,
    Field(min_length=1, max_length=4096, description="that holds the files; DVC watches it"),
    AfterValidator(written_out),
]
FilePath = Annotated[
    str, Field(min_length=1, max_length=4096, description="file or folder inside `folder`"), AfterValidator(_inside)
]


def refuse_own(name: str, folder: str, root: Path) -> None:
    """Refuse a folder that holds what the study's own stages write, or lies in it: DVC would find it always changed.

    Args:
        name: of the field.
        root: the study's folder.

    Raises:
        ValueError: names the field.
    """
    place = (root / folder).resolve()
    for own in _OWN:
        written = (root / own).resolve()
        if written.is_relative_to(place) or place.is_relative_to(written):
            raise ValueError(
                f"{name} is {folder!r}, but must neither hold nor lie in {own.name}/, which the study writes"
            )
