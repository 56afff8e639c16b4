"""Intervals over questions, by bootstrap or of Student, and the number of questions a claim needs.

One row of bootstrap weights is one resample of the questions; using the same weights for two quantities pairs them.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, ndtri, stdtrit

Method = Literal["bca", "percentile"]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval."""

    estimate: float
    low: float
    high: float
    level: float


def bootstrap_weights(n_questions: int, n_resamples: int, rng: np.random.Generator) -> Float[np.ndarray, "resample q"]:
    """Share of each question in each resample (rows sum to 1): `weights @ values` are the resampled means.

    The shares of one question lie side by side in memory, as those read them who ask for some questions only.

    Raises:
        ValueError: fewer than 2 questions or resamples.
    """
    if n_questions < 2 or n_resamples < 2:
        raise ValueError(f"{n_questions} questions, {n_resamples} resamples: a bootstrap needs at least 2 of each")
    counts = rng.multinomial(n_questions, np.full(n_questions, 1.0 / n_questions), size=n_resamples)
    return np.asfortranarray(counts / n_questions)


def mean_interval(
    values: Float[np.ndarray, " question"],
    weights: Float[np.ndarray, "resample question"],
    level: float = 0.95,
    method: Method = "bca",
) -> Interval:
    """Mean over questions with its bootstrap interval (Efron 1987 for BCa).

    If all values are equal the interval is that point: too sure of a share of 0 or 1, see `difference_interval`.

    Raises:
        ValueError: a value that is not a number; level outside (0, 1).
    """
    return mean_intervals(values[:, None], weights, level, method)[0]


def mean_intervals(
    values: Float[np.ndarray, "question column"],
    weights: Float[np.ndarray, "resample question"],
    level: float = 0.95,
    method: Method = "bca",
) -> list[Interval]:
    """As `mean_interval`, of each column: the resamples are looked at once for all.

    Raises:
        ValueError: as `mean_interval`.
    """
    check_level(level)
    if np.isnan(values).any():
        raise ValueError(f"{int(np.isnan(values).any(axis=1).sum())} of {len(values)} questions have no value (NaN)")
    values = np.asfortranarray(values)  # a column is summed as it is alone
    means, replicates = values.mean(axis=0), weights @ values
    deviations = values - means
    spread = (deviations**2).sum(axis=0)
    is_point = spread <= 1e-24 * np.maximum(1.0, means**2)
    tails = np.array([[(1 - level) / 2], [(1 + level) / 2]])
    if method == "bca":
        rounding = 1e-12 * np.maximum(1.0, np.abs(means))
        below = (replicates < means - rounding).mean(axis=0)
        below += (np.abs(replicates - means) <= rounding).mean(axis=0) / 2
        # a leave-one-out mean deviates by -deviation / (n - 1): the factor cancels in the acceleration
        acceleration = (deviations**3).sum(axis=0) / (6 * np.where(is_point, 1.0, spread) ** 1.5)
        bias = ndtri(np.clip(below, 1 / len(replicates), 1 - 1 / len(replicates)))
        shifted = bias + ndtri(tails)
        tails = ndtr(bias + shifted / (1 - acceleration * shifted))
    # weights sum to 1 but for rounding, and a share of 1 would come to more
    ends = np.clip(_quantiles(replicates, tails), values.min(axis=0), values.max(axis=0))
    found = zip(means.tolist(), np.where(is_point, means, ends).T.tolist(), strict=True)
    return [Interval(estimate, low, high, level) for estimate, (low, high) in found]


def _quantiles(
    replicates: Float[np.ndarray, "replicate column"], at: Float[np.ndarray, "#end #column"]
) -> Float[np.ndarray, "end column"]:
    """Quantiles of each column at places of its own, linear between its values."""
    ordered, place = (
        np.sort(replicates, axis=0),
        np.broadcast_to(at, (len(at), replicates.shape[1])) * (len(replicates) - 1),
    )
    left = np.floor(place).astype(np.int64)
    low, high = (np.take_along_axis(ordered, np.minimum(i, len(replicates) - 1), axis=0) for i in (left, left + 1))
    return low + (high - low) * (place - left)


