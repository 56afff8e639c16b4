"""Worth in samples, crossings and break-even: planted loops that only sharpen and that learn."""

import math

import numpy as np
import pytest

from tts_lib.estimators.amortisation import amortisation, break_even, crossing
from tts_lib.estimators.intervals import bootstrap_weights
from tts_lib.estimators.iso_accuracy import MeanCurve
from tts_lib.estimators.per_question import PerQuestion

LONG, SHORT = tuple(2**i for i in range(10)), tuple(2**i for i in range(8))
N = 400


def accuracy(n: np.ndarray) -> np.ndarray:
    """Of the model before, with n samples: linear in the logarithm, so that interpolation is exact."""
    return 0.1 + 0.05 * np.log2(n)


def curve(budgets: tuple[int, ...], worth: np.ndarray, seed: int, noise: float = 0.3) -> MeanCurve:
    """Of questions that attain in the mean what `worth` samples before attain; a question is as noisy at each."""
    rng = np.random.default_rng(seed)
    each = accuracy(worth) + rng.normal(0, noise, (N, 1)) + rng.normal(0, noise / 10, (N, len(budgets)))
    return MeanCurve.of(budgets, PerQuestion(each), bootstrap_weights(N, 200, np.random.default_rng(9)))


SHARPENED = np.array(SHORT) + 7.0  # the loop spares 7 samples, and no more: A(N) = (N + 7) / N
LEARNED = np.array(SHORT) * 4.0  # what it learned, sampling finds four times as slowly


@pytest.mark.parametrize("worth", [SHARPENED, LEARNED])
def test_the_planted_worth_of_a_sample_is_recovered(worth: np.ndarray) -> None:
    after, before = curve(SHORT, worth, 0, noise=0), curve(LONG, np.array(LONG, float), 1, noise=0)
    for budget, truth in zip(SHORT[:7], worth[:7], strict=True):  # the last is the end of the curve before
        found = amortisation(after, before, budget)
        assert found.estimate == pytest.approx(truth / budget) and found.bound == "exact"
        assert found.low == pytest.approx(found.high) == pytest.approx(found.estimate)


@pytest.mark.parametrize(("worth", "truth"), [(SHARPENED, 71 / 64), (LEARNED, 4.0)])
def test_its_interval_covers(worth: np.ndarray, truth: float) -> None:
    """95% intervals of 60 planted worlds; fewer than 50 would cover by chance once in 10^4."""
    covered = 0
    for seed in range(60):
        after = curve(SHORT, worth, 2 * seed, noise=0.2)
        before = curve(LONG, np.array(LONG, float), 2 * seed + 1, noise=0.2)
        found = amortisation(after, before, 64)
        assert found.low <= found.estimate <= found.high
        covered += (found.low <= truth or found.low_bound == "at_most") and (
            found.high >= truth or found.high_bound == "at_least"
        )
    assert covered >= 50


def test_beyond_the_curve_before_worth_is_a_bound() -> None:
    before = curve(SHORT, np.array(SHORT, float), 0, noise=0)
    more = amortisation(curve(SHORT, 1000.0 * np.ones(8), 1, noise=0), before, 16)
    assert (more.estimate, more.bound, more.low_bound) == (128 / 16, "at_least", "at_least")
    less = amortisation(curve(SHORT, 0.5 * np.ones(8), 1, noise=0), before, 16)
    assert (less.estimate, less.bound) == (1 / 16, "at_most")


@pytest.mark.parametrize(
    ("at", "expected"), [(6.0, (6.0, "exact")), (0.5, (1.0, "at_most")), (999.0, (128.0, "at_least"))]
)
def test_curves_cross_where_they_were_planted_to(at: float, expected: tuple[float, str]) -> None:
    """One rises by .05 a doubling, the other by .02, through the same point."""
    flat = accuracy(np.array([at])) + 0.02 * (np.log2(np.array(SHORT)) - math.log2(at))
    weights = bootstrap_weights(N, 200, np.random.default_rng(9))
    noise = np.random.default_rng(0).normal(0, 0.05, (N, 8))
    before = MeanCurve.of(
        SHORT, PerQuestion(np.tile(accuracy(np.array(SHORT)), (N, 1)) - noise.mean(0) + noise), weights
    )
    after = MeanCurve.of(SHORT, PerQuestion(np.tile(flat, (N, 1))), weights)
    found = crossing(after, before)
    assert found.estimate == pytest.approx(expected[0], rel=0.03) and found.bound == expected[1]
    assert found.low <= found.estimate <= found.high


def test_curves_of_other_budgets_do_not_cross() -> None:
    with pytest.raises(ValueError, match="both have"):
        crossing(curve(SHORT, LEARNED, 0), curve(LONG, np.array(LONG, float), 0))


def test_what_is_paid_once_is_repaid_by_questions() -> None:
    assert break_even(1e6, 30.0, 10.0) == 5e4
    assert break_even(1e6, 10.0, 10.0) == math.inf
