"""Runs the searches of many questions together: one engine call a round for all of them.

A search is a generator for one question. It yields `AskSamples` or `AskScores`, is sent the results in the order of
its requests, and returns what it found. The scheduler knows nothing about methods. In each round it gathers what all
live searches ask and makes one policy call for each distinct sampling setting (greedy rollouts need their own).
Scoring waits until no live search asks for samples; then one verifier call serves them all. Searches that skip a
sampling phase thus fall back into step with the others at the next scoring. No result depends on which searches run
together, as every sample owns its seed.
"""

import logging
from collections.abc import Generator, Hashable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, TypeAlias, TypeVar

from tts_lib.answers.cost import Cost, sampling_cost, scoring_cost
from tts_lib.answers.protocols import Policy, SampleRequest, Sampling, ScoreRequest, Verifier
from tts_lib.common.errors import StudyError

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AskSamples:
    """Wants samples; is answered with list[Samples], one for each request.

    Attributes:
        generations: solution attempts that begin here; 0 when the requests continue attempts already counted.
    """

    requests: list[SampleRequest]
    sampling: Sampling
    generations: int = 0


@dataclass(frozen=True)
class AskScores:
    """Wants step scores; is answered with list[list[array]], [request][continuation] -> float32 (step,)."""

    requests: list[ScoreRequest]


Search: TypeAlias = Generator[AskSamples | AskScores, Any, T]


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """How one search ended: with a result, or with the error that stopped it; the cost was spent either way."""

    result: T | None
    cost: Cost
    error: Exception | None = None

    def found(self, search: str) -> T:
        """The result of what `search` calls by name.

        Raises:
            StudyError: there is none; says which search failed, and why.
        """
        if self.result is None:
            raise StudyError(f"{search} failed: {self.error}")
        return self.result


@dataclass
class _Live(Generic[T]):
    """A search under way: what it asks for now (None once it has ended) and what it has spent."""

    key: Hashable
    search: Search[T]
    ask: AskSamples | AskScores | None = None
    cost: Cost = field(default_factory=Cost)
    outcome: Outcome[T] | None = None

    def advance(self, results: list | None, stop: Exception | None = None) -> None:
        """Send the results of the last ask (None to start), or raise `stop` there; take the next ask or the outcome."""
        self.ask = None
        try:
            ask = self.search.send(results) if stop is None else self.search.throw(stop)
            if not isinstance(ask, AskSamples | AskScores):
                raise TypeError(f"a search must ask with AskSamples or AskScores, not {type(ask).__name__}")
            self.ask = ask
        except StopIteration as stop:
            self.outcome = Outcome(stop.value, self.cost)
        except Exception as error:  # one question's failure is its own outcome: the others go on
            if error is not stop:
                logger.exception("search %r failed after %d rounds", self.key, self.cost.rounds)
            self.outcome = Outcome(None, self.cost, error)


class Scheduler:
    """Runs searches on a policy and a verifier, and counts its calls of them.

    Attributes:
        n_samplings, n_scorings: calls so far of the policy and of the verifier.
    """

    def __init__(self, policy: Policy, verifier: Verifier | None = None) -> None:
        """Serve searches from these; those that ask for no scores need no verifier."""
        self.n_samplings = self.n_scorings = 0
        self._policy, self._verifier = policy, verifier
        self._admitted: dict[Hashable, _Live[Any]] = {}

    def run(self, searches: Mapping[K, Search[T]]) -> dict[K, Outcome[T]]:
        """Run all searches to their ends and return the outcome of each, under its key and in the order given.

        Args:
            searches: fresh generators, by question id or by (question id, budget, ...): different methods and budgets
                may share one run, and its engine calls.

        Raises:
            RuntimeError: an engine returned another number of results than it got requests, or a search asks for
                scores where there is no verifier.
            Exception: whatever an engine raises. An error inside a search is logged and stands in its outcome instead.
        """
        lives = {key: _Live(key, search) for key, search in searches.items()}
        for live in lives.values():
            live.advance(None)
        while waiting := [live for live in lives.values() if live.ask is not None]:
            if not self._serve_samples(waiting):
                self._serve_scores(waiting)
        return {key: live.outcome for key, live in lives.items() if live.outcome is not None}

    def admit(self, key: Hashable, search: Search[Any]) -> None:
        """Let a search join at the next step; for searches that come and go, where `run` is for those known at once."""
        self._admitted[key] = live = _Live(key, search)
        live.advance(None)

    def stop(self, key: Hashable, reason: Exception) -> None:
        """End an admitted search: `reason` is raised where it waits, so that it may still return what it has."""
        self._admitted[key].advance(None, reason)

    @property
    def spent(self) -> dict[Hashable, Cost]:
        """What each admitted search has cost so far."""
        return {key: live.cost for key, live in self._admitted.items()}

    def step(self) -> dict[Hashable, Outcome[Any]]:
        """One round of every admitted search, and the outcomes of those that ended.

        Samples first, then scores: unlike in `run`, no search waits until others need no more samples, since others may
        always come.

        Raises:
            Exception: whatever an engine raises; then no search goes on, as it is not known which one broke it.
        """
        try:
            self._serve_samples([live for live in self._admitted.values() if live.ask is not None])
            if scored := [live for live in self._admitted.values() if isinstance(live.ask, AskScores)]:
                self._serve_scores(scored)
        except Exception:
            self._admitted.clear()
            raise
        ended = {key: live.outcome for key, live in self._admitted.items() if live.outcome is not None}
        for key in ended:
            del self._admitted[key]
        return ended

    def _serve_samples(self, waiting: list[_Live[T]]) -> bool:
        """Answer all who ask for samples, in one call for each sampling setting; False if nobody does."""
        askers: dict[Sampling, list[tuple[_Live[T], AskSamples]]] = {}
        for live in waiting:
            if isinstance(live.ask, AskSamples):
                askers.setdefault(live.ask.sampling, []).append((live, live.ask))
        for sampling, asking in askers.items():
            requests = [request for _, ask in asking for request in ask.requests]
            self.n_samplings += 1
            results = iter(_checked(self._policy.sample(requests, sampling), len(requests), "policy"))
            for live, ask in asking:
                part = list(islice(results, len(ask.requests)))
                live.cost += sampling_cost(ask.requests, part, ask.generations)
                live.advance(part)
        return bool(askers)

    def _serve_scores(self, waiting: list[_Live[T]]) -> None:
        """Answer all who wait, now that they all ask for scores, in one call."""
        asking = [(live, live.ask) for live in waiting if isinstance(live.ask, AskScores)]
        requests = [request for _, ask in asking for request in ask.requests]
        if self._verifier is None:
            raise RuntimeError("a search asks for scores, but there is no verifier")
        self.n_scorings += 1
        results = iter(_checked(self._verifier.score(requests), len(requests), "verifier"))
        for live, ask in asking:
            live.cost += scoring_cost(ask.requests)
            live.advance(list(islice(results, len(ask.requests))))


def _checked(results: list, n_requests: int, engine: str) -> list:
    if len(results) != n_requests:
        raise RuntimeError(f"the {engine} returned {len(results)} results for {n_requests} requests")
    return results
