"""Estimators against brute-force enumeration in exact fractions, and against each other."""

from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pytest

from helpers.simulator import pools
from tts_lib.estimators import subsets
from tts_lib.estimators.subsets import best_of_n, coverage, pass_at_k, vote

BUDGETS = [1, 2, 3, 5, 8, 9]


def small_pools(seed, n_problems=12, n_samples=9):
    """Scores on a grid of sixteenths, so that ties are frequent and sums exact."""
    rng = np.random.default_rng(seed)
    pool = pools(n_problems, n_samples, rng, n_wrong=3, silent=0.2)
    scores = np.round(pool.scores * 8) / 8
    return pool.correct, pool.answers, scores


def brute_best(correct, scores, budget):
    total = Fraction(0)
    for subset in combinations(range(len(correct)), budget):
        top = [i for i in subset if scores[i] == max(scores[j] for j in subset)]
        total += Fraction(sum(bool(correct[i]) for i in top), len(top))
    return float(total / comb(len(correct), budget))


def brute_vote(correct, answers, weights, budget):
    total = Fraction(0)
    for subset in combinations(range(len(correct)), budget):
        sums: dict[int, Fraction] = {}
        for i in subset:
            if answers[i] >= 0:
                sums[answers[i]] = sums.get(answers[i], Fraction(0)) + Fraction(float(weights[i]))
        if sums:
            top = [answer for answer, value in sums.items() if value == max(sums.values())]
            right = {answers[i] for i in subset if correct[i]}
            total += Fraction(sum(answer in right for answer in top), len(top))
    return float(total / comb(len(correct), budget))


def test_pass_at_k_equals_enumeration():
    for n in range(1, 8):
        for c in range(n + 1):
            for k in range(1, n + 1):
                hits = [any(i < c for i in subset) for subset in combinations(range(n), k)]
                assert pass_at_k(np.array([c]), n, k)[0] == pytest.approx(np.mean(hits), abs=1e-12)


def test_pass_at_k_is_stable_for_large_pools():
    exact = 1 - Fraction(comb(2048 - 3, 512), comb(2048, 512))
    assert pass_at_k(np.array([3]), 2048, 512)[0] == pytest.approx(float(exact), abs=1e-12)


def test_pass_at_k_undefined_raises():
    with pytest.raises(ValueError, match=r"budget 8 is outside 1\.\.4"):
        pass_at_k(np.array([0]), 4, 8)
    with pytest.raises(ValueError, match="budget 3 is outside"):
        pass_at_k(np.array([0, 1]), np.array([8, 2]), 3)
    with pytest.raises(ValueError, match="budget 0"):
        pass_at_k(np.array([0]), 4, 0)
    with pytest.raises(ValueError, match="n_correct"):
        pass_at_k(np.array([5]), 4, 2)


