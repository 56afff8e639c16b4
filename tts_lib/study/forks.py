"""What DVC and jupyter start, where a warm process listens: it hands on to a fork of that what it was given, and exits
as the fork does. It loads next to nothing, as it is started anew for every stage and every kernel.
"""

import json
import os
import runpy
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

from tts_lib.common.lifetimes import die_with_parent

PREFIX = "tts"  # of temporary folders of runs and stages; behind it stands the process
ADDRESS = "TTS_WARM"  # of the process that stages are forked from
KERNELS = "TTS_WARM_KERNELS"  # the same, to a stage that was forked from it
_KERNEL = "tts_lib.study.kernel"
_PEAK = ".peak"  # of a kernel's memory, beside its connection file: it is no child of its stage, who could be asked


def go_on_there(module: str) -> None:
    """Where a warm process listens, run the module that this process was started for there, and exit as that does."""
    if address := os.environ.get(ADDRESS):
        with suppress(ConnectionError, FileNotFoundError):
            sys.exit(_forked(address, module)[0])


def kernel_command() -> list[str]:
    """How a stage starts its kernel, as jupyter's kernel.json has it: one that was forked, as a fork too."""
    if address := os.environ.get(KERNELS):
        return [sys.executable, "-m", "tts_lib.study.forks", address, "{connection_file}"]
    return [sys.executable, "-m", _KERNEL, "-f", "{connection_file}"]


def kernel_peak(connection_file: str) -> int:
    """Resident memory (in KB) of the forked kernel that had this connection file; 0 where there was none."""
    with suppress(FileNotFoundError), open(connection_file + _PEAK) as file:
        return int(file.read())
    return 0


def _forked(address: str, module: str) -> tuple[int, int]:
    """Have a module run in a fork with what this process was given; its exit status and resident memory."""
    die_with_parent()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        socket.send_fds(connection, [b"."], [0, 1, 2])
        request = {"module": module, "words": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}
        connection.sendall(json.dumps(request).encode() + b"\n")
        told = connection.makefile()
        if fork := told.readline():
            signal.signal(signal.SIGINT, lambda *_: os.kill(int(fork), signal.SIGINT))
        end = told.read()
    return tuple(json.loads(end)) if end else (128 + signal.SIGKILL, 0)


def main(words: Sequence[str]) -> None:
    """`python -m tts_lib.study.forks ADDRESS CONNECTION_FILE ...` is a kernel, forked where that can be."""
    address, file, *more = words
    sys.argv[1:] = ["-f", file, *more]
    try:
        status, peak = _forked(address, _KERNEL)
        with suppress(OSError), open(file + _PEAK, "w") as there:
            there.write(str(peak))
        sys.exit(status)
    except (ConnectionError, FileNotFoundError):
        runpy.run_module(_KERNEL, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
