"""Runs the searches of many requests on shared engines: one thread, one scheduler for each policy with its verifier.

A request joins at the next round. Its answer does not depend on who else is there, since every sample owns its seed.
"""

import itertools
import queue
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from tts_lib.answers.cost import Cost
from tts_lib.answers.protocols import Policy, Verifier
from tts_lib.answers.scheduler import Outcome, Scheduler, Search
from tts_lib.commands.serving.limits import Stopped
from tts_lib.common.errors import one_line


class GoneError(Exception):
    """The client has left: nothing is done for it any more."""


class EngineError(Exception):
    """An engine failed: the requests that it was serving have no answer, those after them may."""


@dataclass(eq=False)
class Job:
    """A request under way: what it may spend, and whether anybody still waits for it."""

    seconds: float
    tokens: int  # read and written by policy and verifier
    begun: float = field(default_factory=time.monotonic)
    gone: threading.Event = field(default_factory=threading.Event)
    before: int = 0  # tokens of its earlier searches

    def end(self, spent: Cost) -> Exception | None:
        """Why a search of it ends now."""
        if self.gone.is_set():
            return GoneError()
        if time.monotonic() - self.begun > self.seconds:
            return Stopped("seconds")
        return Stopped("tokens") if self.before + n_tokens(spent) > self.tokens else None


@dataclass(eq=False)
class _Entry:
    role: str
    search: Search[Any]
    job: Job
    future: "Future[Outcome[Any]]" = field(default_factory=Future)


class Live:
    """The engines at work. Use it in a `with` statement, which ends its thread."""

    def __init__(self, engines: Mapping[str, tuple[Policy, Verifier]]) -> None:
        self._schedulers = {role: Scheduler(*pair) for role, pair in engines.items()}
        self._entries: dict[int, _Entry] = {}
        self._waiting: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._numbers = itertools.count()
        self._thread = threading.Thread(target=self._work, name="engines", daemon=True)

    def __enter__(self) -> "Live":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._waiting.put(None)
        self._thread.join()

    def run(self, role: str, search: Search[Any], job: Job) -> Outcome[Any]:
        """Run a search on the models of a role, together with whatever else is there; waits for its outcome.

        Raises:
            GoneError: the job's client has left.
            EngineError: an engine failed.
        """
        self._waiting.put(entry := _Entry(role, search, job))
        outcome = entry.future.result()
        if isinstance(outcome.error, GoneError):
            raise outcome.error
        job.before += n_tokens(outcome.cost)
        return outcome

    def _work(self) -> None:
        while self._admit():
            for role, scheduler in self._schedulers.items():
                for number, spent in scheduler.spent.items():
                    if (reason := self._entries[number].job.end(spent)) is not None:  # pyright: ignore
                        scheduler.stop(number, reason)
                if not scheduler.spent:
                    continue
                try:
                    ended = scheduler.step()
                except Exception as error:  # the server goes on
                    self._fail(role, error)
                    continue
                for number, outcome in ended.items():
                    self._entries.pop(number).future.set_result(outcome)  # pyright: ignore
        for entry in self._entries.values():
            entry.future.set_exception(GoneError())

    def _admit(self) -> bool:
        """Let those that wait join; waits itself where nothing else is to be done. False at the end."""
        while True:
            try:
                entry = self._waiting.get(block=not self._entries)
            except queue.Empty:
                return True
            if entry is None:
                return False
            self._entries[number := next(self._numbers)] = entry
            self._schedulers[entry.role].admit(number, entry.search)
            if self._waiting.empty():
                return True

    def _fail(self, role: str, error: Exception) -> None:
        """Tell all whom the engines of a role were serving."""
        words = f"the engine failed ({type(error).__name__}: {one_line(error)[:200]})"
        for number in [number for number, entry in self._entries.items() if entry.role == role]:
            self._entries.pop(number).future.set_exception(EngineError(words))


def n_tokens(cost: Cost) -> int:
    """All tokens read and written."""
    read = cost.policy_prefill_tokens + cost.verifier_prefill_tokens + cost.verifier_tokens
    return read + cost.policy_decode_tokens
