"""Groups of questions (all, a difficulty bin, easy/medium/hard) and means over them with their intervals.

Groups are taken as given: the intervals resample the questions inside a group and do not redraw its borders. Choices
are made anew in each resample.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from tts_lib.estimators import intervals
from tts_lib.estimators.intervals import Interval
from tts_lib.estimators.per_question import PerQuestion
from tts_lib.strategies.bins import Bins

ALL = "all"
Row = dict[str, str | int | float | bool]


@dataclass(frozen=True, eq=False)
class Group:
    """Some of the questions, and the bootstrap weights among them."""

    binning: str  # the difficulty they are grouped by
    frozen: bool  # by edges from the validation questions
    label: str
    members: Bool[np.ndarray, " problem"]
    weights: Float[np.ndarray, "resample problem"]  # of all questions

    @property
    def columns(self) -> Row:
        return {"binning": self.binning, "frozen": self.frozen, "bin": self.label, "n_questions": self.n_questions}

    @property
    def n_questions(self) -> int:
        return int(self.members.sum())

    @cached_property
    def shares(self) -> Float[np.ndarray, "resample member"]:
        """The weights of the members as shares of them, in the resamples that have one."""
        drawn = self.weights.T[self.members].T
        drawn = drawn[drawn.any(axis=1)]
        return drawn / drawn.sum(axis=1, keepdims=True)

    def replicates(self, attained: PerQuestion) -> Float[np.ndarray, "replicate ..."]:
        """The members' mean in each resample that has one of them."""
        return attained.replicates(self.weights, self.members)

    def mean(self, attained: PerQuestion, name: str = "accuracy", prefix: str = "") -> Row:
        """Mean of the members' values with its interval (of one question only the value itself)."""
        return self.means(attained.as_column(), name, prefix)[0]

    def means(self, attained: PerQuestion, name: str = "accuracy", prefix: str = "") -> list[Row]:
        """As `mean`, of each column of shares."""
        values = np.asfortranarray(attained.each[self.members])
        means = values.mean(axis=0).tolist()
        if len(values) < 2:
            found = [Interval(mean, math.nan, math.nan, 0.95) for mean in means]
        elif not attained.chosen:
            found = intervals.mean_intervals(values, self.shares)
        else:
            found = [intervals.normal_interval(*one) for one in zip(means, self._spreads(attained), strict=True)]
        if len(values) > 1:
            found = [intervals.of_shares(*one) for one in zip(found, values.T, strict=True)]
        return [_row(interval, name, prefix) for interval in found]

    def difference(self, a: PerQuestion, b: PerQuestion, name: str = "difference", prefix: str = "") -> Row:
        """Mean of a - b with its paired interval, and the questions that would settle it (NaN: no number would)."""
        return self.differences(a.as_column() - b.as_column(), name, prefix)[0]

    def differences(self, paired: PerQuestion, name: str = "difference", prefix: str = "") -> list[Row]:
        """As `difference`, of each column of paired values."""
        values = np.asfortranarray(paired.each[self.members])
        if len(values) < 2:
            return [row | {"questions_needed": math.nan} for row in self.means(paired, name, prefix)]
        if not paired.chosen:
            found = [intervals.difference_interval(column) for column in values.T]
            deviations = values.std(axis=0, ddof=1).tolist()
        else:
            spreads = self._spreads(paired)
            found = [intervals.normal_interval(*one) for one in zip(values.mean(axis=0).tolist(), spreads, strict=True)]
            deviations = [spread * math.sqrt(len(values)) for spread in spreads]
        needed = [intervals.questions_for(abs(i.estimate), d) for i, d in zip(found, deviations, strict=True)]
        return [
            _row(interval, name, prefix) | {"questions_needed": n if math.isfinite(n) else math.nan}
            for interval, n in zip(found, needed, strict=True)
        ]

    def _spreads(self, attained: PerQuestion) -> list[float]:
        """Standard deviation of each column's replicates."""
        return np.asfortranarray(self.replicates(attained)).std(axis=0, ddof=1).tolist()


def _row(interval: Interval, name: str, prefix: str) -> Row:
    return {name: interval.estimate, f"{prefix}low": interval.low, f"{prefix}high": interval.high}


def everyone(weights: Float[np.ndarray, "resample problem"]) -> Group:
    """All questions."""
    return Group(ALL, False, ALL, np.ones(weights.shape[1], dtype=bool), weights)


def groups_of(bins: Bins, weights: Float[np.ndarray, "resample problem"]) -> list[Group]:
    """One group for each bin that has questions, in the order of its labels."""
    found: list[Group] = []
    for number, label in bins.labels.items():
        members = bins.of_problem == number
        if members.any():
            found.append(Group(bins.binning, bins.frozen, label, members, weights))
    return found
