"""Keeps a stage's processes together: none survives the one that started it."""

import ctypes
import os
import signal
import sys
import threading
from multiprocessing import parent_process

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


def die_with_client() -> None:
    """End this worker process as soon as the one that asked for it is gone: it is the child of a fork server."""
    client = parent_process()
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
