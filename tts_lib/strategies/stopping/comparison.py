"""Stopping rules beside a uniform budget that is as large in the mean, on questions that no rule was fitted on.

A rule that stops early, or spends unevenly, is never compared at its cap: where it spends m samples a question in the
mean, a uniform budget of m has what lies between the nearest two, linear in log m. The rules are held as they were
fitted; intervals are over the test questions alone, and the mean budget moves with them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from tts_lib.common.budgets import doublings
from tts_lib.estimators.flops import Sizes
from tts_lib.estimators.intervals import Interval, normal_interval, of_shares
from tts_lib.strategies.stopping.fitting import PRICES, fit_bellman, fit_budgets, too_few
from tts_lib.strategies.stopping.rules import CONFIDENCE, SHARE, WINDOW, Beta, Share, Window
from tts_lib.strategies.stopping.walks import (
    Ballots,
    Rule,
    States,
    Stopped,
    ladder,
    orders,
    states,
)

WITH_PRIOR = ("table", "bellman_prior")  # policies that read what is known of a question beforehand
Row = dict[str, str | float]


@dataclass(frozen=True, eq=False)
class Tokens:
    """What each question costs: tokens of its prompt, of one sample, of what is known beforehand."""

    prompt: Float[np.ndarray, " problem"]
    sample: Float[np.ndarray, " problem"]
    prior: Float[np.ndarray, " problem"]


@dataclass(frozen=True, eq=False)
class Side:
    """Questions with their walks, and what is seen there: at uniform budgets, and where fitted rules look."""

    ballots: Ballots
    order: Int[np.ndarray, "problem walk sample"]
    uniform: States
    seen: States

    @classmethod
    def of(cls, ballots: Ballots, n_walks: int, rng: np.random.Generator) -> "Side":
        order = orders(ballots, n_walks, rng)
        uniform = states(ballots, order, ladder(ballots.cap))
        return cls(ballots, order, uniform, uniform.at(doublings(ballots.cap)))


@dataclass(frozen=True, eq=False)
class Attained:
    """What a rule comes to on each question, the mean over its walks."""

    accuracy: Float[np.ndarray, " problem"]
    n: Float[np.ndarray, " problem"]
    rounds: Float[np.ndarray, " problem"]

    @classmethod
    def of(cls, stopped: Stopped) -> "Attained":
        return cls(*(values.mean(axis=1) for values in (stopped.right, stopped.n, stopped.rounds)))

    @classmethod
    def ahead(cls, seen: States, n: Int[np.ndarray, " problem"]) -> "Attained":
        """Budgets that are known before the first sample, each one of the points."""
        places = np.searchsorted(seen.n, n)
        return cls(seen.curve[np.arange(len(n)), places], n.astype(np.float64), np.ones(len(n)))


@dataclass(frozen=True)
class Family:
    """Rules that differ in one setting, which moves their mean budget."""

    policy: str
    rules: Mapping[float, Rule]  # by setting


def families(fit: States, n_bins: int) -> list[Family]:
    """The rules to compare; fitted ones only where there are enough questions.

    `table` and `bellman_prior` go by what is known of a question beforehand, where anything is.
    """
    caps = fit.n[1:]
    found = [
        Family("beta", {cap: Beta(CONFIDENCE, cap) for cap in caps}),
        Family("window", {cap: Window(WINDOW, cap) for cap in caps if cap > WINDOW}),
        Family("share", {cap: Share(SHARE, cap) for cap in caps}),
    ]
    found = [family for family in found if family.rules]  # a window is longer than the smallest pools
    if too_few(fit.right.shape[1]):
        return found
    found.append(Family("bellman", {rule.price: rule for rule in fit_bellman(replace(fit, prior=None), PRICES)}))
    if fit.prior is not None:
        found.append(Family("bellman_prior", {rule.price: rule for rule in fit_bellman(fit, PRICES)}))
        found.append(Family("table", dict(zip(PRICES, fit_budgets(fit, PRICES, n_bins), strict=True))))
    return found


@dataclass(frozen=True, eq=False)
class Spending:
    """Accuracy against cost as one setting moves, question by question; the mean cost rises with the point."""

    accuracy: Float[np.ndarray, "problem point"]
    cost: Float[np.ndarray, "problem point"]
    weights: Float[np.ndarray, "resample problem"]

    @classmethod
    def along(cls, steps: Sequence[Attained], weights: Float[np.ndarray, "resample problem"]) -> "Spending":
        """Samples as the cost of each step."""
        accuracy, cost = (np.stack([getattr(each, of) for each in steps], axis=1) for of in ("accuracy", "n"))
        return cls(accuracy, cost, weights)

    def at(self, cost: Float[np.ndarray, " problem"]) -> Float[np.ndarray, " resample"]:
        """Mean accuracy at the mean of `cost`, in each resample; that of an end beyond it."""
        wanted, (costs, accuracy) = np.log(self.weights @ cost), self._means
        right = np.clip((costs <= wanted[:, None]).sum(axis=1), 1, costs.shape[1] - 1)[:, None]
        (x0, y0), (x1, y1) = (
            [np.take_along_axis(values, place, axis=1)[:, 0] for values in (costs, accuracy)]
            for place in (right - 1, right)
        )
        share = np.divide(wanted - x0, x1 - x0, out=np.ones(len(wanted)), where=x1 > x0)
        return y0 + np.clip(share, 0, 1) * (y1 - y0)

    @cached_property
    def _means(self) -> tuple[Float[np.ndarray, "resample point"], Float[np.ndarray, "resample point"]]:
        """Log of the cost, and accuracy."""
        return np.log(self.weights @ self.cost), self.weights @ self.accuracy


@dataclass(frozen=True, eq=False)
class Comparison:
    """One vote's rules on validation and on test questions.

    Attributes:
        vote: majority or weighted.
        tokens: of the test questions.
        weights: of a bootstrap over the test questions.
    """

    vote: str
    fit: Side
    test: Side
    tokens: Tokens
    sizes: Sizes
    weights: Float[np.ndarray, "resample problem"]

    def __post_init__(self) -> None:
        if (fit := self.fit.ballots.cap) != (test := self.test.ballots.cap):
            raise ValueError(f"walks have up to {fit} samples on one side and {test} on the other: give both one cap")

    @cached_property
    def uniform(self) -> tuple[Attained, ...]:
        """The same number of samples for every question."""
        n_problems, known = len(self.test.order), self.test.uniform
        return tuple(Attained.ahead(known, np.full(n_problems, n)) for n in known.n)

    @cached_property
    def drawn(self) -> Float[np.ndarray, "resample problem"]:
        """All questions alike, and then the resamples."""
        n = self.weights.shape[1]
        return np.concatenate([np.full((1, n), 1 / n), self.weights])

    @cached_property
    def spending(self) -> Spending:
        """Of the uniform budget, in samples."""
        return Spending.along(self.uniform, self.drawn)

    @cached_property
    def spending_flops(self) -> Spending:
        """The same in FLOPs."""
        flops = np.stack([self.flops(each) for each in self.uniform], axis=1)
        return Spending(self.spending.accuracy, flops, self.drawn)

    def flops(self, one: Attained, with_prior: bool = False) -> Float[np.ndarray, " problem"]:
        """Each round reads the prompt again; a weighted vote's verifier reads all that the policy read or wrote."""
        read = one.rounds * self.tokens.prompt + one.n * self.tokens.sample
        return self.sizes.flops(read + with_prior * self.tokens.prior, read, self.vote == "weighted")

    def row(self, family: str, setting: float, one: Attained) -> Row:
        """What a rule attains, and its gain over a uniform budget of equal mean samples and of equal mean FLOPs."""
        flops, accuracy = self.flops(one, family in WITH_PRIOR), self.drawn @ one.accuracy
        row: Row = {"vote": self.vote, "policy": family, "setting": setting, "mean_budget": float(one.n.mean())}
        row |= share("accuracy", "", one.accuracy, accuracy)
        row |= interval("gain", "gain_", accuracy - self.spending.at(one.n))
        row |= interval("gain_flops", "gain_flops_", accuracy - self.spending_flops.at(flops))
        return row | {"rounds": float(one.rounds.mean()), "flops": float(flops.mean())}


def interval(name: str, prefix: str, drawn: Float[np.ndarray, " resample"]) -> Row:
    """An estimate with its interval, from its values with all questions alike and then in the resamples."""
    return _row(name, prefix, _normal(drawn))


def share(name: str, prefix: str, values: Float[np.ndarray, " question"], drawn: Float[np.ndarray, " resample"]) -> Row:
    """As `interval`, of a mean share of the questions: within 0..1, and of some width also where all are alike."""
    return _row(name, prefix, of_shares(_normal(drawn), values))


def _normal(drawn: Float[np.ndarray, " resample"]) -> Interval:
    return normal_interval(float(drawn[0]), float(drawn[1:].std(ddof=1)))


def _row(name: str, prefix: str, found: Interval) -> Row:
    return {name: found.estimate, f"{prefix}low": found.low, f"{prefix}high": found.high}
