"""Groups of questions (all, a difficulty bin, easy/medium/hard) and means over them with their intervals.

Groups are taken as given: the intervals resample the questions inside a group and do not redraw its borders.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from tts_lib.estimators import intervals
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
    weights: Float[np.ndarray, "resample member"]  # rows sum to 1; resamples without a member left out

    @property
    def columns(self) -> Row:
        return {"binning": self.binning, "frozen": self.frozen, "bin": self.label, "n_questions": self.n_questions}

    @property
    def n_questions(self) -> int:
        return int(self.members.sum())

    def mean(self, values: Float[np.ndarray, " problem"], name: str = "accuracy", prefix: str = "") -> Row:
        """Mean of the members' values with its interval (BCa; of one question only the value itself)."""
        of_members = values[self.members]
        if len(of_members) < 2:
            value = float(of_members.mean())
            return {name: value, f"{prefix}low": math.nan, f"{prefix}high": math.nan}
        interval = intervals.mean_interval(of_members, self.weights)
        return {name: interval.estimate, f"{prefix}low": interval.low, f"{prefix}high": interval.high}

    def difference(
        self,
        a: Float[np.ndarray, " problem"],
        b: Float[np.ndarray, " problem"],
        name: str = "difference",
        prefix: str = "",
    ) -> Row:
        """Mean of a - b with its paired interval, and the questions that would settle it (NaN: no number would)."""
        row = self.mean(a - b, name, prefix)
        n = intervals.questions_needed((a - b)[self.members]) if self.n_questions > 1 else math.inf
        return row | {"questions_needed": n if math.isfinite(n) else math.nan}


def everyone(weights: Float[np.ndarray, "resample problem"]) -> Group:
    """All questions."""
    return Group(ALL, False, ALL, np.ones(weights.shape[1], dtype=bool), weights)


def groups_of(bins: Bins, weights: Float[np.ndarray, "resample problem"]) -> list[Group]:
    """One group for each bin that has questions, in the order of its labels."""
    found: list[Group] = []
    for number, label in bins.labels.items():
        members = bins.of_problem == number
        if members.any():
            part = weights[:, members]
            part = part[part.sum(axis=1) > 0]
            found.append(Group(bins.binning, bins.frozen, label, members, part / part.sum(axis=1, keepdims=True)))
    return found
