"""Intervals against scipy and their coverage, sample sizes."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tts_lib.estimators.intervals import (
    Interval,
    bootstrap_weights,
    difference_interval,
    in_words,
    mean_interval,
    of_shares,
    questions_needed,
)


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_interval_agrees_with_scipy(method):
    """Both resample 20,000 times: their ends differ by Monte-Carlo error, about 0.02 standard errors."""
    values = np.random.default_rng(0).exponential(size=60)
    ours = mean_interval(values, bootstrap_weights(60, 20_000, np.random.default_rng(1)), method=method)
    theirs = scipy_stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method=method.replace("bca", "BCa"), rng=np.random.default_rng(2)
    ).confidence_interval
    tolerance = 0.1 * values.std() / np.sqrt(60)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=tolerance)
    assert ours.estimate == pytest.approx(values.mean())


def test_bca_differs_from_percentile_on_skewed_values():
    values, weights = (
        np.random.default_rng(0).exponential(size=40),
        bootstrap_weights(40, 4000, np.random.default_rng(1)),
    )
    bca, percentile = mean_interval(values, weights), mean_interval(values, weights, method="percentile")
    assert bca.high > percentile.high + 0.01


def test_interval_covers_the_truth():
    """400 intervals of nominal 90% for a mean of 60 uniforms: coverage within 0.90 +- 0.075 (5 SE)."""
    rng = np.random.default_rng(0)
    weights = bootstrap_weights(60, 400, rng)
    hits = 0
    for _ in range(400):
        interval = mean_interval(rng.random(60), weights, level=0.9)
        hits += interval.low <= 0.5 <= interval.high
    assert hits / 400 == pytest.approx(0.9, abs=0.075)


def test_paired_difference_is_narrower_than_two_separate_ones():
    rng = np.random.default_rng(0)
    ease = rng.random(200)
    a, b = ease + 0.05 + 0.01 * rng.normal(size=200), ease
    weights = bootstrap_weights(200, 1000, rng)
    paired, alone = difference_interval(a - b), mean_interval(a, weights)
    assert paired.low > 0
    assert (paired.high - paired.low) < (alone.high - alone.low) / 10


def test_equal_values_give_a_point_and_nan_raises():
    weights = bootstrap_weights(10, 100, np.random.default_rng(0))
    interval = mean_interval(np.full(10, 0.1), weights)
    assert (interval.low, interval.high) == (interval.estimate, interval.estimate)
    with pytest.raises(ValueError, match="1 of 10 questions"):
        mean_interval(np.where(np.arange(10) == 3, np.nan, 1.0), weights)
    with pytest.raises(ValueError, match=r"level is 1\.5"):
        mean_interval(np.arange(10.0), weights, level=1.5)


def test_weights_are_resamples():
    weights = bootstrap_weights(30, 50, np.random.default_rng(0))
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights * 30, np.round(weights * 30))
    assert (weights == bootstrap_weights(30, 50, np.random.default_rng(0))).all()
    assert (weights != bootstrap_weights(30, 50, np.random.default_rng(1))).any()
    with pytest.raises(ValueError, match="at least 2"):
        bootstrap_weights(1, 50, np.random.default_rng(0))


@pytest.mark.parametrize(("n", "better", "worse"), [(160, 0.02, 0.005), (80, 0.05, 0.05), (81, 0.02, 0.0)])
def test_a_difference_of_rare_events_is_covered(n, better, worse):
    """1,500 intervals of 95%: coverage at least .93 with a false-failure probability below .01 (BCa: .90, .94, .78)."""
    rng, hits = np.random.default_rng(0), 0
    for _ in range(1500):
        draw = rng.random(n)
        interval = difference_interval((draw < better).astype(float) - (draw > 1 - worse))
        hits += interval.low <= better - worse <= interval.high
    assert hits / 1500 >= 0.93


def test_a_difference_interval_is_students_but_for_two_questions():
    values = np.random.default_rng(0).normal(0.1, 0.3, 400)
    ours = difference_interval(values)
    theirs = scipy_stats.ttest_1samp(values, 0).confidence_interval()
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.003)
    assert ours.high - ours.low > theirs.high - theirs.low
    assert difference_interval(np.zeros(80)).high > 0.02  # nothing seen in 80: not nothing
    with pytest.raises(ValueError, match="1 questions"):
        difference_interval(values[:1])
    with pytest.raises(ValueError, match="1 of 400 questions"):
        difference_interval(np.where(np.arange(400) == 3, np.nan, values))


def test_questions_needed_gives_the_stated_power():
    """Effect 0.2 SD needs 197 questions; simulated power 0.80 within 5 SE of 2,000 repeats (0.045)."""
    unit = np.repeat([-1.0, 1.0], 5000)
    needed = questions_needed(unit, effect=0.2)
    assert needed == 197
    draws = np.random.default_rng(0).normal(0.2, 1.0, size=(2000, int(needed)))
    z = draws.mean(axis=1) / (draws.std(axis=1, ddof=1) / np.sqrt(needed))
    assert (np.abs(z) > 1.96).mean() == pytest.approx(0.8, abs=0.045)


def test_questions_needed_options_and_limits():
    values = np.random.default_rng(0).normal(0.1, 1.0, size=500)
    base = questions_needed(values)
    assert questions_needed(values, power=0.9) > base
    assert questions_needed(values, level=0.99) > base
    assert questions_needed(values - values.mean()) > 1e6
    assert questions_needed(np.zeros(5)) == math.inf
    with pytest.raises(ValueError, match=r"power is 1\.0"):
        questions_needed(values, power=1.0)
    with pytest.raises(ValueError, match="at least 2"):
        questions_needed(values[:1])


def test_interval_stays_within_the_values():
    """Weights that sum to 1 but for rounding make means of 1 + 4e-16 out of ones: a share is at most 1."""
    weights = bootstrap_weights(45, 400, np.random.default_rng(0))
    weights = weights / weights.sum(axis=1, keepdims=True)
    values = np.append(np.ones(44), 0.5)
    assert (weights @ values).max() > 1
    assert mean_interval(values, weights).high == 1


def test_an_interval_is_said_behind_its_estimate():
    assert in_words(0.5372, 0.509, 0.5659) == "53.7% [50.9%, 56.6%]"
    assert in_words(1.5, -0.25, 3.0, "+.1f", " doublings") == "+1.5 doublings [-0.2, +3.0]"


def test_a_share_stays_within_its_bounds_and_is_never_sure_of_all() -> None:
    """Eight of eight right do not mean that all are: at 0 and 1 the interval is that of as many equal differences."""
    for right in (0.0, 1.0):
        values = np.full(8, right)
        found = of_shares(Interval(right, right, right, 0.95), values)
        assert found.estimate == right and 0 <= found.low < found.high <= 1 and found.high - found.low > 0.1
    assert of_shares(Interval(0.75, 0.45, 1.05, 0.95), np.array([0.5, 1.0])).high == 1
    inside = Interval(0.5, 0.4, 0.6, 0.95)
    assert of_shares(inside, np.array([0.4, 0.6])) == inside
