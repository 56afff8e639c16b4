"""What parameters are worth in samples: curves of equal accuracy over sizes, their slope, and where two break even.

Means are arrays (..., model, budget): accuracy of each model with each number of samples, leading axes are resamples.
Between budgets accuracy is interpolated linearly in log N; it is made monotone first, since who may ask for more
samples may also ask for fewer.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


def log_samples(
    means: Float[np.ndarray, "*resample model budget"], budgets: Sequence[int], level: float
) -> Float[np.ndarray, "*resample model"]:
    """log N at which each model reaches an accuracy; -inf where its smallest budget does, inf where none does.

    Raises:
        ValueError: budgets not ascending and positive, one for each column.
    """
    if len(budgets) != means.shape[-1] or budgets[0] <= 0 or not np.all(np.diff(budgets) > 0):
        raise ValueError(f"budgets {list(budgets)} must be positive and ascending, one for each column of accuracy")
    rising = np.maximum.accumulate(means, axis=-1)
    reached = rising >= level - 1e-12
    first = reached.argmax(axis=-1)
    before = np.maximum(first - 1, 0)
    at, behind = (np.take_along_axis(rising, column[..., None], -1)[..., 0] for column in (first, before))
    share = np.divide(level - behind, at - behind, out=np.ones_like(at), where=at > behind)
    logs = np.log(np.asarray(budgets, np.float64))
    found = logs[before] + np.minimum(share, 1.0) * (logs[first] - logs[before])
    found = np.where(first == 0, -np.inf, found)
    return np.where(reached.any(axis=-1), found, np.inf)


def exchange_rate(
    log_n: Float[np.ndarray, "*resample model"], log_size: Float[np.ndarray, " model"]
) -> Float[np.ndarray, "*resample"]:
    """ε = -d log N / d log P along a curve of equal accuracy: a doubling of parameters is worth 2^ε times the samples.

    The slope of the least-squares line through the models that reach the accuracy within the grid; NaN where fewer than
    two do. Between two models it is the slope between them.
    """
    inside = np.isfinite(log_n)
    count = inside.sum(axis=-1)
    safe = np.where(inside, log_n, 0.0)
    several = np.maximum(count, 1)
    x = np.where(inside, log_size - ((inside * log_size).sum(axis=-1) / several)[..., None], 0.0)
    slope = np.divide((x * safe).sum(axis=-1), (x**2).sum(axis=-1), out=np.full(count.shape, np.nan), where=count > 1)
    return np.asarray(-slope)


def break_even(
    differences: Float[np.ndarray, "*resample model"], log_multiple: Float[np.ndarray, " model"]
) -> Float[np.ndarray, "*resample"]:
    """log M* at which a difference first falls below 0 along models of rising size; inf where it never does.

    Linear in log M between two models; -inf where the smallest of them already lies below.

    Args:
        differences: what the base attains with test-time compute minus what the larger model attains at equal FLOPs.
        log_multiple: parameters of each model in multiples of the base's, in logarithms, ascending.

    Raises:
        ValueError: no model, or they do not ascend.
    """
    if not len(log_multiple) or not np.all(np.diff(log_multiple) > 0):
        raise ValueError("models must be given in ascending size, at least one")
    below = differences < 0
    first = below.argmax(axis=-1)
    before = np.maximum(first - 1, 0)
    down, up = (np.take_along_axis(differences, column[..., None], -1)[..., 0] for column in (first, before))
    share = np.divide(up, up - down, out=np.zeros_like(up), where=up > down)
    found = log_multiple[before] + share * (log_multiple[first] - log_multiple[before])
    found = np.where(first == 0, -np.inf, found)
    return np.where(below.any(axis=-1), found, np.inf)
