"""Curves of equal accuracy, their slope, and the size at which two ways break even."""

import numpy as np
import pytest

from tts_lib.estimators.bounded import bounded
from tts_lib.estimators.exchange_rate import break_even, exchange_rate, log_samples
from tts_lib.estimators.trainings import training_weights

BUDGETS = [1, 2, 4, 8, 16, 32]
SIZES = np.log([1.0, 2.0, 4.0, 8.0])


def planted(rate: float) -> np.ndarray:
    """Accuracy .1 + .1 log2(N P^rate), a line in log N."""
    return 0.1 + 0.1 * (np.log2(BUDGETS)[None] + rate * SIZES[:, None] / np.log(2))


@pytest.mark.parametrize("rate", [0.5, 1.0, 1.7])
def test_a_planted_rate_is_found_at_every_accuracy(rate: float) -> None:
    for level in (0.33, 0.45):
        assert exchange_rate(log_samples(planted(rate), BUDGETS, level), SIZES) == pytest.approx(rate)


def test_what_lies_beyond_the_samples_is_said() -> None:
    found = log_samples(planted(1.0), BUDGETS, 0.42)
    np.testing.assert_allclose(found, np.log(2) * np.array([3.2, 2.2, 1.2, 0.2]), atol=1e-9)
    np.testing.assert_array_equal(log_samples(planted(1.0), BUDGETS, 0.05), np.full(4, -np.inf))
    np.testing.assert_array_equal(log_samples(planted(1.0), BUDGETS, 0.95), np.full(4, np.inf))
    assert np.isnan(exchange_rate(log_samples(planted(1.0), BUDGETS, 0.87), SIZES))  # one model reaches it


def test_a_curve_that_falls_counts_at_its_highest() -> None:
    means = np.array([[0.5, 0.3, 0.3, 0.6, 0.6, 0.6]])
    assert log_samples(means, BUDGETS, 0.55)[0] == pytest.approx(np.log(4) + np.log(2) / 2)


def test_resamples_are_taken_row_by_row() -> None:
    rows = np.stack([planted(0.5), planted(1.0)])
    np.testing.assert_allclose(exchange_rate(log_samples(rows, BUDGETS, 0.35), SIZES), [0.5, 1.0])


def test_break_even_lies_where_the_difference_is_gone() -> None:
    multiples = np.log([2.0, 4.0, 16.0])
    rows = np.array([[0.1, 0.05, -0.05], [-0.1, 0.2, 0.2], [0.1, 0.1, 0.0], [0.1, -0.1, 0.3]])
    expected = [np.log(8), -np.inf, np.inf, np.log(2) + np.log(2) / 2]
    np.testing.assert_allclose(break_even(rows, multiples), expected)
    with pytest.raises(ValueError, match="ascending"):
        break_even(rows, multiples[::-1])


def test_an_end_beyond_the_sizes_is_a_bound() -> None:
    found = bounded(1.5, np.r_[np.full(10, -np.inf), np.full(80, 1.0), np.full(10, np.inf)], (0.0, 2.0))
    assert (found.estimate, found.bound) == (1.5, "exact")
    assert (found.low, found.low_bound, found.high, found.high_bound) == (0.0, "at_most", 2.0, "at_least")


def test_budgets_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="ascending"):
        log_samples(planted(1.0), BUDGETS[::-1], 0.3)


def test_weights_of_trainings_vary_as_trainings_do() -> None:
    """The variance of a mean of three is that between means of three, not two thirds of it."""
    values = np.array([0.0, 1.0, 5.0])
    means = training_weights(3, 40_000, np.random.default_rng(0)) @ values
    assert means.mean() == pytest.approx(2.0, abs=0.03)
    assert means.std() == pytest.approx(values.std(ddof=1) / np.sqrt(3), rel=0.02)
    np.testing.assert_array_equal(training_weights(1, 4, np.random.default_rng(0)), np.ones((4, 1)))
