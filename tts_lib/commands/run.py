"""Run a study: check what it needs, then make whatever is not there yet."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

import yaml

from tts_lib.commands import new
from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.study import folder, profile, progress
from tts_lib.study.config import loading
from tts_lib.study.stages import ordered


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", type=Path, help="of the study (default: the one this is called in)")
    parser.add_argument("--profile", help="run this profile in studies/PROFILE, which is made if need be")
    parser.add_argument("--stages", nargs="+", default=[], metavar="STAGE", help="only these and what they need")


def run(given: argparse.Namespace) -> int:
    where = given.folder
    if given.profile:
        where = where or folder.project() / "studies" / given.profile
        new.made(where, given.profile)
    root = paths.find_root(where or ".")
    loading.load(root / "params.yaml")
    stages = ordered(root / "dvc.yaml", yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8")))
    if unknown := [name for name in given.stages if name not in {s for stage in stages for s in _names(stage.name)}]:
        raise StudyError(f"There is no stage {unknown[0]!r}; there are {', '.join(stage.name for stage in stages)}.")
    _allow_no_git(root)
    progress.begin(root, stages, {})
    try:
        status = _repro(root, given.stages)
    finally:
        progress.end(root)
    if status == 0:
        print(f"Done: open {os.path.relpath(root / 'reports/index.html')}")
    return status


def _names(stage: str) -> tuple[str, str]:
    """A stage and the group it belongs to, as DVC takes them."""
    return stage, stage.partition("@")[0]


def _repro(root: Path, stages: list[str]) -> int:
    """`dvc repro` in a session of its own: Ctrl-C comes here alone, and one line answers it."""
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    command = [sys.executable, "-m", "dvc", "repro", *stages]
    with subprocess.Popen(command, cwd=root, env=environment, start_new_session=True) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGKILL)  # stages leave nothing half-written
            process.wait()
            print("\nInterrupted; the same command goes on from here.", file=sys.stderr)
            return 130


def _allow_no_git(root: Path) -> None:
    """Tell DVC that there is no git repository, where there is none (a zip download)."""
    inside = subprocess.run(["git", "rev-parse", "--git-dir"], cwd=root, capture_output=True).returncode == 0
    if not inside and not (root / profile.COPIED).is_file():
        subprocess.run(
            [sys.executable, "-m", "dvc", "config", "--local", "--quiet", "core.no_scm", "true"], cwd=root, check=True
        )
