"""A process that has loaded what all stages load, and forks what they start: `tts run` keeps one while DVC works.

A stage is an interpreter that loads papermill and a kernel that loads pandas, numpy and matplotlib, which is most of
what a stage takes that only reads tables. Where a warm process listens, both are forks of it, and what DVC or jupyter
started waits for its fork: it hands on its arguments, environment, folder and terminal, and exits as the fork does.
Each ends with the other. A fork loads the library itself anew where a file of it has changed since. `dvc repro` by hand
has no warm process, nor has a run whose warm process was ended: then all is as ever.
"""

import atexit
import builtins
import gc
import json
import os
import resource
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import tts_lib
from tts_lib.common.lifetimes import die_with_parent
from tts_lib.study.forks import ADDRESS, KERNELS, PREFIX

_LIBRARY = Path(tts_lib.__file__).parent
PRELOADED = (  # by every stage
    "tts_lib.study.notebooks",  # which makes the next ones load faster
    *("papermill", "ipykernel.kernelapp", "yaml", "pydantic", "jaxtyping"),
    *("pandas", "pyarrow.parquet", "scipy.special", "matplotlib.pyplot"),
)
LATER = (  # by those which read tables, but for what sets how figures look as it is loaded
    *("tts_lib.study.parameters", "tts_lib.study.progress", "tts_lib.study.config.loading"),
    *("tts_lib.strategies.experiment", "tts_lib.strategies.fitting", "tts_lib.strategies.pool_accuracy"),
    *(f"tts_lib.strategies.tables.{name}" for name in ("attained", "both", "probes", "shares", "zero")),
    *(f"tts_lib.strategies.stopping.{name}" for name in ("comparison", "fitting", "handed_on", "tables")),
    *("tts_lib.strategies.exchange.against", "tts_lib.strategies.exchange.large", "tts_lib.answers.pools"),
    *("tts_lib.report.claims.claims", "tts_lib.report.gallery", "tts_lib.report.reading"),
    "tts_lib.report.pages.text",
    *("nbconvert.filters.markdown_mistune", "jinja2", "mpmath", "scipy.optimize", "scipy.stats"),
)


@contextmanager
def process(root: Path, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """A warm process for the study in `root` (on Linux), and the variables that tell DVC's stages of it.

    Args:
        environment: of kernels, what their interpreter and libraries begin with.
    """
    with (
        tempfile.TemporaryDirectory(prefix=f"{PREFIX}-{os.getpid()}-") as folder,
        socket.socket(socket.AF_UNIX) as here,
    ):
        address = os.path.join(folder, "warm")
        try:
            if sys.platform != "linux":
                raise OSError
            here.bind(address)
        except OSError:  # or its path is too long for a socket
            yield {}
            return
        here.listen()
        path = os.pathsep.join(filter(None, [str(root), environment.get("PYTHONPATH")]))
        drawing = "module://matplotlib_inline.backend_inline"  # which is what kernels draw with
        with subprocess.Popen(
            [sys.executable, "-m", "tts_lib.study.warm", str(here.fileno())],
            cwd=root,
            env={**environment, "PYTHONPATH": path, "MPLBACKEND": drawing},
            pass_fds=[here.fileno()],
            start_new_session=True,
            preexec_fn=die_with_parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as server:
            here.close()  # with its end there is nothing left to connect to
            try:
                yield {ADDRESS: address}
            finally:
                server.kill()


def _serve(descriptor: int) -> None:
    """Load what is needed first, then fork for each that connects and load the rest between; returns only in forks."""
    with socket.socket(fileno=descriptor) as here:
        loaded = _versions()
        # As it is in a kernel: pandas asks while it is loaded.
        builtins.get_ipython = lambda: SimpleNamespace(kernel=None)  # pyright: ignore[reportAttributeAccessIssue]
        _load(PRELOADED)
        del builtins.get_ipython  # pyright: ignore[reportAttributeAccessIssue]
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # none is waited for
        later = list(LATER)
        while True:
            while later and not select.select([here], [], [], 0)[0]:
                _load([later.pop(0)])
            connection, _ = here.accept()
            if os.fork() == 0:
                break
            connection.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if _versions() != loaded:
        for name in [name for name in sys.modules if name.partition(".")[0] == "tts_lib"]:
            del sys.modules[name]
    _stand_in(connection)


def _versions() -> dict[str, int]:
    """When each file of the library was last changed."""
    return {str(path): path.stat().st_mtime_ns for path in _LIBRARY.rglob("*.py")}


def _load(names: Sequence[str]) -> None:
    for name in names:
        with suppress(ImportError):  # what a stage lacks it tells by itself
            import_module(name)
    gc.freeze()  # so that forks share it as long as they can


def _stand_in(connection: socket.socket) -> NoReturn:
    """Become the process that asked, and run its module."""
    die_with_parent()
    os.setsid()
    _, descriptors, _, _ = socket.recv_fds(connection, 1, 3)
    request = json.loads(connection.makefile().readline())
    for descriptor, its in enumerate(descriptors):
        os.dup2(its, descriptor)
        os.close(its)
    connection.sendall(f"{os.getpid()}\n".encode())
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    if address := os.environ.pop(ADDRESS, None):
        os.environ[KERNELS] = address
    sys.argv = [request["module"], *request["words"]]
    threading.Thread(target=lambda: connection.recv(1) or os._exit(1), daemon=True).start()
    status = 0
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    atexit._run_exitfuncs()  # of multiprocessing, which has temporary folders
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(json.dumps([status, peak]).encode())
    os._exit(status)  # what lies in memory goes with the process: to take it down first is a tenth of a second


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
