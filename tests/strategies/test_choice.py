"""The compute-optimal strategy on simulated tables whose best strategies are known."""

import numpy as np
import pytest

from helpers.simulator import planted
from tts_lib.estimators.intervals import bootstrap_weights
from tts_lib.strategies.choice import best_fixed, compute_optimal, random_choice, shuffled_bins, split_folds
from tts_lib.strategies.frozen import Difficulty, fit_table, frozen_accuracy
from tts_lib.strategies.rules import argmax, shrunken
from tts_lib.strategies.strategy_table import Method

EDGES = (-4.5, -3.5, -2.5, -1.5)  # of minus the bin number
BEST = np.array([[0, 1, 2], [2, 2, 0], [1, 0, 1], [3, 3, 3], [0, 3, 2]])  # (bin, budget)


def test_planted_optimum_is_recovered():
    """80 questions a bin of 64 draws each: a fold mean has SE <= 0.011 against a gain of 0.2 (18 SE, p < 1e-70)."""
    world = planted(80, BEST, 4, np.random.default_rng(0), n_draws=64)
    folds = split_folds(world.bins, 5, np.random.default_rng(1))
    result = compute_optimal(world.accuracy, world.bins, 5, folds)
    assert (result.shares.argmax(axis=2) == BEST).all()
    assert (result.shares.max(axis=2) == 1).all()
    expected = world.probability.max(axis=0)  # of each question at its best strategy
    assert np.abs(result.accuracy.mean(axis=0) - expected.mean(axis=1)).max() < 0.02  # SE 0.003
    fixed = best_fixed(world.accuracy, folds)
    shuffled = shuffled_bins(world.accuracy, world.bins, 5, folds, np.random.default_rng(2))
    for control in (fixed.accuracy, shuffled.accuracy, random_choice(world.accuracy)):
        assert (result.accuracy.mean(axis=0) > control.mean(axis=0) + 0.05).all()


def test_no_signal_no_held_out_gain():
    """All strategies alike: the held-out gain over a random choice is zero within 5 SE (p < 6e-7 per budget).

    The same choice scored on the questions it was made on gains: the winner's curse that the folds remove.
    """
    rng = np.random.default_rng(0)
    n_repeats, gains, in_sample = 60, [], []
    for _ in range(n_repeats):
        world = planted(40, np.zeros((5, 2), dtype=int), 8, rng, gain=0.0)
        folds = split_folds(world.bins, 2, rng)
        base = random_choice(world.accuracy).mean(axis=0)
        gains.append(compute_optimal(world.accuracy, world.bins, 5, folds).accuracy.mean(axis=0) - base)
        methods = tuple(Method(str(i), {}) for i in range(8))
        difficulty = Difficulty("oracle", -world.bins.astype(float))
        table = fit_table(world.accuracy, difficulty, EDGES, methods, (1, 2))
        in_sample.append(frozen_accuracy(table, world.accuracy, -world.bins.astype(float)).mean(axis=0) - base)
    error = np.std(gains, axis=0, ddof=1) / np.sqrt(n_repeats)
    assert (np.abs(np.mean(gains, axis=0)) < 5 * error).all()
    assert (error < 0.01).all()
    assert (np.mean(in_sample, axis=0) > 0.04).all()


def test_each_question_is_scored_by_a_choice_its_own_fold_did_not_make():
    """Fold 0 favours strategy 0, fold 1 strategy 1: scored on the other fold, each choice fails everywhere."""
    folds = np.array([[True, False] * 10])
    accuracy = np.stack([folds[0], ~folds[0]]).astype(float)[:, None, :]
    bins = np.repeat([1, 2], 10)
    assert (compute_optimal(accuracy, bins, 2, folds).accuracy == 0).all()
    assert (best_fixed(accuracy, folds).accuracy == 0).all()
    assert (shuffled_bins(accuracy, bins, 2, folds, np.random.default_rng(0)).accuracy == 0).all()


def test_a_question_never_influences_its_own_strategy():
    """Whichever strategy a question favours, and however loudly, the one it is given stays the same."""
    world = planted(10, BEST[:2], 4, np.random.default_rng(0))
    folds = split_folds(world.bins, 1, np.random.default_rng(1))
    question, loud = 3, world.accuracy.copy()
    given = []
    for values in ([10.0, 20.0, 30.0, 40.0], [40.0, 30.0, 20.0, 10.0], [20.0, 40.0, 10.0, 30.0]):
        loud[:, :, question] = np.array(values)[:, None]
        scored = compute_optimal(loud, world.bins, 2, folds).accuracy[question]
        given.append([values.index(value) for value in scored.tolist()])
    assert given[0] == given[1] == given[2]


