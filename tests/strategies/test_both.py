"""Searches and revisions at equal cost: interpolation in the logarithm of the cost, the choice among both."""

import numpy as np
import pytest

from tts_lib.answers.cost import LEDGER
from tts_lib.common import rng
from tts_lib.common.strategy import ORACLE, PARALLEL, WEIGHTED, Strategy
from tts_lib.estimators import intervals
from tts_lib.estimators.flops import Sizes
from tts_lib.strategies.bins import Bins, numbered
from tts_lib.strategies.curves import CrossValidation
from tts_lib.strategies.outcomes import Outcomes
from tts_lib.strategies.tables import both, groups

BUDGETS, SIZES = (1, 2, 4, 8), Sizes(7, 7)
N = 40


def outcomes() -> Outcomes:
    """Best-of-N at 10 tokens a generation; revisions at 20, and right on half of the questions alone."""
    accuracy = np.full((2, len(BUDGETS), N), np.nan)
    ledger = np.zeros((2, len(BUDGETS), N, len(LEDGER)))
    for column, budget in enumerate(BUDGETS):
        accuracy[0, column] = 0.1 * column
        accuracy[1, column] = 0.2 * column * (np.arange(N) < N // 2)
        ledger[0, column, :, 1], ledger[1, column, :, 1] = 10 * budget, 20 * budget
        ledger[1, column, :, 3] = 20 * budget  # the verifier reads as much again
    return Outcomes(tuple(map(str, range(N))), (WEIGHTED, PARALLEL), BUDGETS, accuracy, ledger)


def of(found: Outcomes, strategy: Strategy) -> np.ndarray:
    """Accuracy (problem, budget) of one strategy."""
    return found.accuracy[found.strategies.index(strategy)].T


def test_a_strategy_stands_at_what_best_of_n_costs():
    found = both.at_equal_cost(outcomes(), SIZES, count_verifier=False)
    np.testing.assert_allclose(of(found, WEIGHTED), of(outcomes(), WEIGHTED))
    assert np.isnan(of(found, PARALLEL)[:, 0]).all()  # cheaper than one revision
    np.testing.assert_allclose(of(found, PARALLEL)[:, 1:], of(outcomes(), PARALLEL)[:, :-1])
    np.testing.assert_allclose(found.policy_tokens[1, 2], 40)
    paid = both.at_equal_cost(outcomes(), SIZES, count_verifier=True)
    np.testing.assert_allclose(of(paid, PARALLEL)[:, 2:], of(outcomes(), PARALLEL)[:, :-2])


def test_between_two_budgets_accuracy_is_linear_in_the_logarithm():
    dear = outcomes()
    dear.ledger[1, ..., 1] *= np.sqrt(0.5)  # half a doubling beyond best-of-N
    found = of(both.at_equal_cost(dear, SIZES, count_verifier=False), PARALLEL)
    np.testing.assert_allclose(found[:, 2], (of(dear, PARALLEL)[:, 1] + of(dear, PARALLEL)[:, 2]) / 2)


def test_the_choice_among_both_takes_the_better_mechanism_of_each_bin():
    sets = {"all": (WEIGHTED,), "revisions": (PARALLEL,), "both": (WEIGHTED, PARALLEL)}
    weights = intervals.bootstrap_weights(N, 200, rng.generator("test"))
    bins = [Bins("oracle", np.repeat([1, 2], N // 2), numbered(2))]
    group = groups.everyone(weights)

    def generator(purpose: str) -> np.random.Generator:
        return rng.generator("test", purpose)

    validated = {
        name: CrossValidation(name, outcomes().only(members), 5, generator, weights) for name, members in sets.items()
    }
    choices = [one for made in validated.values() for one in (made.compute_optimal(bins[0]), made.best_fixed(bins[0]))]
    table = both.joint_table(outcomes(), SIZES, validated, choices, bins, group)
    at = table[table["strategy"] == ORACLE.name].set_index(["axis", "strategy_set", "budget"])
    assert at.loc[("generations", "both", 8), "accuracy"] == pytest.approx((0.6 + 0.3) / 2)
    assert at.loc[("generations", "all", 8), "gain_of_both"] == pytest.approx(0.15)
    assert at.loc[("policy_flops", "both", 8), "accuracy"] == pytest.approx((0.4 + 0.3) / 2)
    assert at.loc[("flops", "both", 8), "accuracy"] == pytest.approx(0.3)  # the verifier eats the lead
    none = both.joint_table(outcomes(), SIZES, {"all": validated["all"]}, choices, bins, group)
    assert list(none) == both.COLUMNS and none.empty


def test_a_larger_verifier_costs_more():
    """20 tokens of the policy and 20 of a verifier three times as large: 80 at its size, as those of best-of-8."""
    found = of(both.at_equal_cost(outcomes(), Sizes(7, 21), count_verifier=True), PARALLEL)
    assert np.isnan(found[:, :3]).all()
    np.testing.assert_allclose(found[:, 3], of(outcomes(), PARALLEL)[:, 0])