@pytest.mark.parametrize("seed", range(3))
def test_best_of_n_equals_enumeration(seed):
    correct, _, scores = small_pools(seed)
    expected = [[brute_best(c, s, budget) for budget in BUDGETS] for c, s in zip(correct, scores, strict=True)]
    np.testing.assert_allclose(best_of_n(correct, scores, BUDGETS), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_vote_equals_enumeration(seed):
    correct, answers, scores = small_pools(seed)
    ones = np.ones_like(scores)
    result = vote(correct, answers, {"majority": None, "weighted": scores}, BUDGETS, np.random.default_rng(0))
    for name, weights in (("majority", ones), ("weighted", np.maximum(scores, 2.0**-40))):
        expected = [
            [brute_vote(c, a, w, budget) for budget in BUDGETS]
            for c, a, w in zip(correct, answers, weights, strict=True)
        ]
        np.testing.assert_allclose(result[name].accuracy, expected, rtol=0, atol=1e-12)
        assert (result[name].standard_error == 0).all()
        assert (result[name].mean_standard_error == 0).all()
    assert not np.allclose(result["majority"].accuracy, result["weighted"].accuracy)


def test_resampled_vote_agrees_with_enumeration(monkeypatch):
    """At 5 standard errors per cell: false failure below 60 x 6e-7; the mean over problems likewise."""
    correct, answers, scores = small_pools(7)
    weights = {"majority": None, "weighted": scores}
    exact = vote(correct, answers, weights, BUDGETS, np.random.default_rng(0))
    monkeypatch.setattr(subsets, "ENUMERATE_UP_TO", 1)
    sampled = vote(correct, answers, weights, BUDGETS, np.random.default_rng(1), n_resamples=4000)
    for name in weights:
        gap = np.abs(sampled[name].accuracy - exact[name].accuracy)
        assert (gap <= 5 * sampled[name].standard_error + 1e-12).all()
        gap = np.abs(sampled[name].accuracy.mean(axis=0) - exact[name].accuracy.mean(axis=0))
        assert (gap <= 5 * sampled[name].mean_standard_error + 1e-12).all()
        assert (sampled[name].standard_error[:, 0] == 0).all()  # N = 1 and N = n are exact at any setting
        assert (sampled[name].standard_error[:, -1] == 0).all()
        assert sampled[name].mean_standard_error[2] > 0


def test_mean_standard_error_is_honest():
    """The mean's spread over 100 repeats lies within 35% of the stated error (5 of its own relative SE of 7%)."""
    pool = pools(8, 16, np.random.default_rng(3), n_wrong=2)
    repeats = [
        vote(pool.correct, pool.answers, {"m": None}, [8], np.random.default_rng(i), n_resamples=20)["m"]
        for i in range(100)
    ]
    spread = np.std([r.accuracy.mean() for r in repeats], ddof=1)
    assert np.mean([r.mean_standard_error[0] for r in repeats]) == pytest.approx(spread, rel=0.35)


def test_ragged_pools_equal_separate_ones():
    rng = np.random.default_rng(5)
    pool = pools(30, 40, rng)
    n = rng.integers(20, 41, 30)
    beyond = np.arange(40) >= n[:, None]
    scores, answers, correct = pool.scores.copy(), pool.answers.copy(), pool.correct.copy()
    scores[beyond], answers[beyond], correct[beyond] = np.nan, 99, True  # poison that must never be read
    budgets = [1, 4, 16, 20]
    best = best_of_n(correct, scores, budgets, n)
    votes = vote(correct, answers, {"w": scores}, budgets, np.random.default_rng(0), n_samples=n)["w"]
    for q in range(30):
        one = np.s_[q : q + 1, : n[q]]
        np.testing.assert_allclose(best[q], best_of_n(correct[one], scores[one], budgets)[0], rtol=0, atol=1e-12)
        alone = vote(correct[one], answers[one], {"w": scores[one]}, budgets, np.random.default_rng(1))["w"]
        error = np.hypot(alone.standard_error[0], votes.standard_error[q])
        assert (np.abs(votes.accuracy[q] - alone.accuracy[0]) <= 5 * error + 1e-12).all()


def test_problem_order_changes_nothing():
    pool = pools(15, 64, np.random.default_rng(2))
    order = np.random.default_rng(9).permutation(15)
    args = {"weights": {"m": None}, "budgets": [4, 32]}
    straight = vote(pool.correct, pool.answers, rng=np.random.default_rng(0), **args)["m"]
    shuffled = vote(pool.correct[order], pool.answers[order], rng=np.random.default_rng(0), **args)["m"]
    assert (straight.accuracy[order] == shuffled.accuracy).all()


def test_same_seed_same_result_and_seed_matters():
    pool = pools(15, 64, np.random.default_rng(2))

    def run(seed, n_resamples=50):
        rng = np.random.default_rng(seed)
        return vote(pool.correct, pool.answers, {"m": None}, [8], rng, n_resamples)["m"].accuracy

    assert (run(0) == run(0)).all()
    assert (run(0) != run(1)).any()
    assert (run(0) != run(0, 60)).any()


def test_perfect_verifier_reaches_coverage():
    pool = pools(50, 64, np.random.default_rng(1))
    budgets = [1, 2, 8, 64]
    expected = coverage(pool.correct.sum(axis=1), 64, budgets)
    np.testing.assert_allclose(best_of_n(pool.correct, pool.correct.astype(float), budgets), expected, atol=1e-12)


def test_constant_scores_give_pass_at_1():
    pool = pools(20, 32, np.random.default_rng(1))
    result = best_of_n(pool.correct, np.full(pool.scores.shape, 0.3), [1, 4, 32])
    np.testing.assert_allclose(result, np.repeat(pool.correct.mean(axis=1)[:, None], 3, axis=1), atol=1e-12)


def test_equal_sums_in_another_order_are_ties():
    """(0.1 + 0.2) + 0.3 != (0.3 + 0.2) + 0.1 in floating point; the vote must see a tie."""
    scores = np.array([[0.1, 0.2, 0.3, 0.3, 0.2, 0.1]])
    answers = np.array([[0, 0, 0, 1, 1, 1]])
    result = vote(answers == 0, answers, {"w": scores}, [6], np.random.default_rng(0))["w"]
    assert result.accuracy[0, 0] == 0.5


def test_votes_of_weight_zero_still_vote():
    answers = np.array([[0, 1, 1]])
    result = vote(answers == 1, answers, {"w": np.zeros((1, 3))}, [3], np.random.default_rng(0))["w"]
    assert result.accuracy[0, 0] == 1.0


def test_no_answers_is_wrong():
    answers = np.full((2, 5), -1)
    result = vote(np.zeros((2, 5), dtype=bool), answers, {"m": None}, [1, 5], np.random.default_rng(0))["m"]
    assert (result.accuracy == 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budgets": [9]}, r"budget 9 is outside 1\.\.8"),
        ({"n_resamples": 1}, "n_resamples is 1"),
        ({"weights": {"w": np.full((2, 8), -0.1)}}, "finite and >= 0"),
        ({"weights": {"w": np.full((2, 8), np.nan)}}, "finite and >= 0"),
        ({"correct": np.eye(2, 8, dtype=bool)}, "graded alike"),
        ({"answers": np.full((2, 8), -1)}, "marked correct"),
        ({"n_samples": np.array([9, 8])}, r"n_samples must lie in 1\.\.8"),
    ],
)
def test_vote_bad_input(change, message):
    arguments = {
        "correct": np.ones((2, 8), dtype=bool),
        "answers": np.ones((2, 8), dtype=int),
        "weights": {"m": None},
        "budgets": [4],
        "rng": np.random.default_rng(0),
    }
    with pytest.raises(ValueError, match=message):
        vote(**(arguments | change))


def test_best_of_n_bad_input():
    correct, scores = np.ones((2, 4), dtype=bool), np.full((2, 4), 0.5)
    with pytest.raises(ValueError, match=r"budget 5 is outside 1\.\.4"):
        best_of_n(correct, scores, [5])
    scores[1, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        best_of_n(correct, scores, [2])


def test_infinite_scores_in_ragged_pools():
    correct = np.array([[True, False, True]])
    scores = np.array([[np.inf, 0.0, np.inf]])
    assert best_of_n(correct, scores, [2], np.array([2]))[0, 0] == 1.0


def test_the_longest_of_n_equals_enumeration():
    lengths, n = np.random.default_rng(3).integers(1, 9, (5, 6)).astype(float), np.array([6, 6, 5, 4, 6])
    found = subsets.longest(lengths, [1, 2, 3, 4], n)
    for own, size, row in zip(lengths, n, found, strict=True):
        for budget, value in zip([1, 2, 3, 4], row, strict=True):
            assert value == pytest.approx(np.mean([max(part) for part in combinations(own[:size], budget)]))
