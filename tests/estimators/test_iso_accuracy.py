"""Iso-accuracy ratios on curves whose answer is known, and honesty about censoring."""

import numpy as np
import pytest

from tts_lib.estimators.intervals import bootstrap_weights
from tts_lib.estimators.iso_accuracy import MeanCurve, iso_accuracy_ratio
from tts_lib.estimators.per_question import PerQuestion

BUDGETS = [4, 16, 64, 256]


def curve(values, noise=0.0, n=200, seed=0):
    """Questions whose mean is exactly `values`."""
    wobble = np.random.default_rng(seed).normal(size=(n, 1)) * noise
    return np.asarray(values, dtype=float) + wobble - wobble.mean()


def ratio(a, b, at, n_resamples=400, level=0.95, budgets_a=BUDGETS):
    weights = bootstrap_weights(len(a), n_resamples, np.random.default_rng(1))
    of_a, of_b = (MeanCurve.of(x, PerQuestion(y), weights) for x, y in ((budgets_a, a), (BUDGETS, b)))
    return iso_accuracy_ratio(of_a, of_b, at, level)


def test_four_times_cheaper():
    """A at N/4 equals B at N; both move together over questions, so the paired interval is a point."""
    b = curve([0.2, 0.3, 0.4, 0.5], noise=0.3)
    a = b + 0.1
    result = ratio(a, b, at=64)
    assert (result.estimate, result.low, result.high) == pytest.approx((4, 4, 4))
    assert (result.bound, result.low_bound, result.high_bound) == ("exact", "exact", "exact")
    assert result.target == pytest.approx(0.4)


def test_interpolates_in_log_budget():
    a, b = curve([0.2, 0.4, 0.6, 0.8]), curve([0.1, 0.2, 0.3, 0.4])
    assert ratio(a, b, at=64).estimate == pytest.approx(64 / 8)  # 0.3 is half way from 4 to 16
    assert ratio(a, b, at=32).estimate == pytest.approx(32 / 4 / 4 ** (0.05 / 0.2))  # target 0.25


def test_first_crossing_of_a_curve_that_falls_again():
    a, b = curve([0.1, 0.5, 0.2, 0.5]), curve([0.1, 0.2, 0.3, 0.4])
    assert ratio(a, b, at=64).estimate == pytest.approx(64 / 8)


def test_never_reached_is_a_bound():
    result = ratio(curve([0.1, 0.2, 0.25, 0.3]), curve([0.1, 0.2, 0.4, 0.5]), at=256)
    assert (result.estimate, result.bound, result.share_not_reached) == (1.0, "at_most", 1.0)
    assert (result.low, result.low_bound, result.high_bound) == (1.0, "at_most", "at_most")


def test_reached_below_the_grid_is_a_bound():
    result = ratio(curve([0.6, 0.7, 0.8, 0.9]), curve([0.1, 0.2, 0.4, 0.5]), at=64)
    assert (result.estimate, result.bound, result.share_below_grid) == (16.0, "at_least", 1.0)


def test_part_of_the_replicates_censored():
    """A's last budget just reaches the target: about half of the replicates do not, and the low end is a bound."""
    a, b = curve([0.1, 0.2, 0.3, 0.41], noise=0.4, seed=1), curve([0.1, 0.2, 0.4, 0.5], noise=0.4, seed=2)
    result = ratio(a, b, at=64)
    assert result.bound == "exact"
    assert 0.2 < result.share_not_reached < 0.8
    assert (result.low_bound, result.low) == ("at_most", 64 / 256)
    assert result.low <= result.estimate <= result.high


def test_level_and_budget_axis_matter():
    a, b = curve([0.2, 0.4, 0.6, 0.8], noise=0.2, seed=1), curve([0.1, 0.3, 0.5, 0.7], noise=0.2, seed=2)
    assert ratio(a, b, 64, level=0.5).low > ratio(a, b, 64, level=0.99).low
    assert ratio(a, b, 64, budgets_a=[8, 32, 128, 512]).estimate == pytest.approx(ratio(a, b, 64).estimate / 2)


@pytest.mark.parametrize(
    ("at", "values", "level", "message"),
    [
        (512, [0.1, 0.2, 0.3, 0.4], 0.95, "512 is outside 4..256"),
        (64, [0.1, 0.2, np.nan, 0.4], 0.95, "accuracy has NaN"),
        (64, [0.1, 0.2, 0.3], 0.95, "one for each column"),
        (64, [0.1, 0.2, 0.3, 0.4], 1.0, "level is 1.0"),
    ],
)
def test_bad_input(at, values, level, message):
    with pytest.raises(ValueError, match=message):
        ratio(curve(values), curve([0.1, 0.2, 0.3, 0.4]), at, level=level)
