"""The exchange of pretraining for test-time compute (§7): budgets of equal FLOPs, small model against large.

R = tokens of inference / tokens of pretraining over the model's life; M = parameters of the large model / small one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from tts_lib.estimators.flops import Number
from tts_lib.estimators.intervals import Interval, difference_interval, normal_interval, questions_for
from tts_lib.estimators.per_question import PerQuestion
from tts_lib.strategies.curves import between

REACHED = 1.01  # a grid that ends a hundredth below k reaches it
Accounting = Literal["v1", "iclr", "small_only"]
# Inference FLOPs per token in units of 2 x parameters, for the small and for the large model: with a verifier of equal
# size that reads each token once, inference costs twice as much.
_INFERENCE: dict[Accounting, tuple[float, float]] = {"v1": (1.0, 1.0), "iclr": (2.0, 2.0), "small_only": (2.0, 1.0)}


@dataclass(frozen=True)
class Matched:
    """Small model with k generations against the large one on one group of questions, with intervals."""

    group: int  # difficulty bin; 0 = all questions
    n_questions: int
    k: float  # generations of the small model that cost as much as the large model
    capped: bool  # k lies beyond the largest budget: the small model is shown at that budget, below what it may spend
    small: float  # accuracy
    large: float
    difference: float  # small - large
    low: float
    high: float
    relative: float  # 100 (small - large) / large, in %; NaN where large is 0
    relative_low: float  # NaN where large is 0 in a replicate
    relative_high: float
    questions_needed: float  # that would settle the difference; NaN: no number would, or there is one question


def matched_budget(m: Number, r: Number, accounting: Accounting = "v1", large_generations: Number = 1) -> float:
    """Generations k of the small model that cost as much as the large one, pretraining included (§7).

    From X + k Y = M (X + g Y), X = 6 N D_pre, Y = 2 N D_inf per generation, for g generations of the large model:
    v1: k = M g + 3 (M - 1) / R. iclr (verifier doubles both models' inference): k = M g + 1.5 (M - 1) / R. small_only
    (the large model needs no verifier): k = M g / 2 + 1.5 (M - 1) / R.

    Raises:
        ValueError: m < 1, r <= 0, large_generations < 1, or an unknown accounting.
    """
    small, large = _inference(accounting)
    if m < 1 or r <= 0 or large_generations < 1:
        raise ValueError(f"m {m}, r {r}, large_generations {large_generations}: allowed is m >= 1, r > 0, g >= 1")
    return (m * large_generations * large + 3.0 * (m - 1) / r) / small


def matched_ratio(m: Number, k: Number, accounting: Accounting = "v1", large_generations: Number = 1) -> float:
    """The R at which `matched_budget` is k; for placing points of the budget grid on the R axis.

    Raises:
        ValueError: k at or below its limit for R to infinity (no R gives it); m <= 1; an unknown accounting.
    """
    small, large = _inference(accounting)
    rest = k * small - m * large_generations * large
    if m <= 1 or rest <= 0:
        limit = m * large_generations * large / small
        raise ValueError(f"no R gives k = {k} at m = {m}: k must be above {limit:g} and m above 1")
    return 3.0 * (m - 1) / rest


def compare_matched(
    small: PerQuestion,
    budgets: Sequence[Number],
    large: Float[np.ndarray, " problem"],
    bins: Int[np.ndarray, " problem"],
    ks: Sequence[Number],
    weights: Float[np.ndarray, "replicate problem"],
    level: float = 0.95,
) -> list[Matched]:
    """Small model at each matched budget k against the large model: over all questions and in each bin (§7, Fig. 9).

    The small model's accuracy is interpolated linearly in log budget. One row per group and k, group 0 (all) first. The
    difference has a t interval or, where a choice is made anew in each resample, estimate ± z SD of the replicates; the
    relative one has the percentile interval.

    Args:
        small: expected accuracy per question and budget, of the compute-optimal strategy or another.
        weights: bootstrap weights of the questions, rows of sum 1 (tts_lib.estimators.intervals.bootstrap_weights).

    Raises:
        ValueError: budgets not ascending and positive; a k below the smallest budget; NaN accuracy; bins below 1.
    """
    if len(budgets) != small.each.shape[1] or budgets[0] <= 0 or not np.all(np.diff(budgets) > 0):
        raise ValueError("budgets must be positive and ascending, one for each column of the small model's accuracy")
    if min(ks) < budgets[0]:
        raise ValueError(f"k = {min(ks)} is below {budgets[0]}, the small model's smallest budget")
    if np.isnan(small.each).any() or np.isnan(large).any():
        raise ValueError("accuracy has NaN: leave out budgets and questions at which it is not defined")
    if len(bins) and bins.min() < 1:
        raise ValueError(f"bins count from 1; the lowest is {bins.min()}")
    rows: list[Matched] = []
    places = [between(budgets, min(k, budgets[-1])) for k in ks]
    groups = [(0, np.ones(len(bins), dtype=bool)), *((int(name), bins == name) for name in np.unique(bins))]
    for name, members in groups:
        theirs = large[members]
        replicates_large = PerQuestion(large).replicates(weights[: small.n_resamples(weights)], members)
        known = small.each[members], small.replicates(weights, members)
        for k, (left, right, share) in zip(ks, places, strict=True):
            ours, replicates = (of[:, left] * (1 - share) + of[:, right] * share for of in known)
            spread = float((replicates - replicates_large).std(ddof=1)) if small.chosen else None
            interval, needed = _difference(ours - theirs, spread, level)
            relative_low, relative_high = _tails(_relative(replicates, replicates_large), level)
            row = Matched(
                group=name,
                n_questions=int(members.sum()),
                k=float(k),
                capped=k > REACHED * budgets[-1],
                small=float(ours.mean()),
                large=float(theirs.mean()),
                difference=interval.estimate,
                low=interval.low,
                high=interval.high,
                relative=float(_relative(ours.mean(keepdims=True), theirs.mean(keepdims=True))[0]),
                relative_low=relative_low,
                relative_high=relative_high,
                questions_needed=needed,
            )
            rows.append(row)
    return rows


def _inference(accounting: Accounting) -> tuple[float, float]:
    if accounting not in _INFERENCE:
        raise ValueError(f"accounting {accounting!r} is unknown: choose one of {', '.join(_INFERENCE)}")
    return _INFERENCE[accounting]


def _difference(paired: Float[np.ndarray, " question"], spread: float | None, level: float) -> tuple[Interval, float]:
    """The interval of a mean difference, from its spread over resamples if known; of one question the value alone.

    And the questions that would settle it.
    """
    estimate, n = float(paired.mean()), len(paired)
    if n < 2:
        return Interval(estimate, np.nan, np.nan, level), np.nan
    if spread is None:
        interval, deviation = difference_interval(paired, level), float(paired.std(ddof=1))
    else:
        interval, deviation = normal_interval(estimate, spread, level), spread * np.sqrt(n)
    needed = questions_for(abs(estimate), deviation)
    return interval, needed if np.isfinite(needed) else np.nan


def _relative(
    a: Float[np.ndarray, " replicate"], b: Float[np.ndarray, " replicate"]
) -> Float[np.ndarray, " replicate"]:
    return np.divide(100.0 * (a - b), b, out=np.full(a.shape, np.nan), where=b > 0)


def _tails(replicates: Float[np.ndarray, " replicate"], level: float) -> tuple[float, float]:
    """Percentile interval; NaN if any replicate is undefined."""
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
