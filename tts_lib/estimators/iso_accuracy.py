"""How much less budget one method needs than another for the same accuracy ("x times cheaper", §5.3, §6.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

Bound = Literal["exact", "at_least", "at_most"]
Number = int | float


@dataclass(frozen=True)
class IsoAccuracy:
    """Budget ratio with its bootstrap interval; each figure says whether it is a value or only a bound.

    A ratio is `at_most` where A never reaches B's accuracy (A may need any budget beyond its largest) and `at_least`
    where A's smallest budget already does.
    """

    ratio: float  # budget of B / least budget of A
    bound: Bound
    low: float
    low_bound: Bound
    high: float
    high_bound: Bound
    level: float
    target: float  # B's accuracy at its budget
    share_not_reached: float  # bootstrap replicates in which A never reaches B: censored at_most
    share_below_grid: float  # replicates in which A's smallest budget already does: censored at_least


def iso_accuracy_ratio(
    a: Float[np.ndarray, "problem budget_a"],
    budgets_a: Sequence[Number],
    b: Float[np.ndarray, "problem budget_b"],
    budgets_b: Sequence[Number],
    at: Number,
    weights: Float[np.ndarray, "replicate problem"],
    level: float = 0.95,
) -> IsoAccuracy:
    """Ratio of `at` to the least budget at which method A's accuracy reaches B's at `at`.

    Mean accuracies are interpolated linearly in log budget; where A's curve rises and falls its first crossing counts.
    The interval is the percentile interval of the paired bootstrap, censored replicates ranking beyond all others: an
    end that falls among them is a bound.

    Args:
        weights: bootstrap weights of the questions, rows of sum 1 (tts_lib.estimators.intervals.bootstrap_weights).

    Raises:
        ValueError: budgets not ascending and positive; `at` outside B's budgets; level outside (0, 1); NaN accuracy.
    """
    for name, budgets, curve in (("A", budgets_a, a), ("B", budgets_b, b)):
        if len(budgets) != curve.shape[1] or budgets[0] <= 0 or not np.all(np.diff(budgets) > 0):
            raise ValueError(f"budgets of {name} must be positive and ascending, one for each column of its accuracy")
        if np.isnan(curve).any():
            raise ValueError(f"accuracy of {name} has NaN: leave out budgets at which it is not defined")
    if not budgets_b[0] <= at <= budgets_b[-1]:
        raise ValueError(f"budget {at} is outside {budgets_b[0]}..{budgets_b[-1]}, the budgets of B")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}: allowed is between 0 and 1")
    log_a, log_b = np.log(np.asarray(budgets_a, dtype=float)), np.log(np.asarray(budgets_b, dtype=float))

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

    whole = np.full((1, len(a)), 1.0 / len(a))
    estimate, target = log_ratio(whole @ a, whole @ b)
    replicates, _ = log_ratio(weights @ a, weights @ b)

    def named(value: float) -> tuple[float, Bound]:
        if value == -np.inf:
            return float(at / budgets_a[-1]), "at_most"
        if value == np.inf:
            return float(at / budgets_a[0]), "at_least"
        return float(np.exp(value)), "exact"

    ratio, bound = named(estimate[0])
    tail = (1 - level) / 2
    low, low_bound = named(np.quantile(replicates, tail, method="lower"))
    high, high_bound = named(np.quantile(replicates, 1 - tail, method="higher"))
    return IsoAccuracy(
        ratio=ratio,
        bound=bound,
        low=low,
        low_bound=low_bound,
        high=high,
        high_bound=high_bound,
        level=level,
        target=float(target[0]),
        share_not_reached=float((replicates == -np.inf).mean()),
        share_below_grid=float((replicates == np.inf).mean()),
    )
