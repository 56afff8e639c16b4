"""From where on something pays: planted crossings are found and covered."""

import numpy as np
import pytest

from tts_lib.estimators.crossing import ALWAYS, NEVER, crossing, crossing_interval
from tts_lib.estimators.intervals import bootstrap_weights
from tts_lib.estimators.score_quality import auc_by_question, auc_within

QUALITY = np.array([0.6, 0.7, 0.8, 1.0])


@pytest.mark.parametrize(
    ("gain", "where"),
    [
        ([-2, -1, 1, 3], 0.75),
        ([-2, 1, -1, 3], 0.85),  # for good: a gain that is lost again does not count
        ([1, 1, 1, 1], ALWAYS),
        ([-2, 1, 1, -1], NEVER),
        ([-2, -1, -1, 0], NEVER),
    ],
)
def test_by_hand(gain: list[float], where: float) -> None:
    order = np.array([2, 0, 3, 1])
    assert crossing(QUALITY, np.array(gain, float)) == pytest.approx(where)
    assert crossing(QUALITY[order], np.array(gain, float)[order]) == pytest.approx(where)


def planted(rng: np.random.Generator, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Qualities and gains of questions whose means cross zero at .76; a third of them do not tell the quality."""
    quality = QUALITY[:, None] + rng.normal(0, 0.1, (4, n))
    quality[:, rng.random(n) < 1 / 3] = np.nan
    return quality, (0.5 * (QUALITY - 0.76))[:, None] + rng.normal(0, 0.3, (4, n)) + rng.normal(0, 0.1, n)


def test_a_planted_crossing_is_covered() -> None:
    covered = 0
    for run in range(100):
        rng = np.random.default_rng(run)
        interval = crossing_interval(*planted(rng), bootstrap_weights(300, 300, rng))
        covered += interval.low <= 0.76 <= interval.high
        assert interval.low <= interval.estimate <= interval.high
    assert covered >= 87  # of 95 in 100: fewer with p < .002


def test_what_gains_everywhere_pays_always_and_what_gains_nowhere_never() -> None:
    rng = np.random.default_rng(0)
    quality, gain = planted(rng)
    weights = bootstrap_weights(300, 200, rng)
    assert crossing_interval(quality, gain + 5, weights).high == ALWAYS
    assert crossing_interval(quality, gain - 5, weights).low == NEVER
    quality[1] = np.nan
    with pytest.raises(ValueError, match="quality of rung 1"):
        crossing_interval(quality, gain, weights)


def test_auc_within_a_question_is_over_those_that_compete() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 5, (6, 20)).astype(float), rng.random((6, 20)) < 0.4
    labels[2] = True
    question, alike = np.repeat(np.arange(6), 20), np.zeros(120, int)
    found = auc_within(scores.ravel(), labels.ravel(), question, alike, 7)
    np.testing.assert_allclose(found[:6], auc_by_question(scores, labels))
    assert np.isnan(found[[2, 6]]).all() and not np.isnan(found[:2]).any()
    rivals = rng.integers(0, 3, 120)
    apart = auc_within(scores.ravel(), labels.ravel(), question, rivals, 6)
    for q in range(6):
        pairs = [
            (scores[q, i] > scores[q, j]) + 0.5 * (scores[q, i] == scores[q, j])
            for i in range(20)
            for j in range(20)
            if labels[q, i] and not labels[q, j] and rivals[20 * q + i] == rivals[20 * q + j]
        ]
        assert (np.isnan(apart[q]) and not pairs) or apart[q] == pytest.approx(np.mean(pairs))
