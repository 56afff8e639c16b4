"""What holds over trainings and not for one model alone: an interval of two levels, training and question."""

import math

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri, stdtrit

from tts_lib.estimators.intervals import Interval, check_level


def two_level_interval(
    estimates: Float[np.ndarray, " training"], errors: Float[np.ndarray, " training"], level: float = 0.95
) -> Interval:
    """Mean over trainings with an interval for another training and other questions.

    Its half-width h is put together from the two levels, h² = (z e)² + t² S² / T. S is the standard deviation between
    the T estimates, and t the quantile of Student's t with T - 1 degrees of freedom: 4.3 for three trainings, of whose
    deviation so little is known. e is the mean of the standard errors over questions. All trainings answer the same
    questions, so that averaging takes nothing off the error they share; how much they share is not known of every
    figure, so they are taken to share all of it. Where only one of the levels varies the interval is exact, and where
    both do it covers too often rather than too seldom (tests/estimators/test_trainings.py). Bootstrapping three
    trainings would not do: its variance is a third too small, and its tails are those of a normal.

    Args:
        errors: standard error over questions of each estimate.

    Raises:
        ValueError: fewer than 2 trainings; a value that is not a number; level outside (0, 1).
    """
    check_level(level)
    n = len(estimates)
    if n < 2:
        raise ValueError(f"{n} trainings: their spread needs at least 2")
    if np.isnan(estimates).any() or np.isnan(errors).any():
        raise ValueError("an estimate or its error is no number (NaN)")
    tail = (1 + level) / 2
    question = float(ndtri(tail)) * float(errors.mean())
    training = float(stdtrit(n - 1, tail)) * float(estimates.std(ddof=1)) / math.sqrt(n)
    centre, half = float(estimates.mean()), math.hypot(question, training)
    return Interval(centre, centre - half, centre + half, level)


def training_weights(
    n_trainings: int, n_resamples: int, rng: np.random.Generator
) -> Float[np.ndarray, "resample training"]:
    """Weight of each training in each resample, rows of sum 1, for figures that are no mean of the trainings.

    Drawn with replacement and spread by sqrt(n / (n - 1)) about 1 / n, so that a mean varies as much as it does between
    samples of n trainings (Rao and Wu 1988); weights may be negative. The tails stay those of a bootstrap, too short
    for a handful of trainings. One training has no spread: what it would be with another seed is not in the resamples.
    """
    if n_trainings == 1:
        return np.ones((n_resamples, 1))
    even = 1.0 / n_trainings
    drawn = rng.multinomial(n_trainings, np.full(n_trainings, even), size=n_resamples) / n_trainings
    return even + math.sqrt(n_trainings / (n_trainings - 1)) * (drawn - even)
