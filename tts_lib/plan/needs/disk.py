"""Room on the disk: for downloads, and for what the study makes."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

COPIES = 2  # of an output: in the study's folder and in DVC's cache
REPORTS = 200 * 2**20  # figures, pages and executed notebooks


def needed(storage: float) -> float:
    """Bytes that a study takes whose stages store so many."""
    return COPIES * storage + REPORTS


def missing(study: Path, made: float, cache: Path, fetched: float) -> Iterator[str]:
    """A sentence for each disk that is too small.

    Args:
        made: bytes that the study will take in its folder.
        fetched: bytes that go into the cache of the hub.
    """
    here, there = _existing(study), _existing(cache)
    same = os.stat(here).st_dev == os.stat(there).st_dev
    wanted = {here: made + fetched} if same else {here: made, there: fetched}
    for path, size in wanted.items():
        if size > (free := shutil.disk_usage(path).free):
            yield f"The disk of {path} has {free / 1e9:.1f} GB free, but about {size / 1e9:.1f} GB are wanted."


def _existing(path: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    return next(folder for folder in (path, *path.parents) if folder.exists())
