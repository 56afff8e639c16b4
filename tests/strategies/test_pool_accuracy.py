import dataclasses

import numpy as np
import pandas as pd
import pytest

from helpers.simulator import pools
from tts_lib.answers.grid import SampleGrid, grid
from tts_lib.common.strategy import STRATEGY_COLUMNS, Strategy
from tts_lib.estimators import subsets
from tts_lib.estimators.intervals import bootstrap_weights
from tts_lib.strategies import pool_accuracy

BUDGETS = [1, 2, 4, 8]
SIMULATED = pools(12, 8, np.random.default_rng(0), separation=2.0)


def tables(skip: int = 0) -> tuple[SampleGrid, dict[str, np.ndarray]]:
    """The simulated pools and their scores, without the first samples."""
    n_problems, n_samples = SIMULATED.correct.shape
    pool = pd.DataFrame(
        {
            "question_id": np.repeat([f"q{i:02d}" for i in range(n_problems)], n_samples),
            "verdict": np.where(SIMULATED.correct.ravel(), "correct", "wrong"),
            "answer_class": SIMULATED.answers.ravel(),
        }
    )
    found = grid(pool, pool["question_id"].drop_duplicates().tolist()).without_first(skip)
    return found, dict.fromkeys(pool_accuracy.SCORES, SIMULATED.scores[:, skip:])


def accuracy(flip_share: float = 0.2, budgets=BUDGETS) -> dict[str, np.ndarray]:
    """Accuracy (problem, budget) of each strategy."""
    table, error = pool_accuracy.selection_accuracy(*tables(), budgets, np.random.default_rng(0), 50, flip_share)
    assert list(table) == pool_accuracy.COLUMNS and error == 0  # all subsets enumerated
    return {
        name: part.pivot_table(index="question_id", columns="budget", values="accuracy").to_numpy()
        for name, part in table.groupby("strategy")
    }


def test_every_strategy_at_every_budget():
    found = accuracy()
    rules = [f"{rule}:{score}" for rule in ("best_of_n", "weighted") for score in pool_accuracy.SCORES]
    assert found.keys() == {"coverage", "majority", "weighted:prm_flipped", *rules}
    assert all(values.shape == (12, 4) and (values >= 0).all() and (values <= 1).all() for values in found.values())


def test_the_figures_are_the_estimators():
    found, s = accuracy(), SIMULATED
    votes = subsets.vote(s.correct, s.answers, {"m": None, "w": s.scores}, BUDGETS, np.random.default_rng(1), 50)
    np.testing.assert_allclose(found["coverage"], subsets.coverage(s.correct.sum(axis=1), 8, BUDGETS))
    np.testing.assert_allclose(found["majority"], votes["m"].accuracy)
    for score in pool_accuracy.SCORES:
        np.testing.assert_allclose(found[f"best_of_n:{score}"], subsets.best_of_n(s.correct, s.scores, BUDGETS))
        np.testing.assert_allclose(found[f"weighted:{score}"], votes["w"].accuracy)


def test_one_sample_leaves_no_choice():
    for name, values in accuracy().items():
        np.testing.assert_allclose(values[:, 0], SIMULATED.correct.mean(axis=1), err_msg=name)


def test_coverage_grows_and_bounds_every_strategy():
    found = accuracy()
    assert (np.diff(found["coverage"], axis=1) >= -1e-12).all()
    for values in found.values():
        assert (values <= found["coverage"] + 1e-12).all()


def test_flipping_no_scores_changes_nothing_and_many_much():
    found = accuracy(flip_share=0.0)
    np.testing.assert_array_equal(found["weighted:prm_flipped"], found["weighted:prm_last"])
    weak = accuracy(flip_share=0.5)
    assert weak["weighted:prm_flipped"].mean() < weak["weighted:prm_last"].mean()


def test_without_scores_there_are_votes_and_coverage():
    table, _ = pool_accuracy.selection_accuracy(tables()[0], {}, BUDGETS, np.random.default_rng(0), 50, 0.2)
    assert set(table["strategy"]) == {"coverage", "majority"}


def test_verdicts_without_answers_cannot_vote():
    pool, scores = tables()
    silent = dataclasses.replace(pool, answers=np.full_like(pool.answers, -1))
    table, error = pool_accuracy.selection_accuracy(silent, scores, BUDGETS, np.random.default_rng(0), 50, 0.2)
    assert (
        set(table["strategy"]) == {"coverage", *(f"best_of_n:{name}" for name in pool_accuracy.SCORES)} and error == 0
    )


def test_samples_left_out_do_not_count():
    table, _ = pool_accuracy.selection_accuracy(*tables(skip=2), [1], np.random.default_rng(0), 50, 0.2)
    majority = table[table["strategy"] == "majority"]["accuracy"].to_numpy()
    np.testing.assert_allclose(majority, SIMULATED.correct[:, 2:].mean(axis=1))


def test_a_budget_beyond_the_pool_is_refused():
    with pytest.raises(ValueError, match=r"budget 16 is outside 1\.\.8"):
        accuracy(budgets=[16])


def test_intervals_hold_the_mean():
    table, _ = pool_accuracy.selection_accuracy(*tables(), BUDGETS, np.random.default_rng(0), 50, 0.2)
    weights = bootstrap_weights(12, 200, np.random.default_rng(0))
    found = pool_accuracy.with_intervals(table, weights)
    assert list(found) == [*STRATEGY_COLUMNS, "budget", "accuracy", "low", "high"] and len(found) == 15 * 4
    assert all(Strategy.of(row).name == row["strategy"] for row in found.to_dict("records"))
    assert (found["low"] <= found["accuracy"]).all() and (found["accuracy"] <= found["high"]).all()
    mean = table.groupby(["strategy", "budget"])["accuracy"].mean().to_numpy()
    np.testing.assert_allclose(found["accuracy"], mean)


def test_each_budget_has_the_longest_of_its_samples():
    pool = tables()[0]
    table, _ = pool_accuracy.selection_accuracy(pool, {}, BUDGETS, np.random.default_rng(0), 50, 0.2)
    lengths = np.random.default_rng(4).integers(5, 50, pool.correct.shape).astype(float)
    found = pool_accuracy.with_longest(table.sample(frac=1, random_state=0), pool, lengths)
    assert set(found["strategy"]) == {"coverage", "majority"}
    for (budget, _), part in found.groupby(["budget", "strategy"]):
        longest = part.set_index("question_id").loc[list(pool.question_ids), "longest"]
        np.testing.assert_array_equal(longest, subsets.longest(lengths, [budget])[:, 0])
