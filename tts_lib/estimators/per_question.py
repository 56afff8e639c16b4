"""What each question attains, and its mean in resamples of the questions, in which a choice is made anew."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

Kept = dict[tuple[int, bytes], tuple[np.ndarray, "Sums"]]


@dataclass(frozen=True, eq=False)
class Sums:
    """What some questions attain in each resample, weighted; and the sums of their weights."""

    attained: Float[np.ndarray, "resample budget"]
    weight: Float[np.ndarray, " resample"]


@dataclass(frozen=True, eq=False)
class Remade:
    """A choice among strategies made anew in each resample of the questions: what is taken where.

    What that attains on each question in each resample is not laid out. Only sums over questions are ever asked for,
    and a cell, the questions of a bin and a half, is given one strategy.

    Attributes:
        accuracy: of each strategy on each question; NaN where it is not known.
        cells: that the questions lie in, counted from 0; for each of several splits, whose mean is meant.
        taken: the strategy that a cell is given.
    """

    accuracy: Float[np.ndarray, "strategy budget question"]
    cells: Int[np.ndarray, "split question"]
    taken: Int[np.ndarray, "split resample cell budget"]
    _kept: Kept = field(default_factory=Kept, init=False, repr=False)

    @property
    def n_resamples(self) -> int:
        return self.taken.shape[1]

    def sums(self, weights: Float[np.ndarray, "weighted question"], members: Bool[np.ndarray, " question"]) -> Sums:
        """What the members attain; kept, since many tables ask for the same.

        Args:
            weights: of all questions, in each resample and perhaps in further ones.
        """
        key = id(weights), members.tobytes()
        if key not in self._kept:  # beside the weights themselves: as long as they are there, the number is theirs
            self._kept[key] = weights, self._sums(weights[: self.n_resamples], members)
        return self._kept[key][1]

    def _sums(self, weights: np.ndarray, members: np.ndarray) -> Sums:
        n_strategies, n_budgets, n_questions = self.accuracy.shape
        attained, budgets = self.accuracy.reshape(n_strategies * n_budgets, n_questions), np.arange(n_budgets)
        total = np.zeros((len(weights), n_budgets))
        for cells, taken in zip(self.cells, self.taken, strict=True):
            for cell in np.unique(cells[members]):
                there = np.flatnonzero(members & (cells == cell))
                rows = taken[: len(weights), cell].astype(np.int64) * n_budgets + budgets
                used = np.unique(rows)  # few of all there are
                sums = weights.T[there].T @ attained[used[:, None], there].T
                total += np.take_along_axis(sums, np.searchsorted(used, rows), axis=1)
        return Sums(total / len(self.cells), weights @ members)

    def __getstate__(self) -> dict[str, Any]:
        """For another process, in which the weights have other numbers."""
        return self.__dict__ | {"_kept": Kept()}


@dataclass(frozen=True, eq=False)
class Part:
    """A share of a choice that is made anew in each resample, at one budget or at several."""

    share: float
    choice: Remade
    budgets: Any


@dataclass(frozen=True, eq=False)
class PerQuestion:
    """Values on each question, for one thing or for several (budgets).

    A strategy gives a question the same value in every resample. A choice made from the questions does not: the
    strategy that a question is given depends on which questions were drawn, and an interval that holds the choice fixed
    is too narrow (Efron 2014, "Estimation and accuracy after model selection").

    Attributes:
        each: the values, choices made from all questions.
        chosen: what of them is chosen anew in each resample.
        rest: what the others come to; None: there are none, or nothing is chosen.
    """

    each: Float[np.ndarray, "question ..."]
    chosen: tuple[Part, ...] = ()
    rest: Float[np.ndarray, "question ..."] | None = None

    @classmethod
    def of(cls, each: Float[np.ndarray, "question budget"], remade: Remade | None) -> "PerQuestion":
        """A strategy's values, or those of a choice that is made anew in each resample."""
        if remade is None:
            return cls(each)
        return cls(each, (Part(1.0, remade, np.arange(each.shape[1])),))

    @property
    def n_questions(self) -> int:
        return len(self.each)

    def __sub__(self, other: "PerQuestion") -> "PerQuestion":
        """Question by question and resample by resample, so that the two stay paired."""
        return self._plus(1.0, other, -1.0)

    def mixed(self, other: "PerQuestion", share: float) -> "PerQuestion":
        """A share of the other's values and the rest of one's own."""
        return self._plus(1 - share, other, share)

    def _plus(self, own: float, other: "PerQuestion", others: float) -> "PerQuestion":
        each = self.each * own + other.each * others
        shares = ((self, own), (other, others))
        chosen = tuple(replace(part, share=part.share * share) for of, share in shares for part in of.chosen)
        rests = [(of.rest if of.chosen else of.each, share) for of, share in shares] if chosen else []
        rest = [values * share for values, share in rests if values is not None]
        return PerQuestion(each, chosen, np.sum(rest, axis=0) if rest else None)

    def at(self, column: Any) -> "PerQuestion":
        """One column, or several."""
        chosen = tuple(replace(part, budgets=part.budgets[column]) for part in self.chosen)
        return PerQuestion(self.each[:, column], chosen, None if self.rest is None else self.rest[:, column])

    def as_column(self) -> "PerQuestion":
        """One thing's values as those of several that are one."""
        chosen = tuple(replace(part, budgets=np.atleast_1d(part.budgets)) for part in self.chosen)
        return PerQuestion(self.each[:, None], chosen, None if self.rest is None else self.rest[:, None])

    def n_resamples(self, weights: Float[np.ndarray, "resample question"]) -> int:
        """Of these resamples, in the first so many every choice was made."""
        return min([len(weights), *(part.choice.n_resamples for part in self.chosen)])

    def replicates(
        self, weights: Float[np.ndarray, "resample question"], members: Bool[np.ndarray, " question"] | None = None
    ) -> Float[np.ndarray, "replicate ..."]:
        """The mean over questions, or over the members among them, in each resample.

        A choice made in a resample has fewer different questions to learn from and attains less: its replicates are
        moved so that their mean is the estimate.

        Args:
            weights: of all questions. Resamples in which no choice was made, or no member is drawn, are not used.
        """
        members = np.ones(self.n_questions, dtype=bool) if members is None else members
        n, rest = self.n_resamples(weights), self.rest if self.chosen else self.each
        parts = [(part, part.choice.sums(weights, members)) for part in self.chosen]
        weight = parts[0][1].weight[:n] if parts else weights[:n] @ members
        terms = [part.share * found.attained[:n, part.budgets] for part, found in parts]
        if rest is not None:
            terms.append(weights.T[members, :n].T @ rest[members])
        sums, there = np.sum(terms, axis=0), weight > 0
        means = sums[there] / weight[there].reshape(-1, *[1] * (sums.ndim - 1))
        return means if not self.chosen else means + (self.each[members].mean(axis=0) - means.mean(axis=0))
