"""Runs one stage: `python -m tts_lib.study.run notebooks/08_search.ipynb reports/executed/NAME.ipynb method=beam_4`.

The notebook's parameters cell says which values of params.yaml, checked as a whole, it is given; a word on the command
line stands in place of one of its literals. The executed notebook is written atomically and is the same, byte for byte,
whenever the same stage runs; wall time and memory go to logs/stages.jsonl instead.
"""

from tts_lib.study import forks

if __name__ == "__main__":
    forks.go_on_there("tts_lib.study.run")  # before anything else is loaded, which takes half a second

import argparse
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn, TextIO

from traitlets.config import Config

from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.common.files import WriteError, explain, write_atomically
from tts_lib.common.lifetimes import die_with_parent, is_alive
from tts_lib.study import notebooks, parameters, progress
from tts_lib.study.config import loading

# Longest path of a Unix socket, less what jupyter appends to the name of the connection file.
MAX_SOCKET_PREFIX = 107 - len("-ipc-12345")
KERNEL = "stage"  # by this name jupyter finds it in the private folder
# StudyError and the errors derived from it: their text is for the user as it stands.
SENTENCES = {
    "StudyError",
    "ContextOverflowError",
    "DamagedShardError",
    "FolderError",
    "PromptTooLongError",
    "QuestionError",
    "RefusedError",
    "StoreError",
    "TableError",
    "WriteError",
}
_forked_peak = 0  # see forks.kernel_peak
_GIVEN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=([A-Za-z0-9_.-]+)")


def run(source: Path, target: Path, given: Mapping[str, str], terminal: TextIO) -> None:
    """Execute `source` with its parameters in the current folder and write `target`.

    Args:
        given: words in place of literals of the parameters cell.
        terminal: is shown progress and warnings as they come; what the notebook prints stands in `target`.

    Raises:
        StudyError: refused parameters, or the notebook failed: its last words, and where the partial notebook lies.
    """
    sys.modules.setdefault("pyarrow.fs", None)  # pyright: ignore[reportArgumentType] (loaded for notebooks on HDFS)
    import papermill  # after tts_lib.study.notebooks, which makes it load faster
    from papermill.exceptions import PapermillExecutionError

    injected = parameters.values(source, loading.load(), given)
    partial = notebooks.partial(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _kernel_config() as kernel:
            executed = papermill.execute_notebook(
                str(source),
                str(partial),
                parameters=injected,
                kernel_name=KERNEL,
                language="python",
                progress_bar=False,
                record_timing=False,
                stderr_file=terminal if terminal.isatty() else FinishedLines(terminal),
                config=kernel,
                extra_arguments=["--log-level=CRITICAL"],  # the kernel's remarks on its own start and end
            )
    except PapermillExecutionError as error:
        # Counted from 0 with the injected cell: from 1 in the source.
        said = error.evalue if error.ename in SENTENCES else f"{error.ename}: {error.evalue}"
        raise StudyError(f"{source}, cell {error.cell_index}: {' '.join(said.split())} (see {partial})") from error
    except OSError as error:  # disk full, no permission: of the partial notebook, or of a temporary file
        raise WriteError(explain(error, Path(error.filename or partial))) from error
    except RuntimeError as error:  # nbclient's DeadKernelError and time-outs: no message of the notebook's own
        raise StudyError(f"{source}: {error}; out of memory? (see {partial})") from error
    text = notebooks.dumps(notebooks.normalise(executed))
    write_atomically(target, text.encode())
    partial.unlink(missing_ok=True)


def import_from(root: Path) -> None:
    """Processes started from now on import the library in `root`, even if the environment was made for another copy."""
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))


class FinishedLines:
    """A terminal that is none, such as a log: of a line that is written again and again it gets the last state."""

    def __init__(self, log: TextIO):
        self._log, self._begun = log, ""

    def write(self, text: str) -> None:
        *lines, self._begun = (self._begun + text).split("\n")
        self._log.writelines(line.rpartition("\r")[2] + "\n" for line in lines)

    def flush(self) -> None:
        self._log.flush()


def _terminal_alone() -> TextIO:
    """Standard error for this process alone: what its children write there reaches it through the kernel, and once."""
    terminal = open(os.dup(2), "w", buffering=1)  # noqa: SIM115 (to the end of the process)
    nothing = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nothing, descriptor)
    return terminal


