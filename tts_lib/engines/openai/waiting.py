"""When to ask a server again, and how fast: back-off with jitter, `Retry-After`, a pace for all threads."""

import email.utils
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from tts_lib.engines.randomness import uniform


@dataclass(frozen=True)
class Clock:
    """Time as the client sees it, in seconds; a test brings its own."""

    now: Callable[[], float] = time.monotonic
    today: Callable[[], datetime] = lambda: datetime.now(UTC)  # for a Retry-After that names a date
    wait: Callable[[threading.Event, float], object] = threading.Event.wait  # until the event is set, at most so long


class Pace:
    """At most so many requests a second, over all threads; None: as fast as it goes."""

    def __init__(self, requests_per_second: float | None, clock: Clock):
        self._interval = 0.0 if requests_per_second is None else 1 / requests_per_second
        self._clock = clock
        self._lock = threading.Lock()
        self._next = -np.inf

    def wait(self, stop: threading.Event) -> None:
        """Return when it is this caller's turn, or `stop` is set."""
        with self._lock:
            now = self._clock.now()
            turn = max(now, self._next)
            self._next = turn + self._interval
        if turn > now:
            self._clock.wait(stop, turn - now)


def backoff(n_failures: int, seed: np.uint64, first: float, longest: float) -> float:
    """Seconds to wait after the n-th failure of a request: doubling, and by half of it up or down as its seed says."""
    jitter = 0.5 + float(uniform(np.atleast_1d(np.uint64(seed)), np.atleast_1d(np.uint64(n_failures)))[0])
    return min(longest, first * 2.0 ** min(n_failures - 1, 60) * jitter)


def retry_after(header: str | None, clock: Clock) -> float | None:
    """Seconds that a `Retry-After` header asks for, in either of its forms; None where it says nothing."""
    if header is None:
        return None
    if header.strip().isascii() and header.strip().isdigit():
        return float(header.strip()[:12])
    try:
        date = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - clock.today()).total_seconds())
