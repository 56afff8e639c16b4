"""Difficulty scores, bins with ties, frozen edges, sample splits."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from helpers.simulator import pools
from tts_lib.estimators.difficulty import (
    MAX_PRIOR,
    Binning,
    absolute_binning,
    compare_bins,
    oracle,
    predicted,
    prior_worth,
    probe,
    quantile_binning,
    with_prior,
)


def sizes(bins, n_bins=5):
    return np.bincount(bins, minlength=n_bins + 1)[1:].tolist()


def test_scores_are_row_means_of_used_samples():
    correct = np.array([[True, False, True], [True, True, False]])
    np.testing.assert_allclose(oracle(correct), [2 / 3, 2 / 3])
    np.testing.assert_allclose(oracle(correct, np.array([3, 2])), [2 / 3, 1])
    scores = np.array([[0.5, 1.0, 0.0], [0.25, 0.75, np.nan]])
    np.testing.assert_allclose(predicted(scores, np.array([3, 2])), [0.5, 0.5])
    with pytest.raises(ValueError, match="problem 1 has a score that is NaN"):
        predicted(scores)
    with pytest.raises(ValueError, match=r"1\.\.3"):
        oracle(correct, np.array([0, 3]))


def test_distinct_scores_give_equal_quintiles_easiest_first():
    score = np.random.default_rng(0).permutation(100) / 100.0
    bins = quantile_binning(score).assign(score)
    assert sizes(bins) == [20] * 5
    assert score[bins == 1].min() > score[bins == 2].max()
    assert score[bins == 4].min() > score[bins == 5].max()


@pytest.mark.parametrize(
    ("zeros", "ones", "expected"),
    [
        (25, 0, [20, 20, 20, 15, 25]),  # the tied zeros go whole into the hardest bin
        (45, 0, [20, 20, 15, 0, 45]),
        (0, 45, [45, 0, 15, 20, 20]),
        (10, 10, [20, 20, 20, 20, 20]),
    ],
)
def test_ties_stay_together_in_the_outer_bin(zeros, ones, expected):
    middle = np.linspace(0.1, 0.9, 100 - zeros - ones)
    score = np.concatenate([np.zeros(zeros), middle, np.ones(ones)])
    assert sizes(quantile_binning(score).assign(score)) == expected


def test_two_values_and_one_value():
    score = np.array([0.0] * 60 + [1.0] * 40)
    assert sizes(quantile_binning(score).assign(score)) == [40, 0, 0, 0, 60]
    assert sizes(quantile_binning(np.full(10, 0.3)).assign(np.full(10, 0.3))) == [10, 0, 0, 0, 0]


def test_frozen_edges_apply_to_other_questions():
    fitted = quantile_binning(np.linspace(0, 1, 101), 4)
    assert fitted.assign(np.array([-3.0, 0.3, 0.6, 0.9, 7.0])).tolist() == [4, 3, 2, 1, 1]
    assert Binning(fitted.edges) == fitted


def test_n_bins_changes_the_result():
    score = np.linspace(0, 1, 30)
    assert quantile_binning(score, 3).n_bins == 3
    assert sizes(quantile_binning(score, 3).assign(score), 3) == [10, 10, 10]


def test_absolute_bins_and_their_edges():
    score = np.array([1.0, 0.5, 0.49, 0.1, 0.09, 0.0])
    assert absolute_binning().assign(score).tolist() == [1, 1, 2, 2, 3, 3]
    assert absolute_binning((0.3,)).assign(score).tolist() == [1, 1, 1, 2, 2, 2]
    for edges in ((), (0.5, 0.1), (0.0, 0.5), (0.5, 1.0)):
        with pytest.raises(ValueError, match="ascend"):
            absolute_binning(edges)


@pytest.mark.parametrize(
    ("score", "n_bins", "message"),
    [([0.1, 0.2], 5, r"1\.\.2"), ([0.1, 0.2], 0, "n_bins is 0"), ([0.1, np.nan], 2, "score 1 is NaN")],
)
def test_quantile_bad_input(score, n_bins, message):
    with pytest.raises(ValueError, match=message):
        quantile_binning(np.array(score), n_bins)


def test_one_bin_holds_every_question():
    score = np.array([0.0, 0.5, 1.0])
    assert quantile_binning(score, 1).assign(score).tolist() == [1, 1, 1]


def test_assign_refuses_nan():
    with pytest.raises(ValueError, match="score 1 is NaN"):
        absolute_binning().assign(np.array([0.5, np.nan]))


def test_probe_uses_and_charges_the_first_samples_only():
    pool = pools(20, 64, np.random.default_rng(0))
    tokens = np.arange(20 * 64).reshape(20, 64)
    four = probe(pool.scores, tokens, 4)
    np.testing.assert_allclose(four.score, pool.scores[:, :4].mean(axis=1))
    assert (four.policy_tokens == tokens[:, :4].sum(axis=1)).all()
    assert four.n_generations == 4
    assert (four.charged_budget(16, reuse=False), four.charged_budget(16, reuse=True)) == (20, 16)
    assert four.charged_budget(2, reuse=True) == 4
    for n_probe in (0, 33):
        with pytest.raises(ValueError, match=r"1\.\.32"):
            probe(pool.scores, tokens, n_probe)


def test_more_probe_samples_predict_better():
    """Rank correlation with the true success rate rises by over 0.1 from 1 to 32 samples (sampling SD about 0.02)."""
    pool = pools(400, 32, np.random.default_rng(0), separation=3.0)
    tokens = np.ones_like(pool.answers)
    by_probe = [spearmanr(probe(pool.scores, tokens, n).score, pool.success).statistic for n in (1, 32)]
    assert by_probe[1] > by_probe[0] + 0.1


@pytest.mark.parametrize("worth", [1.0, 6.0])
def test_what_a_prediction_counts_as_is_found(worth):
    """Chances of success Beta(k z, k (1 - z)): k is the samples that z is worth, whatever the probe (SD about 4%)."""
    rng = np.random.default_rng(0)
    z = rng.uniform(0.1, 0.9, 20_000)
    chance = rng.beta(worth * z, worth * (1 - z))
    for n in (2, 16):
        drawn = rng.binomial(n, chance) / n
        assert prior_worth(z, drawn, n, chance) == pytest.approx(worth, rel=0.2)
        both = with_prior(z, worth, drawn, n)
        assert all(np.mean((both - chance) ** 2) < np.mean((other - chance) ** 2) for other in (z, drawn))


def test_a_prediction_counts_from_nothing_to_all():
    probe_of_4, truth = np.array([0.2, 0.4, 0.9]), np.array([0.1, 0.5, 0.8])
    assert prior_worth(truth, truth, 4, truth) == 0  # nothing to add
    assert prior_worth(truth[::-1], probe_of_4, 4, probe_of_4) == 0
    assert prior_worth(truth, probe_of_4, 4, truth) == pytest.approx(MAX_PRIOR)
    assert with_prior(0.8, 6.0, 0.2, 2) == pytest.approx((6 * 0.8 + 2 * 0.2) / 8)
    np.testing.assert_array_equal(with_prior(truth, 0.0, probe_of_4, 4), probe_of_4)


def test_compare_bins():
    a, b = np.array([1, 1, 2, 3, 3]), np.array([1, 2, 2, 3, 1])
    result = compare_bins(a, b, 3)
    assert result.confusion.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]
    assert (result.same, result.adjacent) == (0.6, 0.8)
    assert result.rank_correlation == pytest.approx(spearmanr(a, b).statistic)
    assert np.isnan(compare_bins(a, np.ones(5, dtype=int), 3).rank_correlation)
    with pytest.raises(ValueError, match=r"1 to 3: allowed is 1\.\.2"):
        compare_bins(a, b, 2)
    with pytest.raises(ValueError, match="no questions"):
        compare_bins(a[:0], b[:0], 3)
