"""Pools read sample by sample, in random orders, and where a rule stops.

A walk is one order of a question's samples. A rule sees what has been read and nothing else: it says how many samples
it wants in all, and stops where that is no more than there are. So what is replayed here can be served as it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from tts_lib.answers.grid import SampleGrid
from tts_lib.common.budgets import doublings

Key = TypeVar("Key")
LEAST_VOTE = 1e-12  # of a sample that the verifier gives 0
WALKS_AT_ONCE = 4096  # of which one number each takes 32 KiB


@dataclass(frozen=True, eq=False)
class Ballots:
    """The samples of each question as votes.

    Attributes:
        answers: answers of a question as 0, 1, ...; -1 = none, which votes for nothing.
        right: whether each answer is right.
        weights: of each sample's vote, >= 0.
        scores: of each sample by a verifier; None where the vote has none.
        prior: what is known of each question beforehand, high = easy; None where nothing is.
        cap: samples that a walk can have at most.
    """

    answers: Int[np.ndarray, "problem sample"]
    right: Bool[np.ndarray, "problem answer"]
    weights: Float[np.ndarray, "problem sample"]
    scores: Float[np.ndarray, "problem sample"] | None
    prior: Float[np.ndarray, " problem"] | None
    n_samples: Int[np.ndarray, " problem"]
    cap: int

    @classmethod
    def of(
        cls,
        pool: SampleGrid,
        scores: np.ndarray | None = None,
        prior: np.ndarray | None = None,
        most: int | None = None,
    ) -> "Ballots":
        """Votes of one each, or weighted with a verifier's scores; the largest power of two all questions hold.

        Args:
            most: samples that all questions hold which rules are to be compared on, these and others.
        """
        answers = np.full(pool.answers.shape, -1)
        found: list[np.ndarray] = []
        for row, (given, n) in enumerate(zip(pool.answers, pool.n_samples.tolist(), strict=True)):
            names, classes = np.unique(given[:n], return_inverse=True)
            answers[row, :n] = np.where(given[:n] < 0, -1, classes - int(names[0] < 0))
            voting = answers[row, :n] >= 0
            hits = np.bincount(answers[row, :n][voting], pool.correct[row, :n][voting], minlength=1)
            found.append(hits > 0)
        right = np.zeros((len(found), max(map(len, found))), bool)
        for row, hits in enumerate(found):
            right[row, : len(hits)] = hits
        weights = np.ones(answers.shape) if scores is None else np.maximum(scores, LEAST_VOTE).astype(np.float64)
        return cls(answers, right, weights, scores, prior, pool.n_samples, doublings(most or pool.smallest)[-1])

    def among(self, problems: slice) -> "Ballots":
        """These questions alone."""
        there = {"answers": self.answers, "right": self.right, "weights": self.weights, "scores": self.scores}
        there |= {"prior": self.prior, "n_samples": self.n_samples}
        return replace(self, **{name: None if of is None else of[problems] for name, of in there.items()})

    def part(self, first: int, last: int) -> "Ballots":
        """The samples from `first` to before `last` of each question alone."""
        there = slice(first, last)
        scores = None if self.scores is None else self.scores[:, there]
        n_samples = np.full(len(self.answers), last - first)
        votes = {"answers": self.answers[:, there], "weights": self.weights[:, there], "scores": scores}
        return replace(self, **votes, n_samples=n_samples, cap=doublings(last - first)[-1])


class Seen:
    """What has been read of each walk, and no more.

    Attributes:
        n: samples read.
        lead: the answer with the largest sum, of equal ones the first to reach it; -1 = none yet.
        top, second: the two largest sums of votes; second is 0 where there is one answer.
        total: of all votes.
        run: equal answers at the end.
        score: mean score of the samples; 0 without a verifier.
        prior: of the walk's question; 0 where nothing is known.
    """

    def __init__(self, n_walks: int, n_answers: int, prior: Float[np.ndarray, " walk"]):
        self.n, self.prior = 0, prior
        self.lead, self._last = np.full(n_walks, -1), np.full(n_walks, -1)
        self.run = np.zeros(n_walks, np.int64)
        self.top, self.second, self.total, self._scores = np.zeros((4, n_walks))
        self._sums = np.zeros(n_walks * n_answers)
        self._rows = np.arange(n_walks) * n_answers

    @property
    def score(self) -> Float[np.ndarray, " walk"]:
        return self._scores / max(self.n, 1)

    @property
    def share(self) -> Float[np.ndarray, " walk"]:
        """Of the leading answer among all votes; 0 before the first."""
        return np.divide(self.top, self.total, out=np.zeros(len(self.top)), where=self.total > 0)

    def read(
        self,
        answers: Int[np.ndarray, " walk"],
        weights: Float[np.ndarray, " walk"],
        scores: Float[np.ndarray, " walk"] | None,
    ) -> None:
        """One more sample of each walk."""
        votes = np.where(answers >= 0, weights, 0.0)
        cells = self._rows + np.maximum(answers, 0)
        reached = self._sums[cells] + votes
        self._sums[cells] = reached
        leads, passes = (answers == self.lead) | (answers < 0), reached > self.top
        self.second = np.where(leads, self.second, np.where(passes, self.top, np.maximum(self.second, reached)))
        self.top = np.where(passes, reached, self.top)
        self.lead = np.where(passes, answers, self.lead)
        self.total = self.total + votes
        self.run = np.where((answers == self._last) & (answers >= 0), self.run + 1, (answers >= 0).astype(np.int64))
        self._last = answers
        if scores is not None:
            self._scores = self._scores + scores
        self.n += 1


@runtime_checkable
class Rule(Protocol):
    """When to stop: a pure function of what has been read."""

    def wants(self, seen: Seen) -> Int[np.ndarray, " walk"]:
        """Samples each walk is to have in all, as many as have been read to stop; asked first before the first one."""
        ...


@dataclass(frozen=True, eq=False)
class Stopped:
    """Where a rule stopped."""

    n: Int[np.ndarray, "problem walk"]  # samples
    right: Bool[np.ndarray, "problem walk"]  # whether the leading answer was right
    rounds: Int[np.ndarray, "problem walk"]  # requests for samples, one after another

    def among(self, problems: slice) -> "Stopped":
        """These questions alone, as views."""
        return Stopped(self.n[problems], self.right[problems], self.rounds[problems])


@dataclass(frozen=True, eq=False)
class States:
    """What is seen of every walk at some numbers of samples, whatever rule is followed."""

    n: tuple[int, ...]  # ascending
    share: Float[np.ndarray, "point problem walk"]
    score: Float[np.ndarray, "point problem walk"]
    right: Bool[np.ndarray, "point problem walk"]
    prior: Float[np.ndarray, " problem"] | None

    @property
    def curve(self) -> Float[np.ndarray, "problem point"]:
        """Accuracy of each question when all its walks stop there."""
        return self.right.mean(axis=2).T

    def at(self, n: Sequence[int]) -> "States":
        """These numbers of samples alone."""
        rows = [self.n.index(point) for point in n]
        return States(tuple(n), self.share[rows], self.score[rows], self.right[rows], self.prior)

    def of(self, problems: np.ndarray) -> "States":
        """These questions alone."""
        prior = None if self.prior is None else self.prior[problems]
        return States(self.n, self.share[:, problems], self.score[:, problems], self.right[:, problems], prior)


def orders(ballots: Ballots, n_walks: int, rng: np.random.Generator) -> Int[np.ndarray, "problem walk sample"]:
    """Random orders of each question's samples, the first `cap` of each."""
    keys = rng.random((len(ballots.answers), n_walks, ballots.answers.shape[1]), dtype=np.float32)
    keys[np.broadcast_to((np.arange(keys.shape[2]) >= ballots.n_samples[:, None])[:, None], keys.shape)] = 2
    return np.argsort(keys, axis=2)[..., : ballots.cap].astype(np.int16 if keys.shape[2] < 2**15 else np.int64)


