"""What each question attains, and what it attains in each resample of the questions where a choice was made anew."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True, eq=False)
class PerQuestion:
    """Values on each question, for one thing or for several (budgets).

    A strategy gives a question the same value in every resample. A choice made from the questions does not: the
    strategy that a question is given depends on which questions were drawn, and an interval that holds the choice fixed
    is too narrow (Efron 2014, "Estimation and accuracy after model selection").
    """

    each: Float[np.ndarray, "question ..."]
    resampled: Float[np.ndarray, "resample question ..."] | None = None  # None: the same in each

    @property
    def n_questions(self) -> int:
        return len(self.each)

    def __sub__(self, other: "PerQuestion") -> "PerQuestion":
        """Question by question and resample by resample, so that the two stay paired."""
        if self.resampled is None and other.resampled is None:
            return PerQuestion(self.each - other.each)
        a, b = (x.each[None] if x.resampled is None else x.resampled for x in (self, other))
        return PerQuestion(self.each - other.each, a - b)

    def mixed(self, other: "PerQuestion", share: float) -> "PerQuestion":
        """A share of the other's values and the rest of one's own: of two columns of one thing."""
        resampled = None
        if self.resampled is not None and other.resampled is not None:
            resampled = self.resampled * (1 - share) + other.resampled * share
        return PerQuestion(self.each * (1 - share) + other.each * share, resampled)

    def among(self, members: Bool[np.ndarray, " question"]) -> "PerQuestion":
        """These questions alone."""
        return PerQuestion(self.each[members], None if self.resampled is None else self.resampled[:, members])

    def at(self, column: Any) -> "PerQuestion":
        """One column, or several."""
        return PerQuestion(self.each[:, column], None if self.resampled is None else self.resampled[:, :, column])

    def n_resamples(self, weights: Float[np.ndarray, "resample question"]) -> int:
        """Of these resamples, the first so many know this."""
        return len(weights) if self.resampled is None else min(len(weights), len(self.resampled))

    def replicates(self, weights: Float[np.ndarray, "resample question"]) -> Float[np.ndarray, "replicate ..."]:
        """The mean over questions in each resample.

        A choice made in a resample has fewer different questions to learn from and attains less: its replicates are
        moved so that their mean is the estimate.

        Args:
            weights: the first `n_resamples` are used, without those of which no question is here (rows of 0).
        """
        weights = weights[: self.n_resamples(weights)]
        total = weights.sum(axis=1)
        if self.resampled is None:
            sums = np.tensordot(weights, self.each, axes=1)
        else:
            sums = np.einsum("rq,rq...->r...", weights, self.resampled[: len(weights)])
        there = total > 0
        means = sums[there] / total[there].reshape(-1, *[1] * (sums.ndim - 1))
        return means if self.resampled is None else means + (self.each.mean(axis=0) - means.mean(axis=0))
