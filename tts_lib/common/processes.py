"""Keeps a stage's processes together: none survives the one that started it."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM as soon as the parent is gone, however it ends (Linux; elsewhere nothing happens).

    Without it, `dvc` killed alone leaves its stage running, and the next `dvc repro` starts a second copy.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the request was in place
        os.kill(os.getpid(), signal.SIGTERM)


def cores() -> int:
    """CPU cores that this process may use, or fewer where the environment's TTS_CORES says so."""
    there = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    wished = os.environ.get("TTS_CORES", "")
    return min(there, int(wished)) if wished.isdecimal() and int(wished) else there


def die_with_client() -> None:
    """End this worker process as soon as the one that asked for it is gone: it is the child of a fork server."""
    client = multiprocessing.parent_process()
    assert client is not None, "not a worker process"

    def watch() -> None:
        client.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def is_alive(pid: int) -> bool:
    """Whether a process of this number runs on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
