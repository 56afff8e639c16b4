"""Reading many answers in processes that may hang, crash or run out of memory: each costs its own answer only.

The processes are started by name and spoken to in JSON, so that this one's memory, threads and script stay out of them.
"""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tts_lib.common.errors import StudyError
from tts_lib.grading.reading.conditions import Reading, as_reading
from tts_lib.grading.verdicts import ERROR, TIMEOUT
from tts_lib.grading.worker import READY

_START_S = 120.0  # for a process to be ready, on the busiest machine
_GRACE_S = 60.0  # of the clock, on top of twenty times what an answer may take


class Workers:
    """Processes that read answers, started when there is something to read.

    Args:
        count: how many.
        timeout_s: seconds of its own time that a process may take for one answer.
        memory_mib: MiB that it may take on top of what it starts with.
    """

    def __init__(self, count: int, timeout_s: float, memory_mib: int) -> None:
        self._limits = timeout_s, memory_mib
        self._threads = ThreadPoolExecutor(count, "grader")
        self._own = threading.local()
        self._started: list[_Worker] = []

    def read(self, texts: Iterable[str]) -> Iterator[Reading]:
        """The readings of normal forms, in their order; ``("unread", verdict)`` for those that took too much.

        Raises:
            StudyError: a process does not start.
        """
        return self._threads.map(self._read, texts)

    def close(self) -> None:
        """Stop the processes; what they were reading is lost."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._started:
            worker.stop()
        self._threads.shutdown()

    def _read(self, text: str) -> Reading:
        """What each thread does with a process of its own."""
        worker = getattr(self._own, "worker", None)
        if worker is None or not worker.is_alive():
            worker = self._own.worker = _Worker(*self._limits)
            self._started.append(worker)
        return worker.read(text)


class _Worker:
    def __init__(self, timeout_s: float, memory_mib: int) -> None:
        command = [sys.executable, "-P", "-m", "tts_lib.grading.worker", str(timeout_s), str(memory_mib)]
        path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": path},
            bufsize=0,
        )
        self._wall_s = _GRACE_S + 20 * timeout_s
        if self._line(_START_S) != READY:
            self.stop()
            raise StudyError(f"a process of the grader did not start; to see why: {' '.join(command[:4])}")

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def read(self, text: str) -> Reading:
        pipe: Any = self._process.stdin
        try:
            pipe.write(json.dumps(text).encode() + b"\n")
            reply = self._line(self._wall_s)
        except (OSError, ValueError):  # it has ended, or was stopped
            reply = b""
        if reply:
            return as_reading(json.loads(reply))
        ended = self._process.poll() if reply is None else self._process.wait()
        self.stop()
        return ("unread", TIMEOUT if ended in (None, -signal.SIGPROF) else ERROR)

    def _line(self, seconds: float) -> bytes | None:
        """Its next line; b"" if it has ended, None if it stays silent for that long."""
        pipe: Any = self._process.stdout
        line, end = b"", time.monotonic() + seconds
        while not line.endswith(b"\n"):
            if not select.select([pipe], [], [], max(end - time.monotonic(), 0))[0]:
                return None
            part = os.read(pipe.fileno(), 1 << 16)
            if not part:
                return b""
            line += part
        return line
