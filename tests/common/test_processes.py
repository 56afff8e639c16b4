"""Work on all cores: the same results as in one process, in order, and no process left behind."""

import multiprocessing
import os
import signal
import sys
import time

import numpy as np
import pytest

from tts_lib.common import processes
from tts_lib.common.errors import StudyError

forks = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")


@pytest.mark.parametrize("n_cores", [1, 2, 5])
def test_every_item_is_done_once_and_in_its_place(n_cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "cores", lambda: n_cores)
    base = 100  # of this function: forks see what is in memory
    assert processes.on_cores(lambda item: (base + item, "x" * 100_000), range(7)) == [
        (base + item, "x" * 100_000) for item in range(7)
    ]
    assert processes.on_cores(lambda item: item, []) == []
    many = range(20_000)  # more than a pipe holds numbers
    assert processes.on_cores(lambda item: -item, many) == [-item for item in many]
    assert not multiprocessing.active_children()


@forks
@pytest.mark.parametrize("n_cores", [1, 2])
def test_arrays_lie_in_memory_as_they_were_sent(n_cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums over an array round by the order that it has in memory: it must not depend on the number of cores."""
    monkeypatch.setattr(processes, "cores", lambda: n_cores)
    for array in processes.on_cores(lambda step: np.zeros((4, 6, 8))[::step].swapaxes(0, 1), [1, 2]):
        assert array.flags.c_contiguous


@forks
def test_as_many_processes_work_as_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "cores", lambda: 3)

    def busy(_: int) -> int:
        time.sleep(0.2)
        return os.getpid()

    found = processes.on_cores(busy, range(12))
    assert len(set(found)) == 3


@forks
@pytest.mark.parametrize("n_cores", [1, 2])
def test_what_a_task_raises_is_raised_here(n_cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "cores", lambda: n_cores)

    def refuse(item: int) -> int:
        if item == 2:
            raise StudyError(f"item {item} is wrong")
        return item

    with pytest.raises(StudyError, match=r"^item 2 is wrong$"):
        processes.on_cores(refuse, range(4))
    assert not multiprocessing.active_children()


@forks
def test_a_process_that_is_ended_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "cores", lambda: 2)

    def end(item: int) -> int:
        if item == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    with pytest.raises(StudyError, match=r"^A process that worked beside this one was ended"):
        processes.on_cores(end, range(4))
    assert not multiprocessing.active_children()