def replay(
    rules: Mapping[Key, Rule], ballots: Ballots, order: Int[np.ndarray, "problem walk sample"]
) -> dict[Key, Stopped]:
    """Where each rule stops on each walk, and whether the answer that leads there is right."""
    shape = order.shape[:2]
    found = {name: Stopped(np.zeros(shape, int), np.zeros(shape, bool), np.zeros(shape, int)) for name in rules}
    for problems in _blocks(shape):
        _replay(
            rules, ballots.among(problems), order[problems], {name: one.among(problems) for name, one in found.items()}
        )
    return found


def _replay(
    rules: Mapping[Key, Rule],
    ballots: Ballots,
    order: Int[np.ndarray, "problem walk sample"],
    found: Mapping[Key, Stopped],
) -> None:
    """As `replay`, into `found`."""
    never = ballots.cap + 1
    wanted = {name: np.zeros(order.shape[0] * order.shape[1], np.int64) for name in rules}
    looks = dict.fromkeys(rules, 0)  # when each is asked next
    for seen, is_right in _steps(ballots, order):
        for name, rule in rules.items():
            if looks[name] != seen.n:
                continue
            n, right, rounds = (of.reshape(-1) for of in vars(found[name]).values())
            asked, more = wanted[name] == seen.n, np.minimum(rule.wants(seen), ballots.cap)
            stops = asked & (more <= seen.n)
            rounds += asked ^ stops
            np.copyto(wanted[name], more, where=asked)
            done = np.flatnonzero(stops)
            n[done], right[done], wanted[name][done] = seen.n, is_right[done], never
            looks[name] = int(wanted[name].min())


