"""The interval over trainings and questions: does it cover, and is it no wider than it must be?"""

import math

import numpy as np
import pytest

from tts_lib.estimators.trainings import two_level_interval

N = 2_000
# Standard deviations of: what trainings share of the questions' noise, what each has of its own, the training itself.
MIXTURES = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 0.5), (1, 0, 1), (1, 0.5, 2), (0.5, 1, 1)]


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize(("shared", "own", "training"), MIXTURES)
def test_it_covers(n: int, shared: float, own: float, training: float) -> None:
    """The truth is 0. Of 2,000 studies a coverage of .95 shows as less than .93 once in 40,000 times."""
    rng = np.random.default_rng([n, *(int(10 * part) for part in (shared, own, training))])
    of_questions = rng.normal(0, shared, (N, 1)) + rng.normal(0, own, (N, n))
    estimates = of_questions + rng.normal(0, training, (N, n))
    error = math.hypot(shared, own)
    found = [two_level_interval(each, np.full(n, error)) for each in estimates]
    covered = np.mean([interval.low <= 0 <= interval.high for interval in found])
    assert covered > 0.93
    if own == 0 and 0 in (shared, training):  # one level alone: exact
        assert covered < 0.97


def test_without_a_spread_it_is_that_of_the_questions() -> None:
    interval = two_level_interval(np.full(3, 0.2), np.full(3, 0.01))
    assert (interval.low, interval.high) == pytest.approx((0.2 - 0.0196, 0.2 + 0.0196), abs=1e-5)


def test_three_trainings_are_few() -> None:
    interval = two_level_interval(np.array([-1.0, 0.0, 1.0]), np.zeros(3))
    assert interval.high == pytest.approx(4.3027 / math.sqrt(3), abs=1e-4)


def test_what_has_no_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="1 trainings"):
        two_level_interval(np.array([0.1]), np.array([0.1]))
    with pytest.raises(ValueError, match="no number"):
        two_level_interval(np.array([0.1, np.nan]), np.array([0.1, 0.1]))
