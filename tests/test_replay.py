import numpy as np
import pandas as pd
import pytest

from scripted_policy import CODEC
from simulator import pools
from tts_lib import estimators, replay
from tts_lib.stats import bootstrap_weights

BUDGETS = [1, 2, 4, 8]
SIMULATED = pools(12, 8, np.random.default_rng(0), separation=2.0)


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The simulated pools as the tables of two stages."""
    n_problems, n_samples = SIMULATED.correct.shape
    answers = SIMULATED.answers.ravel()
    pool = pd.DataFrame(
        {
            "question_id": np.repeat([f"q{i:02d}" for i in range(n_problems)], n_samples),
            "sample": np.tile(np.arange(n_samples), n_problems),
            "answer": [str(a) if a >= 0 else None for a in answers],
            "verdict": np.select([SIMULATED.correct.ravel(), answers < 0], ["correct", "no_answer"], "wrong"),
        }
    )
    scores = pool[["question_id", "sample"]].assign(**dict.fromkeys(replay.SCORES, SIMULATED.scores.ravel()))
    return pool, scores


def accuracy(flip_share: float = 0.2, budgets=BUDGETS) -> dict[str, np.ndarray]:
    """Accuracy (problem, budget) of each strategy."""
    table, error = replay.selection_accuracy(*tables(), budgets, np.random.default_rng(0), 50, flip_share)
    assert list(table) == ["question_id", "strategy", "budget", "accuracy"] and error == 0  # all subsets enumerated
    return {
        name: part.pivot_table(index="question_id", columns="budget", values="accuracy").to_numpy()
        for name, part in table.groupby("strategy")
    }


def test_every_strategy_at_every_budget():
    found = accuracy()
    rules = [f"{rule}:{score}" for rule in ("best_of_n", "weighted") for score in replay.SCORES]
    assert found.keys() == {"coverage", "majority", "weighted:prm_flipped", *rules}
    assert all(values.shape == (12, 4) and (values >= 0).all() and (values <= 1).all() for values in found.values())


def test_the_figures_are_the_estimators():
    found, s = accuracy(), SIMULATED
    votes = estimators.vote(s.correct, s.answers, {"m": None, "w": s.scores}, BUDGETS, np.random.default_rng(1), 50)
    np.testing.assert_allclose(found["coverage"], estimators.coverage(s.correct.sum(axis=1), 8, BUDGETS))
    np.testing.assert_allclose(found["majority"], votes["m"].accuracy)
    for score in replay.SCORES:
        np.testing.assert_allclose(found[f"best_of_n:{score}"], estimators.best_of_n(s.correct, s.scores, BUDGETS))
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


def test_a_budget_beyond_the_pool_is_refused():
    with pytest.raises(ValueError, match=r"budget 16 is outside 1\.\.8"):
        accuracy(budgets=[16])


def test_intervals_hold_the_mean():
    table, _ = replay.selection_accuracy(*tables(), BUDGETS, np.random.default_rng(0), 50, 0.2)
    weights = bootstrap_weights(12, 200, np.random.default_rng(0))
    found = replay.with_intervals(table, weights)
    assert list(found) == ["strategy", "budget", "accuracy", "low", "high"] and len(found) == 15 * 4
    assert (found["low"] <= found["accuracy"]).all() and (found["accuracy"] <= found["high"]).all()
    mean = table.groupby(["strategy", "budget"])["accuracy"].mean().to_numpy()
    np.testing.assert_allclose(found["accuracy"], mean)


def test_costs_are_means_over_the_pool_in_the_order_of_the_questions():
    problems = pd.DataFrame({"question_id": ["b", "a"], "problem": ["03ab=?\n", "?b=07\n"]})
    pool = pd.DataFrame(
        {"question_id": ["a", "a", "b", "b"], "text": ["=1$", "x\n=1$", "=1$", "=1$"], "n_tokens": [3, 6, 2, 5]}
    )
    found = replay.sample_costs(CODEC, problems, pool)
    assert found["question_id"].tolist() == ["b", "a"]
    assert found["prompt_tokens"].tolist() == [len(t) for t in CODEC.encode(problems["problem"].tolist())]
    assert found["mean_policy_tokens"].tolist() == found["mean_verifier_tokens"].tolist() == [3.5, 4.5]
    assert found["n_steps"].tolist() == [1.0, 1.5]
