"""Coverage (pass@k) as a law: questions differ, answers are guessed, and more samples find more of them.

A sample of a question is right with chance p = c + (1 - c) x: guessed with chance c, or else found with a chance x
that differs between questions as Beta(a, b). Then coverage has a closed form,

    coverage(k) = 1 - E[(1 - p)^k] = 1 - (1 - c)^k B(a, b + k) / B(a, b),

and so has the chance of every number of right samples. log a and log b are linear in features of the model (log P,
log D), or constants of one pool. Schaeffer et al. 2025 (2502.17578) derive power laws of coverage from such a
distribution; the floor is what a short list of possible answers adds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, psi
from scipy.stats import binom, hypergeom

_START = (-1.0, 0.0)  # log a, log b: most questions are hard
_BOUND = 12.0  # of log a and log b: beyond it all questions are alike


@dataclass(frozen=True, eq=False)
class CoverageLaw:
    """The fitted law: how features give log a and log b, and the chance of a guess."""

    of_a: Float[np.ndarray, " feature"]
    of_b: Float[np.ndarray, " feature"]
    guess: float

    def coverage(
        self, features: Float[np.ndarray, "model feature"], budgets: Sequence[int]
    ) -> Float[np.ndarray, "model budget"]:
        """Expected coverage of models at budgets."""
        a, b = (np.exp(np.clip(features @ of, -_BOUND, _BOUND))[:, None] for of in (self.of_a, self.of_b))
        k = np.asarray(budgets, np.float64)[None, :]
        missed = betaln(a, b + k) - betaln(a, b) + k * np.log1p(-self.guess)
        return -np.expm1(missed)


def fit(
    counts: Float[np.ndarray, "model right"], guess: float, features: Float[np.ndarray, "model feature"] | None = None
) -> CoverageLaw:
    """The law of greatest likelihood.

    Args:
        counts: questions of each model with 0, 1, ... n right samples of n; weights of a resample may be fractions.
        guess: c, the chance that a guess is right; 0 for free answers.
        features: of each model, the first of them 1; None: one pool, or several alike.

    Raises:
        ValueError: guess outside 0..1; no question; the numbers of models differ.
    """
    x = np.ones((len(counts), 1)) if features is None else features
    if not 0 <= guess < 1 or counts.sum() <= 0 or len(x) != len(counts):
        raise ValueError(f"guess {guess}, {counts.sum():g} questions of {len(counts)} models, features of {len(x)}")
    n, width = counts.shape[1] - 1, x.shape[1]
    right = np.arange(n + 1)
    guessed = np.array([binom.pmf(right - found, n - found, guess) for found in right])  # (found, right)
    ways = gammaln(n + 1) - gammaln(right + 1) - gammaln(n - right + 1)

    def loss(theta: Float[np.ndarray, " parameter"]) -> tuple[float, Float[np.ndarray, " parameter"]]:
        log_a, log_b = (np.clip(x @ part, -_BOUND, _BOUND) for part in (theta[:width], theta[width:]))
        a, b = np.exp(log_a)[:, None], np.exp(log_b)[:, None]
        found = np.exp(ways + betaln(right + a, n - right + b) - betaln(a, b))  # beta-binomial (model, found)
        likelihood = np.maximum(found @ guessed, 1e-300)
        share = counts / likelihood
        by_found = found * (share @ guessed.T)  # how much each number of found ones counts
        common = psi(a + b) - psi(n + a + b)
        slope_a = (by_found * (psi(right + a) - psi(a) + common)).sum(axis=1) * a[:, 0]
        slope_b = (by_found * (psi(n - right + b) - psi(b) + common)).sum(axis=1) * b[:, 0]
        value = -float((counts * np.log(likelihood)).sum())
        return value / counts.sum(), -np.r_[slope_a @ x, slope_b @ x] / counts.sum()

    start = np.zeros(2 * width)
    start[0], start[width] = _START
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return CoverageLaw(found[:width], found[width:], guess)


@dataclass(frozen=True, eq=False)
class PowerLaw:
    """The rival: -log coverage = exp(u) k^v, with u and v linear in features (Brown et al. 2407.21787)."""

    of_level: Float[np.ndarray, " feature"]
    of_slope: Float[np.ndarray, " feature"]

    def coverage(
        self, features: Float[np.ndarray, "model feature"], budgets: Sequence[int]
    ) -> Float[np.ndarray, "model budget"]:
        """Coverage of models at budgets."""
        k = np.log(np.asarray(budgets, np.float64))[None, :]
        return np.exp(-np.exp((features @ self.of_level)[:, None] + (features @ self.of_slope)[:, None] * k))


def fit_power(
    coverage: Float[np.ndarray, "model budget"],
    budgets: Sequence[int],
    features: Float[np.ndarray, "model feature"] | None = None,
) -> PowerLaw:
    """The power law through measured coverage: least squares on log(-log coverage), 0 and 1 taken as nearly so."""
    x = np.ones((len(coverage), 1)) if features is None else features
    inside = np.clip(coverage, 1e-6, 1 - 1e-6)
    k = np.log(np.asarray(budgets, np.float64))
    design = np.concatenate(
        [np.repeat(x, len(k), axis=0), np.repeat(x, len(k), axis=0) * np.tile(k, len(x))[:, None]], 1
    )
    found = np.linalg.lstsq(design, np.log(-np.log(inside)).ravel(), rcond=None)[0]
    return PowerLaw(found[: x.shape[1]], found[x.shape[1] :])


def right_counts(n_correct: Int[np.ndarray, " question"], n_samples: int) -> Float[np.ndarray, " right"]:
    """How many questions have 0, 1, ... n_samples right samples."""
    return np.bincount(n_correct, minlength=n_samples + 1).astype(np.float64)


def among_fewer(counts: Float[np.ndarray, " right"], n_samples: int) -> Float[np.ndarray, " fewer"]:
    """The same counts, had only so many samples been drawn: averaged over all subsets of each pool.

    Raises:
        ValueError: more than there are.
    """
    n = len(counts) - 1
    if not 1 <= n_samples <= n:
        raise ValueError(f"{n_samples} of {n} samples: allowed is 1..{n}")
    return counts @ hypergeom.pmf(np.arange(n_samples + 1)[None, :], n, np.arange(n + 1)[:, None], n_samples)