def states(ballots: Ballots, order: Int[np.ndarray, "problem walk sample"], points: Sequence[int]) -> States:
    """What is seen of every walk at these numbers of samples, ascending."""
    shape = (len(points), *order.shape[:2])
    found = States(tuple(points), np.zeros(shape), np.zeros(shape), np.zeros(shape, bool), ballots.prior)
    for problems in _blocks(order.shape[:2]):
        for seen, is_right in _steps(ballots.among(problems), order[problems]):
            if seen.n in found.n:
                place = found.n.index(seen.n), problems
                for of, values in ((found.share, seen.share), (found.score, seen.score), (found.right, is_right)):
                    of[place] = values.reshape(-1, shape[2])
    return found


def _blocks(shape: tuple[int, int]) -> list[slice]:
    """Some questions at a time, so that what is known of their walks stays near the processor."""
    size = max(1, WALKS_AT_ONCE // shape[1])
    return [slice(first, first + size) for first in range(0, shape[0], size)]


def ladder(cap: int) -> tuple[int, ...]:
    """Every number up to 8, and from there two to each doubling: majority of 2 is no better than of 1, that of 3 is."""
    return tuple(
        sorted(
            {n for point in doublings(cap) for n in (point, point * 3 // 2) if n <= cap} | {*range(1, 1 + min(cap, 8))}
        )
    )


def _steps(
    ballots: Ballots, order: Int[np.ndarray, "problem walk sample"]
) -> Iterator[tuple[Seen, Bool[np.ndarray, " walk"]]]:
    """All walks before their first sample and after each; and whether the leading answers are right."""
    (n_problems, n_walks), (n_samples, n_answers) = order.shape[:2], (ballots.answers.shape[1], ballots.right.shape[1])
    problem = np.repeat(np.arange(n_problems), n_walks)
    prior = np.zeros(n_problems) if ballots.prior is None else ballots.prior
    seen = Seen(len(problem), n_answers, prior[problem])
    yield seen, np.zeros(len(problem), bool)
    by_place = np.ascontiguousarray(np.moveaxis(order, 2, 0)).reshape(order.shape[2], -1)
    for sample in by_place[: ballots.cap]:
        cells = problem * n_samples + sample
        scores = None if ballots.scores is None else ballots.scores.take(cells)
        seen.read(ballots.answers.take(cells), ballots.weights.take(cells), scores)
        yield seen, ballots.right.take(problem * n_answers + np.maximum(seen.lead, 0)) & (seen.lead >= 0)
