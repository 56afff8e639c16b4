"""What a model is worth that learned from its own samples: samples of the model it began as, and questions to pay it.

`before` and `after` are mean accuracies over budgets, paired by the resamples of the questions.
"""

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from tts_lib.estimators.bounded import Bounded, bounded
from tts_lib.estimators.iso_accuracy import IsoAccuracy, MeanCurve, iso_accuracy_ratio


def amortisation(after: MeanCurve, before: MeanCurve, at: int | float, level: float = 0.95) -> IsoAccuracy:
    """A(N): how many samples of the model before one of N samples of the model after is worth.

    The least budget at which `before` is as accurate as `after` at N, over N. A falls to 1 where the loop moved
    test-time compute into the weights and no more ("sharpening", Huang et al. 2412.01951).

    Raises:
        ValueError: `at` outside the budgets of `after`; level outside (0, 1).
    """
    found = iso_accuracy_ratio(before, after, at, level)
    return replace(found, **vars(found.inverse))


def crossing(after: MeanCurve, before: MeanCurve, level: float = 0.95) -> Bounded:
    """k×: the budget beyond which `after` is below `before` at every one, interpolated in its logarithm.

    `at_least` the largest budget where `after` is not below there, `at_most` the smallest where it is below everywhere.
    The interval is the percentile interval of the paired bootstrap, such replicates ranking beyond all others.

    Raises:
        ValueError: budgets or resamples of the two differ.
    """
    if list(after.budgets) != list(before.budgets) or after.replicates.shape != before.replicates.shape:
        raise ValueError("two curves cross at budgets and in resamples that both have")
    log_k = np.log(np.asarray(after.budgets, float))

    def places(difference: Float[np.ndarray, "row budget"]) -> Float[np.ndarray, " row"]:
        below = difference < -1e-12
        last = below.shape[1] - 1 - np.argmax(~below[:, ::-1], axis=1)  # the last budget that is not below
        row, following = np.arange(len(below)), np.minimum(last + 1, below.shape[1] - 1)
        fall = difference[row, last] - difference[row, following]
        share = np.divide(np.maximum(difference[row, last], 0), fall, out=np.zeros(len(row)), where=fall > 0)
        found = log_k[last] + share * (log_k[following] - log_k[last])
        return np.where(below.all(axis=1), -np.inf, np.where(below[:, -1], found, np.inf))

    (estimate,) = places((after.estimate - before.estimate)[None])
    replicates = places(after.replicates - before.replicates)
    ends = float(after.budgets[0]), float(after.budgets[-1])
    return bounded(float(estimate), replicates, ends, level, math.exp)


def break_even(once: float, before: float, after: float) -> float:
    """Q*: questions after which `once` (FLOPs) is repaid; infinite where a question costs no less after it.

    Args:
        before, after: FLOPs of a question at equal accuracy.
    """
    return once / (before - after) if before > after else math.inf
