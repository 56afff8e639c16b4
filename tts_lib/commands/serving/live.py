"""Answers many requests on shared engines: one thread runs them, with a scheduler for each policy and its verifier,
another does what stands between the searches of a request, reading texts and judging above all.

A search joins at the next round. Its answer does not depend on who else is there, since every sample owns its seed.
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
from tts_lib.commands.serving.answering import Asking
from tts_lib.commands.serving.answers import Answer
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
    gone: bool = False
    before: int = 0  # tokens of its earlier searches

    def end(self, spent: Cost) -> Exception | None:
        """Why a search of it ends now."""
        if self.gone:
            return GoneError()
        if time.monotonic() - self.begun > self.seconds:
            return Stopped("seconds")
        return Stopped("tokens") if self.before + n_tokens(spent) > self.tokens else None


@dataclass(eq=False)
class _Request:
    """A request, at the search of it that runs or has run."""

    responding: Asking[Answer]
    job: Job
    future: "Future[Answer]" = field(default_factory=Future)
    role: str = ""
    search: Search[Any] | None = None
    outcome: Outcome[Any] | None = None


class Live:
    """The engines at work. Use it in a `with` statement, which ends its threads."""

    def __init__(self, engines: Mapping[str, tuple[Policy, Verifier]]) -> None:
        self._schedulers = {role: Scheduler(*pair) for role, pair in engines.items()}
        self._running: dict[int, _Request] = {}
        self._to_run: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._to_respond: queue.SimpleQueue[_Request | threading.Event | None] = queue.SimpleQueue()
        self._numbers = itertools.count()
        self._runs = threading.Thread(target=self._run, name="engines", daemon=True)
        self._responds = threading.Thread(target=self._respond, name="responses", daemon=True)

    def __enter__(self) -> "Live":
        self._runs.start()
        self._responds.start()
        return self

    def __exit__(self, *error: object) -> None:
        for waiting, thread in ((self._to_run, self._runs), (self._to_respond, self._responds)):
            waiting.put(None)
            thread.join()
        while not self._to_run.empty():
            if (request := self._to_run.get()) is not None:
                request.future.set_exception(GoneError())

    @property
    def calls(self) -> int:
        """Calls so far of all policies and verifiers."""
        return sum(each.n_samplings + each.n_scorings for each in self._schedulers.values())

    def answer(self, responding: Asking[Answer], job: Job) -> "Future[Answer]":
        """Answer a request (`Choice.respond`) together with whatever else is there.

        The future raises what the request does; `GoneError` once the job's client has left, `EngineError` where an
        engine failed. It cannot be cancelled.
        """
        request = _Request(responding, job)
        request.future.set_running_or_notify_cancel()
        self._to_respond.put(request)
        return request.future

    def _respond(self) -> None:
        """Take each request from the outcome of one search to the next search, or to its end."""
        while (request := self._to_respond.get()) is not None:
            if isinstance(request, threading.Event):
                request.set()
                continue
            try:
                if (outcome := request.outcome) is None:
                    request.role, request.search = next(request.responding)
                elif isinstance(outcome.error, GoneError | EngineError):
                    raise outcome.error
                else:
                    request.job.before += n_tokens(outcome.cost)
                    request.role, request.search = request.responding.send(outcome)
            except StopIteration as end:
                request.future.set_result(end.value)
            except Exception as error:
                request.future.set_exception(error)
            else:
                self._to_run.put(request)

    def _run(self) -> None:
        while self._admit():
            for role, scheduler in self._schedulers.items():
                for number, spent in scheduler.spent.items():
                    if (reason := self._running[number].job.end(spent)) is not None:  # pyright: ignore
                        scheduler.stop(number, reason)
                if not scheduler.spent:
                    continue
                try:
                    ended = scheduler.step()
                except Exception as error:  # the server goes on
                    self._fail(role, error)
                    continue
                for number, outcome in ended.items():
                    self._end(number, outcome)  # pyright: ignore
        for number in list(self._running):
            self._end(number, Outcome(None, Cost(), GoneError()))

    def _admit(self) -> bool:
        """Let those that wait join; waits itself where nothing else is to be done. False at the end."""
        while True:
            if not self._to_respond.empty():  # those between two searches take part in this round: fewer, larger calls
                self._to_respond.put(responded := threading.Event())
                responded.wait()
            try:
                request = self._to_run.get(block=not self._running)
            except queue.Empty:
                return True
            if request is None:
                return False
            assert request.search is not None
            self._running[number := next(self._numbers)] = request
            self._schedulers[request.role].admit(number, request.search)

    def _end(self, number: int, outcome: Outcome[Any]) -> None:
        request = self._running.pop(number)
        request.outcome = outcome
        self._to_respond.put(request)

    def _fail(self, role: str, error: Exception) -> None:
        """Tell all whom the engines of a role were serving."""
        words = f"the engine failed ({type(error).__name__}: {one_line(error)[:200]})"
        for number in [number for number, request in self._running.items() if request.role == role]:
            self._end(number, Outcome(None, Cost(), EngineError(words)))


def n_tokens(cost: Cost) -> int:
    """All tokens read and written."""
    read = cost.policy_prefill_tokens + cost.verifier_prefill_tokens + cost.verifier_tokens
    return read + cost.policy_decode_tokens
