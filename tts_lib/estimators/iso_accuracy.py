"""How much less budget one method needs than another for the same accuracy ("x times cheaper", §5.3, §6.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from tts_lib.estimators.bounded import Bounded, bounded
from tts_lib.estimators.per_question import PerQuestion

Number = int | float


@dataclass(frozen=True)
class IsoAccuracy(Bounded):
    """Budget of B / least budget of A, with its bootstrap interval.

    A ratio is `at_most` where A never reaches B's accuracy (A may need any budget beyond its largest) and `at_least`
    where A's smallest budget already does.
    """

    level: float
    target: float  # B's accuracy at its budget
    share_not_reached: float  # bootstrap replicates in which A never reaches B: censored at_most
    share_below_grid: float  # replicates in which A's smallest budget already does: censored at_least


@dataclass(frozen=True, eq=False)
class MeanCurve:
    """Mean accuracy over the budget, of all questions and in each resample of them."""

    budgets: Sequence[Number]  # ascending
    estimate: Float[np.ndarray, " budget"]
    replicates: Float[np.ndarray, "replicate budget"]

    @classmethod
    def of(
        cls,
        budgets: Sequence[Number],
        attained: PerQuestion,
        weights: Float[np.ndarray, "replicate problem"],
        members: Bool[np.ndarray, " problem"] | None = None,
    ) -> "MeanCurve":
        """Of accuracies per question and budget.

        Args:
            weights: bootstrap weights of the questions (tts_lib.estimators.intervals.bootstrap_weights).
            members: the questions that are meant; None: all.

        Raises:
            ValueError: budgets not ascending and positive, one for each column; NaN accuracy.
        """
        if len(budgets) != attained.each.shape[1] or budgets[0] <= 0 or not np.all(np.diff(budgets) > 0):
            raise ValueError(f"budgets {list(budgets)} must be positive and ascending, one for each column of accuracy")
        if np.isnan(attained.each).any():
            raise ValueError("accuracy has NaN: leave out budgets at which it is not defined")
        each = attained.each if members is None else attained.each[members]
        return cls(budgets, each.mean(axis=0), attained.replicates(weights, members))


def iso_accuracy_ratio(a: MeanCurve, b: MeanCurve, at: Number, level: float = 0.95) -> IsoAccuracy:
    """Ratio of `at` to the least budget at which method A's accuracy reaches B's at `at`.

    Mean accuracies are interpolated linearly in log budget; where A's curve rises and falls its first crossing counts.
    The interval is the percentile interval of the paired bootstrap, censored replicates ranking beyond all others: an
    end that falls among them is a bound. Of two curves with unequally many resamples the first ones of both are used.

    Raises:
        ValueError: `at` outside B's budgets; level outside (0, 1).
    """
    if not b.budgets[0] <= at <= b.budgets[-1]:
        raise ValueError(f"budget {at} is outside {b.budgets[0]}..{b.budgets[-1]}, the budgets of B")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}: allowed is between 0 and 1")
    budgets_a = a.budgets
    log_a, log_b = np.log(np.asarray(a.budgets, dtype=float)), np.log(np.asarray(b.budgets, dtype=float))

    def log_ratio(mean_a: np.ndarray, mean_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Per row: log(at / least budget of A), -inf where never reached, +inf where below the grid; and the target."""
        right = min(int(np.searchsorted(log_b, np.log(at))), len(log_b) - 1)
        left = max(right - 1, 0)
        share = 1.0 if left == right else (np.log(at) - log_b[left]) / (log_b[right] - log_b[left])
        target = mean_b[:, left] * (1 - share) + mean_b[:, right] * share
        reached = mean_a >= target[:, None] - 1e-12
        first = reached.argmax(axis=1)
        row, before = np.arange(len(mean_a)), np.maximum(first - 1, 0)
        rise = mean_a[row, first] - mean_a[row, before]
        step = np.divide(target - mean_a[row, before], rise, out=np.ones(len(row)), where=rise > 0)
        least = log_a[before] + np.minimum(step, 1.0) * (log_a[first] - log_a[before])
        ratio = np.where(first == 0, np.inf, np.log(at) - least)
        return np.where(reached.any(axis=1), ratio, -np.inf), target

    n = min(len(a.replicates), len(b.replicates))
    estimate, target = log_ratio(a.estimate[None], b.estimate[None])
    replicates, _ = log_ratio(a.replicates[:n], b.replicates[:n])

    ends = float(at / budgets_a[-1]), float(at / budgets_a[0])
    found = bounded(float(estimate[0]), replicates, ends, level, lambda ratio: float(np.exp(ratio)))
    return IsoAccuracy(
        **vars(found),
        level=level,
        target=float(target[0]),
        share_not_reached=float((replicates == -np.inf).mean()),
        share_below_grid=float((replicates == np.inf).mean()),
    )
