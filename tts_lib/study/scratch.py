"""A folder in which a notebook of a finished study can be run by hand without changing a file of the study.

It holds the study's files as links. Everything is written under a temporary name and renamed into its place, so that
what a notebook writes takes the place of a link, and what it reads is its own version or else the study's.
"""

import os
import shutil
from pathlib import Path

FOLDER = "scratch"
_MIRRORED = ("data", "models", "reports")
_SHARED = ("params.yaml", ".tts_store")  # samples are kept under what they depend on: new ones harm nothing


def make(root: Path, name: str) -> Path:
    """A fresh folder `root`/scratch/`name` with links to what the study in `root` holds.

    Raises:
        OSError: disk full, no permission.
    """
    folder = root / FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (root / ".tts_store").mkdir(exist_ok=True)
    for shared in _SHARED:
        (folder / shared).symlink_to((root / shared).resolve())
    for mirrored in _MIRRORED:
        for place, _, files in os.walk(root / mirrored, followlinks=True):
            here = folder / Path(place).relative_to(root)
            here.mkdir(parents=True, exist_ok=True)
            for file in files:
                (here / file).symlink_to(Path(place, file).resolve())
    return folder