def test_folds_are_halves_of_every_bin_and_differ():
    bins = np.repeat([1, 2, 3], [10, 7, 5])
    folds = split_folds(bins, 50, np.random.default_rng(0))
    for name, size in ((1, 10), (2, 7), (3, 5)):
        assert set(folds[:, bins == name].sum(axis=1)) <= {size // 2, -(-size // 2)}
    assert (folds.sum(axis=1) == 11).all()
    assert len({row.tobytes() for row in folds}) > 40
    assert (split_folds(bins, 50, np.random.default_rng(0)) == folds).all()
    with pytest.raises(ValueError, match="0 repeats"):
        split_folds(bins, 0, np.random.default_rng(0))


def test_strategies_undefined_at_a_budget_are_never_chosen():
    world = planted(20, BEST, 4, np.random.default_rng(0), n_draws=16)
    accuracy = world.accuracy.copy()
    accuracy[[0, 2], 0] = np.nan
    folds = split_folds(world.bins, 3, np.random.default_rng(1))
    result = compute_optimal(accuracy, world.bins, 5, folds)
    assert (result.shares[:, 0, [0, 2]] == 0).all()
    assert np.isfinite(result.accuracy).all()
    np.testing.assert_allclose(random_choice(accuracy)[:, 0], accuracy[[1, 3], 0].mean(axis=0))


def test_small_and_empty_bins_fall_back_to_all_questions():
    rng = np.random.default_rng(0)
    accuracy = np.stack([np.full((1, 21), 0.2), np.full((1, 21), 0.6)])
    bins = np.array([1] * 20 + [3])
    result = compute_optimal(accuracy, bins, 3, split_folds(bins, 4, rng))
    np.testing.assert_allclose(result.accuracy, 0.6)
    assert (result.shares[:, 0, 1] == 1).all()


def test_ties_go_to_the_first_strategy():
    accuracy = np.random.default_rng(0).random((1, 2, 30)).repeat(3, axis=0)
    bins = np.ones(30, dtype=int)
    result = compute_optimal(accuracy, bins, 1, split_folds(bins, 3, np.random.default_rng(0)))
    assert (result.shares[:, :, 0] == 1).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bins": np.array([0] * 10)}, r"0 to 0: allowed is 1\.\.2"),
        ({"accuracy": np.full((2, 1, 10), np.nan)}, "no strategy that is defined"),
        ({"accuracy": np.where(np.arange(10) < 5, np.nan, np.ones((2, 1, 10)))}, "some questions and not for others"),
        ({"folds": np.ones((1, 10), dtype=bool)}, "a fold has no questions"),
    ],
)
def test_bad_input(change, message):
    arguments = {
        "accuracy": np.ones((2, 1, 10)),
        "bins": np.ones(10, dtype=int),
        "n_bins": 2,
        "folds": np.array([[True, False] * 5]),
    }
    with pytest.raises(ValueError, match=message):
        compute_optimal(**(arguments | change))


def test_shuffling_depends_on_the_generator():
    world = planted(20, BEST, 4, np.random.default_rng(0), n_draws=8)
    folds = split_folds(world.bins, 2, np.random.default_rng(1))
    first, again, other = (
        shuffled_bins(world.accuracy, world.bins, 5, folds, np.random.default_rng(s)).accuracy for s in (0, 0, 1)
    )
    assert (first == again).all()
    assert (first != other).any()


def alike(rng, n_strategies=8, n=200):
    """Searches run once at four budgets, equally good on every question, in five bins."""
    bins = np.repeat([1, 2, 3, 4, 5], n // 5)
    return rng.binomial(1, 0.8 - 0.12 * bins, size=(n_strategies, 4, n)).astype(float), bins


def test_where_difficulty_does_not_matter_the_default_rule_loses_nothing_and_the_papers_does():
    """Gain over the best fixed strategy of 40 worlds, true value 0; each figure has a standard error of .2 points."""
    rng, gains = np.random.default_rng(0), {"shrunken": [], "argmax": []}
    for _ in range(40):
        accuracy, bins = alike(rng)
        accuracy[0] += 0.1  # one strategy is better everywhere: that is what there is to find
        folds = split_folds(bins, 4, rng)
        fixed = best_fixed(accuracy, folds).accuracy.mean()
        gains["shrunken"].append(compute_optimal(accuracy, bins, 5, folds).accuracy.mean() - fixed)
        gains["argmax"].append(compute_optimal(accuracy, bins, 5, folds, rule=argmax).accuracy.mean() - fixed)
    assert np.mean(gains["shrunken"]) > -0.01 and np.mean(gains["argmax"]) < -0.015


def test_without_noise_the_default_rule_is_the_papers():
    world = planted(80, BEST, 4, np.random.default_rng(0), n_draws=64)
    once, members = np.ones((1, len(world.bins))), world.bins == np.arange(1, 6)[:, None]
    for rule in (argmax, shrunken):
        assert (rule(world.accuracy)(once, members)[0].argmax(axis=1) == BEST).all()


def attained(choice):
    """Accuracy of a choice on each question in each resample: sums with all weight on one."""
    n_resamples, n = choice.remade.n_resamples, choice.accuracy.shape[0]
    alone = [np.tile(row, (n_resamples, 1)) for row in np.eye(n)]
    return np.stack([choice.remade.sums(weights, np.ones(n, dtype=bool)).attained for weights in alone], axis=1)


def test_a_choice_is_made_anew_in_each_resample():
    """Each resample holds one fold's favourite only; with resamples equal to the questions nothing changes."""
    rng = np.random.default_rng(0)
    accuracy, bins = alike(rng, n_strategies=3, n=50)
    folds = split_folds(bins, 3, rng)
    whole = np.full((2, 50), 1 / 50)
    plain = compute_optimal(accuracy, bins, 5, folds, whole)
    np.testing.assert_allclose(attained(plain), np.stack([plain.accuracy] * 2))
    drawn = compute_optimal(accuracy, bins, 5, folds, bootstrap_weights(50, 30, rng))
    np.testing.assert_array_equal(drawn.accuracy, plain.accuracy)
    assert (attained(drawn).std(axis=0) > 0).mean() > 0.5
