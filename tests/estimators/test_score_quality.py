"""AUC and rank correlation against scikit-learn and scipy; calibration of scores that are calibrated or not."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from tts_lib.estimators.intervals import bootstrap_weights
from tts_lib.estimators.score_quality import auc, auc_by_question, calibration, spearman


def items(n_questions=60, n_samples=20, seed=0):
    """Labels cluster by question; scores on a grid, so that ties are frequent."""
    rng = np.random.default_rng(seed)
    ease = rng.random((n_questions, 1))
    labels = rng.random((n_questions, n_samples)) < ease
    scores = np.round(0.5 * ease + 0.3 * labels + 0.4 * rng.random(labels.shape), 1)
    question = np.repeat(np.arange(n_questions), n_samples)
    return scores, labels, question, bootstrap_weights(n_questions, 300, rng)


def test_auc_equals_scikit_learn():
    scores, labels, question, weights = items()
    result = auc(scores.ravel(), labels.ravel(), question, weights)
    assert result.estimate == pytest.approx(roc_auc_score(labels.ravel(), scores.ravel()), abs=1e-12)
    assert result.low < result.estimate < result.high


def test_auc_interval_resamples_questions():
    """A replicate equals scikit-learn's AUC with the question's weights; clustering widens the interval."""
    scores, labels, question, weights = items()
    flat = (scores.ravel(), labels.ravel())
    one = auc(*flat, question, weights[:1].repeat(2, axis=0))
    weighted = roc_auc_score(flat[1], flat[0], sample_weight=weights[0][question])
    assert (one.low, one.high) == pytest.approx((weighted, weighted), abs=1e-12)
    by_question = scores.mean(axis=1).repeat(20)  # one score a question: its items are worth little more than one
    each = bootstrap_weights(len(question), 100, np.random.default_rng(1))
    clustered = auc(by_question, flat[1], question, weights)
    single = auc(by_question, flat[1], np.arange(len(question)), each)
    assert clustered.high - clustered.low > 1.3 * (single.high - single.low)
    assert auc(*flat, question, weights, level=0.5).low > auc(*flat, question, weights).low


def test_auc_within_questions():
    scores, labels, _, _ = items()
    labels[0], labels[1] = True, False
    result = auc_by_question(scores, labels)
    assert np.isnan(result[:2]).all()
    expected = [
        roc_auc_score(label, score) for label, score in zip(labels[2:], scores[2:], strict=True) if 0 < label.mean() < 1
    ]
    np.testing.assert_allclose(result[~np.isnan(result)], expected, atol=1e-12)


def test_auc_bad_input():
    scores, labels, question, weights = items()
    with pytest.raises(ValueError, match="labels are all equal"):
        auc(scores.ravel(), np.ones(labels.size, dtype=bool), question, weights)
    with pytest.raises(ValueError, match="1 of 1200 scores are NaN"):
        auc(np.where(np.arange(1200) == 7, np.nan, scores.ravel()), labels.ravel(), question, weights)


def test_calibration_of_calibrated_and_shifted_scores():
    """20,000 items in 10 bins: SE of a bin at most 0.011; calibrated within 5 SE, shifted scores off by the shift."""
    rng = np.random.default_rng(0)
    scores = rng.random(20_000) * 0.8
    labels = (rng.random(20_000) < scores).astype(float)
    each = np.arange(20_000)
    table = calibration(scores, labels, each)
    assert (np.abs(table.predicted - table.observed) < 5 * table.standard_error).all()
    assert (table.n == 2000).all()
    assert table.expected_error < 0.02
    shifted = calibration(scores + 0.2, labels, each)
    assert shifted.expected_error == pytest.approx(0.2, abs=0.02)
    assert shifted.brier > table.brier
    np.testing.assert_allclose(table.standard_error, np.sqrt(table.observed * (1 - table.observed) / 2000), rtol=1e-6)


def test_calibration_clusters_and_bins():
    scores, labels, question, _ = items()
    flat, hard = scores.ravel(), labels.ravel().astype(float)
    clustered, single = calibration(flat, hard, question, 4), calibration(flat, hard, np.arange(len(flat)), 4)
    assert clustered.standard_error.mean() > single.standard_error.mean()
    assert len(calibration(flat, hard, question, 3).n) == 3
    with pytest.raises(ValueError, match=r"1\.\.1200"):
        calibration(flat, hard, question, 0)


def test_spearman_equals_scipy_with_interval():
    rng = np.random.default_rng(0)
    x = np.round(rng.random(100), 1)
    y = x + rng.random(100)
    result = spearman(x, y, 500, np.random.default_rng(1))
    assert result.estimate == pytest.approx(spearmanr(x, y).statistic)
    assert result.low < result.estimate < result.high
    assert spearman(x, y, 500, np.random.default_rng(1)) == result
    assert spearman(x, y, 500, np.random.default_rng(1), level=0.5).low > result.low


@pytest.mark.parametrize(("x", "y"), [([1.0] * 9, range(9)), (range(9), [0.0] * 9), ([0.0, 1.0], [0.0, 1.0])])
def test_the_rank_correlation_of_something_constant_is_undefined(x, y):
    x, y = (np.array(list(values), dtype=float) for values in (x, y))
    assert spearman(x, y, 100, np.random.default_rng(0)) is None
