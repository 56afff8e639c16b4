"""The law of coverage: planted laws are found again, forecasts hold, a floor is told from coverage."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from tts_lib.estimators import coverage_law, subsets
from tts_lib.estimators.coverage_law import CoverageLaw, among_fewer, fit, fit_power, right_counts

N_SAMPLES, GUESS = 128, 0.02
SIZES = np.log([0.25, 0.5, 1.0, 2.0, 4.0, 14.0])
FEATURES = np.column_stack([np.ones(len(SIZES)), SIZES])
OF_A, OF_B = np.array([-1.2, 0.3]), np.array([0.3, -0.2])
ONE = np.ones((1, 1))


def drawn(number: int, n_questions: int = 4000) -> np.ndarray:
    """Right samples of each question of one model."""
    draws = np.random.default_rng(number)
    known = draws.beta(np.exp(FEATURES[number] @ OF_A), np.exp(FEATURES[number] @ OF_B), n_questions)
    return draws.binomial(N_SAMPLES, GUESS + (1 - GUESS) * known)


COUNTS = np.stack([right_counts(drawn(number), N_SAMPLES) for number in range(len(SIZES))])


def test_a_planted_law_is_found_and_forecasts_the_size_left_out() -> None:
    law = fit(COUNTS[:-1], GUESS, FEATURES[:-1])
    np.testing.assert_allclose(law.of_a, OF_A, atol=0.05)
    np.testing.assert_allclose(law.of_b, OF_B, atol=0.05)
    truth = subsets.coverage(drawn(5), N_SAMPLES, [1, 16, 128]).mean(axis=0)
    np.testing.assert_allclose(law.coverage(FEATURES[-1:], [1, 16, 128])[0], truth, atol=0.03)


def test_a_pool_is_forecast_from_its_first_samples() -> None:
    """The floor is what makes it rise on: without it, and by a power law, the forecast is too low."""
    counts = among_fewer(COUNTS[2], 16)[None]
    truth = CoverageLaw(OF_A, OF_B, GUESS).coverage(FEATURES[2:3], [256])[0, 0]
    seen = subsets.coverage(drawn(2), N_SAMPLES, [1, 2, 4, 8, 16]).mean(axis=0)[None]
    forecasts = [fit(counts, GUESS).coverage(ONE, [256]), fit(counts, 0.0).coverage(ONE, [256])]
    forecasts.append(fit_power(seen, [1, 2, 4, 8, 16]).coverage(ONE, [256]))
    errors = [abs(float(each[0, 0]) - truth) for each in forecasts]
    assert errors[0] < 0.01 and errors[1] > 0.03 and errors[2] > 0.03


def test_the_law_is_the_mean_over_its_distribution() -> None:
    draws = np.random.default_rng(0)
    right = GUESS + (1 - GUESS) * draws.beta(np.exp(-1.2), np.exp(0.3), 400_000)
    law = CoverageLaw(OF_A[:1], OF_B[:1], GUESS)
    truth = [1 - ((1 - right) ** k).mean() for k in (1, 10, 100)]
    np.testing.assert_allclose(law.coverage(ONE, [1, 10, 100])[0], truth, atol=2e-3)


def test_the_slope_of_the_likelihood_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def checked(loss, start, **_):
        points = np.random.default_rng(0).normal(0, 0.5, (3, len(start)))
        seen.extend(check_grad(lambda x: loss(x)[0], lambda x: loss(x)[1], point) for point in points)
        return type("Found", (), {"x": start})

    monkeypatch.setattr(coverage_law, "minimize", checked)
    fit(COUNTS, GUESS, FEATURES)
    assert len(seen) == 3 and max(seen) < 1e-4


def test_fewer_samples_are_all_subsets() -> None:
    right = np.array([0, 1, 3, 4])
    fewer = among_fewer(right_counts(right, 4), 2)
    coverage = subsets.coverage(right, 4, [2]).mean()
    assert fewer.sum() == pytest.approx(4) and 1 - fewer[0] / 4 == pytest.approx(coverage)


def test_a_power_law_is_found() -> None:
    budgets = [1, 4, 16, 64]
    law = coverage_law.PowerLaw(OF_A, np.array([-0.3, 0.1]))
    found = fit_power(law.coverage(FEATURES, budgets), budgets, FEATURES)
    np.testing.assert_allclose(np.r_[found.of_level, found.of_slope], np.r_[law.of_level, law.of_slope], atol=1e-6)


def test_what_makes_no_law_is_refused() -> None:
    with pytest.raises(ValueError, match=r"guess 1\.0"):
        fit(COUNTS, 1.0)
    with pytest.raises(ValueError, match="0 questions"):
        fit(np.zeros((1, 5)), 0.1)
    with pytest.raises(ValueError, match=r"9 of 4 samples: allowed is 1\.\.4"):
        among_fewer(np.ones(5), 9)
