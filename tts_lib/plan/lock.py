"""Which stages are made already, as dvc.lock tells, without DVC: what is left of a run is known before it starts.

A stage is made if its notebook, its rooms of the library and its settings are what they were, its outputs are there,
and the stages that it reads from are made too; the foundation, if its rooms say what they said. Data is not hashed, so
that this takes no longer than reading the file.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.study import dvc_lock, foundation
from tts_lib.study.stages import Stage, feeds, picked

SMALL = ("notebooks", "tts_lib")  # dependencies that are hashed


class Lock:
    """A dvc.lock beside the settings as they stand now; one that is missing or broken tells nothing."""

    def __init__(self, root: Path, settings: Mapping[str, Any]):
        self._root, self._settings = root, settings
        self._hashes: dict[str, str | None] = {}
        try:
            self._made = dvc_lock.read(root)
        except (StudyError, OSError):
            self._made = {}

    def made(self, stages: Sequence[Stage]) -> set[str]:
        """The names of those that need not run.

        Args:
            stages: each behind those whose outputs it reads.
        """
        pending: list[Stage] = []
        for stage in stages:
            if not self._stands(stage) or any(feeds(other, stage) for other in pending):
                pending.append(stage)
        return {stage.name for stage in stages} - {stage.name for stage in pending}

    def changed(self, stage: str) -> bool:
        """Whether the stage was made by other settings than those of now."""
        given = self._made.get(stage, {}).get("params", {}).get("params.yaml", {})
        return not all(self._is(name, value) for name, value in given.items())

    def _stands(self, stage: Stage) -> bool:
        record = self._made.get(stage.name)
        if record is None or self.changed(stage.name):
            return False
        known = {dep["path"]: dep.get("md5") for dep in record.get("deps", [])}
        small = [dep for dep in stage.deps if Path(dep).parts[0] in SMALL]
        same = set(known) == set(stage.deps) and all(known[dep] == self._hash(dep) for dep in small)
        there = all((self._root / path).exists() for path in (*stage.outs, *stage.deps))
        if there and not same and str(paths.FOUNDATION) in stage.outs:  # other comments, perhaps
            return (self._root / paths.FOUNDATION).read_bytes() == foundation.said()
        return there and same

    def _is(self, name: str, value: Any) -> bool:
        try:
            return picked(name, self._settings) == value
        except (KeyError, TypeError):  # there is no such setting
            return False

    def _hash(self, path: str) -> str | None:
        if path not in self._hashes:
            self._hashes[path] = _md5(self._root / path)
        return self._hashes[path]


def _md5(path: Path) -> str | None:
    """MD5 of a file, or of a folder as DVC takes it: of the list of its files; None where there is neither."""
    if path.is_file():
        return dvc_lock.md5(path)
    if not path.is_dir():
        return None
    files = [file.relative_to(path) for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    listed = [{"md5": _md5(path / file), "relpath": file.as_posix()} for file in sorted(files, key=lambda f: f.parts)]
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest() + ".dir"
