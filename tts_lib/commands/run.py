"""Run a study: check what it needs, then make whatever is not there yet."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tts_lib.common import paths
from tts_lib.common.lifetimes import die_with_parent
from tts_lib.study import parameters, profile, progress, warm

# `python -m dvc` that loads what it can beforehand, and begins when it is let go: not where this process has ended.
_WAITING = """
import sys
try:
    import dvc.cli.parser, dvc.repo.open_repo, dvc.utils.strictyaml
except ImportError:
    pass
if sys.stdin.readline():
    from dvc.cli import main
    sys.exit(main(sys.argv[1:]))
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", type=Path, help="of the study (default: the one this is called in)")
    parser.add_argument(
        "--profile",
        help="run this profile in studies/PROFILE, which is made if need be; one of profiles/supplements beside FOLDER",
    )
    parser.add_argument("--stages", nargs="+", default=[], metavar="STAGE", help="only these and what they need")


def run(given: argparse.Namespace) -> int:
    where = given.folder
    if given.profile:
        from tts_lib.commands import new, supplement  # loads every kind of them: seconds
        from tts_lib.study import folder

        if supplement.is_one(given.profile):
            return supplement.run(given.profile, paths.find_root(where or folder.project()), _study, pages)
        where = where or folder.project() / "studies" / given.profile
        new.made(where, given.profile)
    root = paths.find_root(where or ".")
    status = _study(root, given.stages)
    if status == 0:
        page = root / paths.REPORTS / "index.html"
        print(f"Done: open {os.path.relpath(page)}" if page.is_file() else "Done.")
    return status


def _study(root: Path, stages: list[str]) -> int:
    """Run these stages of a study, and what they need."""
    with warm.process(root, parameters.of_kernels()) as told, _dvc(root, ["repro", *stages], told) as begin:
        from tts_lib.plan import table  # a second, in which the processes beside this one load what they need
        from tts_lib.plan.ahead import look

        ahead = look(root / "params.yaml", only=stages)
        if ahead.missing:
            print("\n".join(ahead.missing), file=sys.stderr)
            return 1
        print(f"Time: {table.time(ahead)}.", flush=True)
        _allow_no_git(root)
        progress.begin(root, ahead.stages, dict.fromkeys(ahead.made, 0.0) | ahead.seconds)
        try:
            status = begin()
        finally:
            progress.end(root)
    if status < 0:
        print(f"DVC was ended by signal {-status}; the same command goes on from here.", file=sys.stderr)
        return 1
    return status


def pages(root: Path) -> int:
    """Write the pages of a study anew, whatever they were made of."""
    _allow_no_git(root)
    with _dvc(root, ["repro", "--force", "--single-item", "pages"], {}) as begin:
        return begin()


@contextmanager
def _dvc(root: Path, arguments: list[str], told: Mapping[str, str]) -> Iterator[Callable[[], int]]:
    """DVC in a session of its own, loaded and waiting: what is yielded lets it begin, and returns its status.

    Ctrl-C comes here alone, and one line answers it. DVC ends with this process, however that ends: else it would hold
    its lock against the next run.

    Args:
        told: variables for its stages.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with subprocess.Popen(
        [sys.executable, "-c", _WAITING, *arguments],
        cwd=root,
        env={**os.environ, "PATH": path, **told},
        stdin=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=die_with_parent,
    ) as process:

        def begin() -> int:
            try:
                process.communicate(b"go\n")
            except KeyboardInterrupt:
                os.killpg(process.pid, signal.SIGKILL)  # stages leave nothing half-written
                process.wait()
                print("\nInterrupted; the same command goes on from here.", file=sys.stderr)
                return 130
            return process.returncode

        try:
            yield begin
        finally:
            process.kill()  # where it never began


def _allow_no_git(root: Path) -> None:
    """Tell DVC that there is no git repository, where there is none (a zip download)."""
    inside = subprocess.run(["git", "rev-parse", "--git-dir"], cwd=root, capture_output=True).returncode == 0
    if not inside and not (root / profile.COPIED).is_file():
        subprocess.run(
            [sys.executable, "-m", "dvc", "config", "--local", "--quiet", "core.no_scm", "true"], cwd=root, check=True
        )
