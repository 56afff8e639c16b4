"""Question difficulty and its bins (§3.2): oracle, predicted and cheap predicted; by quantiles or fixed edges.

A difficulty score is an estimate of the chance of success: high = easy. Bins count from 1 (easiest).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped

LIU_EDGES = (0.1, 0.5)  # Liu et al. 2025: hard below 10% pass@1, medium 10-50%, easy from 50%
MAX_PROBE = 32  # samples; more is no longer a cheap prediction
MAX_PRIOR = 1024.0  # samples that a prediction counts as, at most: more is the prediction alone
Score = TypeVar("Score", float, np.ndarray)


@dataclass(frozen=True)
class Binning:
    """Frozen edges: fitted on one set of questions, applied to any. A score on an edge goes to the easier bin."""

    edges: tuple[float, ...]  # ascending; n_bins - 1 of them

    @property
    def n_bins(self) -> int:
        return len(self.edges) + 1

    def assign(self, score: Float[np.ndarray, " problem"]) -> Int[np.ndarray, " problem"]:
        """Bin of each score, 1 (easiest, above all edges) to n_bins.

        Raises:
            ValueError: a score that is not a number.
        """
        if np.isnan(score).any():
            raise ValueError(f"difficulty score {int(np.argmax(np.isnan(score)))} is NaN")
        return self.n_bins - np.searchsorted(self.edges, score, side="right")


@dataclass(frozen=True, eq=False)
class Probe:
    """Cheap predicted difficulty with what it cost."""

    score: Float[np.ndarray, " problem"]
    n_generations: int  # per problem
    policy_tokens: Int[np.ndarray, " problem"]

    def charged_budget(self, budget: int, reuse: bool) -> int:
        """Generations a method of `budget` costs with its probe; with reuse the probe samples count towards it."""
        return max(budget, self.n_generations) if reuse else budget + self.n_generations


@dataclass(frozen=True, eq=False)
class BinComparison:
    """How far two binnings of the same questions agree."""

    confusion: Int[np.ndarray, "bin_a bin_b"]  # number of questions
    same: float  # share in the same bin
    adjacent: float  # share in the same or the next bin
    rank_correlation: float  # Spearman; NaN if either binning puts all questions into one bin


def oracle(
    correct: Bool[np.ndarray, "problem sample"], n_samples: Int[np.ndarray, " problem"] | None = None
) -> Float[np.ndarray, " problem"]:
    """Oracle difficulty: pass@1 over the question's samples. Uses labels.

    Raises:
        ValueError: n_samples outside 1..width of the pool.
    """
    return _row_mean(correct.astype(np.float64), n_samples)


def predicted(
    last_step_scores: Float[np.ndarray, "problem sample"], n_samples: Int[np.ndarray, " problem"] | None = None
) -> Float[np.ndarray, " problem"]:
    """Predicted difficulty: mean PRM score of the last step over the question's samples. Uses no labels.

    Raises:
        ValueError: n_samples outside 1..width of the pool; a score that is not a number.
    """
    return _row_mean(last_step_scores, n_samples)


def probe(
    last_step_scores: Float[np.ndarray, "problem sample"], n_tokens: Int[np.ndarray, "problem sample"], n_probe: int
) -> Probe:
    """Predicted difficulty from the first n_probe samples only, with their cost.

    Args:
        n_tokens: tokens of each sample (policy; a verifier of the policy's tokenizer reads as many).

    Raises:
        ValueError: n_probe outside 1..32 or above the pool; a score that is not a number.
    """
    if not 1 <= n_probe <= min(MAX_PROBE, last_step_scores.shape[1]):
        raise ValueError(f"n_probe is {n_probe}: allowed is 1..{min(MAX_PROBE, last_step_scores.shape[1])}")
    score = _row_mean(last_step_scores[:, :n_probe], None)
    return Probe(score, n_probe, n_tokens[:, :n_probe].sum(axis=1))


def with_prior(prior: Score, worth: float, probe: Score, n_probe: int) -> Score:
    """A prediction without a sample and a probe in one number: the prediction counts as so many further samples.

    (kappa z + sum of scores) / (kappa + n), the mean of a Beta posterior where scores are 0 or 1.

    Args:
        prior: z, a predicted pass@1, of a question or of several, (problem,).
        worth: kappa, in samples.
        probe: mean score of n samples.
    """
    return (worth * prior + n_probe * probe) / (worth + n_probe)


def prior_worth(
    prior: Float[np.ndarray, " problem"],
    probe: Float[np.ndarray, " problem"],
    n_probe: int,
    truth: Float[np.ndarray, " problem"],
) -> float:
    """The kappa of `with_prior` that comes nearest to pass@1 on these questions, by least squares; 0 to MAX_PRIOR.

    With w = kappa / (kappa + n) the score is probe + w (prior - probe), which is linear in w.
    """
    apart = prior - probe
    total = float(apart @ apart)
    share = float(apart @ (truth - probe)) / total if total > 0 else 0.0
    most = MAX_PRIOR / (MAX_PRIOR + n_probe)
    share = min(max(share, 0.0), most)
    return n_probe * share / (1 - share)


def quantile_binning(score: Float[np.ndarray, " problem"], n_bins: int = 5) -> Binning:
    """Edges that cut these questions into n_bins of equal size, as nearly as equal scores allow.

    Each cut lies midway between two different scores, at the gap nearest to the quantile (the outer one of two equally
    near; never outside all scores). So equal scores share a bin, and the many zeros of hard questions fill the last
    bin rather than leave it empty. If all scores are equal, all questions are in bin 1.

    Differs from the paper: its rule for ties is not stated (sizes 100/100/100/105/95, ICLR App. E).

    Raises:
        ValueError: n_bins < 1; fewer questions than bins; a score that is not a number.
    """
    if not 1 <= n_bins <= len(score):
        raise ValueError(f"n_bins is {n_bins}: allowed is 1..{len(score)}, the number of questions")
    if np.isnan(score).any():
        raise ValueError(f"difficulty score {int(np.argmax(np.isnan(score)))} is NaN")
    values, counts = np.unique(score.astype(np.float64), return_counts=True)
    if len(values) == 1:
        return Binning((float(values[0]),) * (n_bins - 1))
    below = np.cumsum(counts)[:-1]  # questions below each gap
    gaps = (values[:-1] + values[1:]) / 2
    edges: list[float] = []
    for cut in range(1, n_bins):
        distance = np.abs(below * n_bins - cut * len(score))
        nearest = np.flatnonzero(distance == distance.min())
        edges.append(float(gaps[nearest[0] if 2 * cut <= n_bins else nearest[-1]]))
    return Binning(tuple(edges))


def absolute_binning(edges: Sequence[float] = LIU_EDGES) -> Binning:
    """Fixed edges in pass@1, the same for every model and set (Liu et al. 2025).

    Raises:
        ValueError: no edges; edges not ascending or outside (0, 1).
    """
    ascending = all(a < b for a, b in pairwise(edges))
    if not edges or not ascending or edges[0] <= 0 or edges[-1] >= 1:
        raise ValueError(f"edges are {list(edges)}: they must ascend within (0, 1)")
    return Binning(tuple(float(edge) for edge in edges))


def compare_bins(a: Int[np.ndarray, " problem"], b: Int[np.ndarray, " problem"], n_bins: int) -> BinComparison:
    """Confusion, agreement and rank correlation of two binnings of the same questions.

    Raises:
        ValueError: no questions; a bin outside 1..n_bins.
    """
    if len(a) == 0:
        raise ValueError("there are no questions to compare bins on")
    for bins in (a, b):
        if bins.min() < 1 or bins.max() > n_bins:
            raise ValueError(f"bins run from {bins.min()} to {bins.max()}: allowed is 1..{n_bins}")
    confusion = np.bincount((a - 1) * n_bins + b - 1, minlength=n_bins**2).reshape(n_bins, n_bins)
    apart = np.abs(a - b)
    return BinComparison(confusion, float((apart == 0).mean()), float((apart <= 1).mean()), rank_correlation(a, b))


def rank_correlation(a: Shaped[np.ndarray, " problem"], b: Shaped[np.ndarray, " problem"]) -> float:
    """Spearman's correlation, equal values at their mean rank; NaN where one side has a single value."""
    if a.min() == a.max() or b.min() == b.max():
        return np.nan
    return float(np.corrcoef(pd.Series(a).rank(), pd.Series(b).rank())[0, 1])


def _row_mean(
    values: Float[np.ndarray, "problem sample"], n_samples: Int[np.ndarray, " problem"] | None
) -> Float[np.ndarray, " problem"]:
    width = values.shape[1]
    n = np.full(len(values), width) if n_samples is None else n_samples
    if (n < 1).any() or (n > width).any():
        raise ValueError(f"n_samples must lie in 1..{width}, the width of the pool, for every problem")
    used = np.arange(width) < n[:, None]
    mean = np.where(used, values, 0.0).sum(axis=1, dtype=np.float64) / n
    if np.isnan(mean).any():
        raise ValueError(f"problem {int(np.argmax(np.isnan(mean)))} has a score that is NaN")
    return mean
