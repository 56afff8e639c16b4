"""A choice fitted on some simulated questions and applied frozen to others."""

import numpy as np
import pytest

from helpers.simulator import planted
from tts_lib.estimators.difficulty import quantile_binning
from tts_lib.strategies.frozen import Difficulty, fit_table, frozen_accuracy, frozen_anew
from tts_lib.strategies.strategy_table import Method

BEST = np.array([[0, 1, 2], [2, 2, 0], [1, 0, 1], [3, 3, 3], [0, 3, 2]])  # (bin, budget)


def test_fitted_table_applies_frozen_to_other_questions():
    rng = np.random.default_rng(0)
    fit, test = (planted(60, BEST, 4, rng, n_draws=64) for _ in range(2))
    score = {id(w): 1.0 - 0.15 * w.bins + 0.01 * rng.random(len(w.bins)) for w in (fit, test)}
    binning = quantile_binning(score[id(fit)])
    methods = tuple(Method("method", {"id": i}) for i in range(4))
    difficulty = Difficulty("predicted", score[id(fit)])
    table = fit_table(fit.accuracy, difficulty, binning.edges, methods, (4, 16, 64))
    assert (np.array(table.choices) == BEST).all()
    assert table.n_questions == (60,) * 5
    frozen = frozen_accuracy(table, test.accuracy, score[id(test)])
    assert np.abs(frozen.mean(axis=0) - test.probability.max(axis=0).mean(axis=1)).max() < 0.02  # SE 0.004
    by_hand = [table.choices[bin_ - 1][1] for bin_ in binning.assign(score[id(test)]).tolist()]
    np.testing.assert_array_equal(frozen[:, 1], test.accuracy[by_hand, 1, np.arange(len(by_hand))])
    assert (binning.assign(score[id(test)]) == test.bins).all()


def test_table_of_an_empty_bin_and_bad_shapes():
    accuracy = np.stack([np.full((1, 6), 0.2), np.full((1, 6), 0.6)])
    methods, difficulty = (Method("a", {}), Method("b", {})), Difficulty("oracle", np.full(6, 0.9))
    table = fit_table(accuracy, difficulty, (0.5,), methods, (4,))
    assert (table.n_questions, table.choices) == ((6, 0), ((1,), (1,)))
    with pytest.raises(ValueError, match="2 methods, 2 budgets"):
        fit_table(accuracy, difficulty, (0.5,), methods, (4, 8))
    with pytest.raises(ValueError, match="2 strategies and 1 budgets"):
        frozen_accuracy(table, accuracy[:1], np.full(6, 0.9))
    accuracy[1] = np.nan
    with pytest.raises(ValueError, match="at budget 4 that is not defined"):
        frozen_accuracy(table, accuracy, np.full(6, 0.9))


def test_a_frozen_choice_follows_the_questions_it_is_made_on():
    fit = np.stack([np.array([[1.0, 1.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 1.0, 1.0]])])
    weights = np.array([[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]])
    ones = np.ones(4, dtype=int)
    found = frozen_anew(fit, ones, weights, np.stack([np.full((1, 4), 0.2), np.full((1, 4), 0.7)]), ones, 1)
    even = np.full((2, 4), 0.25)
    np.testing.assert_allclose(found.sums(even, np.ones(4, dtype=bool)).attained[:, 0], [0.2, 0.7])
    np.testing.assert_allclose(found.sums(even, np.arange(4) < 1).attained[:, 0], [0.05, 0.175])
