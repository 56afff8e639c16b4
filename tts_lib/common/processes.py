"""Gives every core its share of work."""

import gc
import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from tts_lib.common.errors import StudyError
from tts_lib.common.lifetimes import die_with_parent

_CHUNKS = 256  # that the items are dealt in: fewer where they are fewer
Item = TypeVar("Item")
Result = TypeVar("Result")
# To a fork: its task, and the items that it is given numbers of.
_given: tuple[Callable[[Any], Any], Sequence[Any]] | None = None


def cores() -> int:
    """CPU cores that this process may use, or fewer where the environment's TTS_CORES says so."""
    there = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    wished = os.environ.get("TTS_CORES", "")
    return min(there, int(wished)) if wished.isdecimal() and int(wished) else there


def on_cores(task: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """What the task makes of each item, in their order, by a process on each core; elsewhere than on Linux by this one,
    as in such a process, beside which the others have the other cores.

    The processes are forks of this one: they see all that it has in memory. What they make is sent back, so let it be
    small beside the work; what else they change is lost. With one core it is a fork as well: what is sent back lies in
    memory in an order of its own, by which sums over it round.

    Raises:
        StudyError: a process was ended, as happens where memory runs out; and whatever the task raises.
    """
    if sys.platform != "linux" or _given is not None:
        return [task(item) for item in items]
    n, context = min(cores(), len(items)) or 1, multiprocessing.get_context("fork")
    with warnings.catch_warnings(), ProcessPoolExecutor(n, context, _begin, (task, items)) as pool:
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: those of the kernel, idle
        try:
            return list(pool.map(_do, range(len(items)), chunksize=-(-len(items) // _CHUNKS) or 1))
        except BrokenProcessPool:
            raise StudyError("A process that worked beside this one was ended; out of memory?") from None


def _begin(task: Callable[[Any], Any], items: Sequence[Any]) -> None:
    """In a fork, before its first item."""
    global _given
    die_with_parent()
    gc.freeze()  # what was there before the fork is not taken down here, nor its memory copied to look at it
    _given = task, items


def _do(place: int) -> Any:
    assert _given is not None, "not a fork"
    task, items = _given
    return task(items[place])
