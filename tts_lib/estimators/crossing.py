"""From where on something pays: where a gain, measured at several qualities, leaves zero for good."""

import numpy as np
from jaxtyping import Float

from tts_lib.estimators.intervals import Interval, check_level

ALWAYS, NEVER = -np.inf, np.inf


def crossing(quality: Float[np.ndarray, " rung"], gain: Float[np.ndarray, " rung"]) -> float:
    """The quality from which on the gain is above 0, linear between the rungs.

    ALWAYS if it is so at the lowest of them and all others, NEVER if it is not at the highest.
    """
    order = np.argsort(quality, kind="stable")
    x, y = quality[order], gain[order]
    last = int(np.flatnonzero(y <= 0).max(initial=-1))
    if last < 0:
        return ALWAYS
    if last == len(y) - 1:
        return NEVER
    return float(x[last] + (x[last + 1] - x[last]) * -y[last] / (y[last + 1] - y[last]))


def crossing_interval(
    quality: Float[np.ndarray, "rung question"],
    gain: Float[np.ndarray, "rung question"],
    weights: Float[np.ndarray, "resample question"],
    level: float = 0.95,
) -> Interval:
    """`crossing` with its percentile interval over questions, whose qualities and gains are drawn together.

    Its ends may be ALWAYS or NEVER.

    Args:
        quality: of each rung on each question; NaN where a question does not tell.

    Raises:
        ValueError: no question tells the quality of a rung; level outside (0, 1).
    """
    check_level(level)
    told = ~np.isnan(quality)
    if not told.any(axis=1).all():
        raise ValueError(f"no question tells the quality of rung {int(np.argmin(told.any(axis=1)))}")
    with np.errstate(invalid="ignore"):  # a resample of questions none of which tells is left out
        qualities = (weights @ np.nan_to_num(quality).T) / (weights @ told.T)
    gains = weights @ gain.T
    whole = ~np.isnan(qualities).any(axis=1)
    found = [crossing(x, y) for x, y in zip(qualities[whole], gains[whole], strict=True)]
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return Interval(crossing(np.nanmean(quality, axis=1), gain.mean(axis=1)), float(low), float(high), level)