def normal_interval(estimate: float, deviation: float, level: float = 0.95) -> Interval:
    """An estimate ± z times its standard deviation.

    Raises:
        ValueError: level outside (0, 1).
    """
    check_level(level)
    half = float(ndtri((1 + level) / 2)) * deviation
    return Interval(estimate, estimate - half, estimate + half, level)


def difference_interval(differences: Float[np.ndarray, " question"], level: float = 0.95) -> Interval:
    """Mean of paired differences over questions with its t interval.

    Where most differences are 0, the few others are missed as often as the deviation of those seen is too small. So two
    questions are added, half of one as far from 0 as the farthest on either side and one at 0, as Agresti and Min 2005
    do for pairs of right and wrong answers; if all differences are 0, as far as 1. The interval holds the estimate.

    Raises:
        ValueError: fewer than 2 questions; a value that is not a number; level outside (0, 1).
    """
    check_level(level)
    n = len(differences) + 2
    if n < 4:
        raise ValueError(f"{len(differences)} questions: an interval needs at least 2")
    if np.isnan(differences).any():
        raise ValueError(f"{int(np.isnan(differences).sum())} of {len(differences)} questions have no value (NaN)")
    estimate, centre = float(differences.mean()), float(differences.sum()) / n
    farthest = float(np.abs(differences).max()) or 1.0
    variance = (float((differences**2).sum()) + farthest**2) / n - centre**2
    half = float(stdtrit(n - 1, (1 + level) / 2)) * math.sqrt(variance / (n - 1))
    return Interval(estimate, min(estimate, centre - half), max(estimate, centre + half), level)


def of_shares(interval: Interval, values: Float[np.ndarray, " question"]) -> Interval:
    """The interval of a mean share: within 0..1, and where all values are equal that of `difference_interval`.

    Args:
        values: whose mean it is.
    """
    if len(values) > 1 and interval.low == interval.high and np.ptp(values) < 1e-12:
        interval = replace(difference_interval(values, interval.level), estimate=interval.estimate)
    return replace(interval, low=max(0.0, interval.low), high=min(1.0, interval.high))


def questions_needed(
    differences: Float[np.ndarray, " question"], level: float = 0.95, power: float = 0.8, effect: float | None = None
) -> float:
    """Questions at which a paired difference as large as `effect` (default: the observed mean) would be settled.

    n = ((z_level + z_power) * SD / effect)^2, rounded up; infinite for an effect of 0.

    Raises:
        ValueError: fewer than 2 questions; level or power outside (0, 1).
    """
    check_level(level)
    check_level(power, "power")
    if len(differences) < 2:
        raise ValueError(f"{len(differences)} questions: at least 2 are needed for a standard deviation")
    size = abs(float(differences.mean()) if effect is None else effect)
    return questions_for(size, float(differences.std(ddof=1)), level, power)


def questions_for(effect: float, deviation: float, level: float = 0.95, power: float = 0.8) -> float:
    """As `questions_needed`, from the standard deviation of a question's difference; infinite for an effect of 0."""
    if effect == 0:
        return math.inf
    quantiles = ndtri((1 + level) / 2) + ndtri(power)
    return float(max(2, math.ceil((quantiles * deviation / effect) ** 2)))


def in_words(estimate: float, low: float, high: float, number: str = ".1%", unit: str = "") -> str:
    """An estimate with its interval as text, such as 53.7% [50.9%, 56.6%].

    Args:
        number: the format of all three.
        unit: behind the estimate, with its blank.
    """
    return f"{estimate:{number}}{unit} [{low:{number}}, {high:{number}}]"


def check_level(level: float, name: str = "level") -> None:
    """Raises ValueError unless a share lies between 0 and 1."""
    if not 0 < level < 1:
        raise ValueError(f"{name} is {level}: allowed is between 0 and 1")