def _interrupted(terminal: TextIO, source: str) -> NoReturn:
    """Ctrl-C: one line and nothing else; the kernel and its workers end with this process."""
    print(f"{source}: interrupted; the same command goes on from here.", file=terminal, flush=True)
    os._exit(130)


@contextmanager
def _kernel_config() -> Iterator[Config]:
    """How the kernel is started, and reached: by sockets in a private folder, or TCP where its path is too long."""
    _sweep()
    folder = tempfile.mkdtemp(prefix=f"{forks.PREFIX}-{os.getpid()}-")
    os.environ |= {"IPYTHONDIR": folder, "JUPYTER_DATA_DIR": folder}  # none of the reader's own
    connection_file = os.path.join(folder, "kernel.json")
    settings = {"connection_file": connection_file, "client_class": "tts_lib.study.kernel_client.Client"}
    if os.name == "posix" and len(os.fsencode(connection_file)) <= MAX_SOCKET_PREFIX:
        settings["transport"] = "ipc"
    spec = Path(folder) / "kernels" / KERNEL / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": forks.kernel_command(), "display_name": KERNEL, "language": "python"}))
    try:
        yield Config({"KernelManager": settings, "AsyncKernelManager": settings})
    finally:
        global _forked_peak
        _forked_peak = forks.kernel_peak(connection_file)
        shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Remove the folders of runners that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{forks.PREFIX}-*-*"):
        owner = folder.name.split("-")[1]
        if owner.isdecimal() and not is_alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _log_stage(target: Path, start: float, succeeded: bool) -> None:
    """One line per run, appended in one write: seconds, and the resident memory of the largest process.

    Where it cannot be written, the stage has more to say than the log.
    """
    peak = max(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, _forked_peak)
    peak /= 2**20 if sys.platform == "darwin" else 2**10
    entry = {"stage": target.stem, "succeeded": succeeded, "wall_s": round(time.monotonic() - start, 2)}
    with suppress(OSError):
        progress.STAGES.parent.mkdir(exist_ok=True)
        with open(progress.STAGES, "a", encoding="utf-8") as file:
            file.write(json.dumps({"ended": int(time.time()), **entry, "peak_rss_mb": round(peak)}) + "\n")


def _word(text: str) -> tuple[str, str]:
    match = _GIVEN.fullmatch(text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} must be name=word of letters, digits and _.-")
    return match[1], match[2]


def make_parser() -> argparse.ArgumentParser:
    """The command line of a stage."""
    parser = argparse.ArgumentParser(prog="python -m tts_lib.study.run", description="Run one stage's notebook.")
    parser.add_argument("source", type=Path, help="notebook of the stage")
    parser.add_argument("target", type=Path, help="executed notebook to write")
    parser.add_argument("given", nargs="*", type=_word, metavar="name=word", help="in place of a literal parameter")
    return parser


def main(arguments: list[str] | None = None, terminal: TextIO = sys.stderr) -> None:
    """Run one stage; exits with one sentence where it fails.

    Args:
        terminal: where progress and that sentence are shown.
    """
    options = make_parser().parse_args(arguments)
    die_with_parent()
    environment = parameters.of_kernels()
    os.environ.clear()
    os.environ.update(environment)
    start = time.monotonic()
    succeeded = False
    source, target = options.source.resolve(), options.target.resolve()
    try:
        root = paths.find_root()
        os.chdir(root)
        import_from(root)
        if not (source.is_relative_to(root) and target.is_relative_to(root)):
            raise StudyError(f"Both notebooks must lie in the project's folder {root}.")
        if words := progress.line(target.relative_to(root)):
            print(words, file=terminal, flush=True)
        run(source.relative_to(root), target.relative_to(root), dict(options.given), terminal)
        succeeded = True
    except (StudyError, OSError) as error:
        sys.exit(str(error))
    finally:
        _log_stage(target, start, succeeded)


if __name__ == "__main__":
    shown = sys.stderr = _terminal_alone()
    signal.signal(signal.SIGINT, lambda *_: _interrupted(shown, sys.argv[1] if len(sys.argv) > 1 else "stage"))
    main(terminal=shown)
