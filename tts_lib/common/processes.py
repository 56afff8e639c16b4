"""Keeps a stage's processes together: none survives the one that started it. And gives every core its share of work."""

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from tts_lib.common.errors import StudyError

_PR_SET_PDEATHSIG = 1
_PLACE, _PLACES = 4, 4096  # bytes of an item's number, and how many a pipe holds for sure
Item = TypeVar("Item")
Result = TypeVar("Result")


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


def on_cores(task: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """What the task makes of each item, in their order, by a process on each core; elsewhere than on Linux by this one.

    It works too, and the others are forks of it: they see all that it has in memory and take whatever item is next.
    What they make is sent back, so let it be small beside the work; what else they change is lost.

    Raises:
        StudyError: a process was ended, as happens where memory runs out; and whatever the task raises.
    """
    n = min(cores(), len(items)) if sys.platform == "linux" else 1
    step = -(-len(items) // _PLACES) or 1  # items that are taken at once
    waiting, filled = os.pipe()
    with open(waiting, "rb", buffering=0) as queue:
        with open(filled, "wb") as ahead:
            ahead.write(b"".join(place.to_bytes(_PLACE) for place in range(0, len(items), step)))

        def take() -> dict[int, Result]:
            places = map(int.from_bytes, iter(lambda: queue.read(_PLACE), b""))
            return {at: task(items[at]) for place in places for at in range(place, min(place + step, len(items)))}

        others = [_Fork(take) for _ in range(n - 1)]
        try:
            made = take()
            for other in others:
                made |= other.result()
        finally:
            for other in others:
                other.end()
    return [made[place] for place in range(len(items))]


class _Fork:
    """A fork of this process that does one thing and sends what comes of it."""

    def __init__(self, do: Callable[[], Any]):
        context = multiprocessing.get_context("fork")
        self._received, sent = context.Pipe(duplex=False)
        self._process = context.Process(target=self._work, args=(do, sent), daemon=True)
        with sent, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: those of the kernel, idle
            self._process.start()

    def result(self) -> Any:
        """What came of it."""
        try:
            made, error = self._received.recv()
        except EOFError:
            raise StudyError("A process that worked beside this one was ended; out of memory?") from None
        if error is not None:
            raise error
        return made

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._received.close()

    @staticmethod
    def _work(do: Callable[[], Any], sent: Connection) -> None:
        die_with_parent()
        gc.freeze()  # what was there before the fork is not taken down here, nor its memory copied to look at it
        try:
            found = do(), None
        except Exception as error:  # the other process's to tell
            found = None, error
        sent.send(found)


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
