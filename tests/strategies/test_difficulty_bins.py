import numpy as np
import pandas as pd
import pytest

from tts_lib.answers.grid import grid
from tts_lib.strategies.difficulty_bins import assign_bins, difficulty_scores, fit_edges

N_PROBE = [1, 4]
N_QUESTIONS, N_SAMPLES = 40, 16


def table(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Difficulty scores of simulated questions, and what they were made of: correct, last scores (problem, sample)."""
    rng = np.random.default_rng(seed)
    chance = rng.random(N_QUESTIONS)
    correct = rng.random((N_QUESTIONS, N_SAMPLES)) < chance[:, None]
    last = rng.random(correct.shape) * 0.2 + 0.7 * chance[:, None]
    ids = [f"q{i:02d}" for i in range(N_QUESTIONS)]
    problems = pd.DataFrame({"question_id": ids, "subject": "chain", "level": 1})
    verdicts = np.where(correct.ravel(), "correct", "wrong")
    pool = pd.DataFrame({"question_id": np.repeat(ids, N_SAMPLES), "verdict": verdicts, "answer_class": 0})
    n_tokens = np.tile(np.arange(1, N_SAMPLES + 1), (N_QUESTIONS, 1))
    return difficulty_scores(problems, grid(pool, ids), last, n_tokens, 8, N_PROBE), correct, last


def test_scores_use_the_first_samples_of_the_pool():
    found, correct, last = table()
    np.testing.assert_allclose(found["oracle"], correct[:, :8].mean(axis=1))
    np.testing.assert_allclose(found["predicted"], last[:, :8].mean(axis=1))


def test_probes_use_the_first_samples_and_count_their_tokens():
    found, _, last = table()
    np.testing.assert_allclose(found["probe_1"], last[:, 0])
    np.testing.assert_allclose(found["probe_4"], last[:, :4].mean(axis=1))
    assert set(found["probe_tokens_1"]) == {1} and set(found["probe_tokens_4"]) == {1 + 2 + 3 + 4}


def test_frozen_edges_come_from_validation_alone():
    validation, test = table(1)[0], table(2)[0]
    edges = fit_edges(validation, 5, N_PROBE)
    assert edges.keys() == {"oracle", "predicted", "probe_1", "probe_4"}
    whole, part = (assign_bins(frame, edges, 5, [0.1, 0.5]) for frame in (test, test.head(10)))
    frozen = whole.filter(like="_frozen_bin").columns
    assert list(frozen) == [f"{name}_frozen_bin" for name in edges]
    pd.testing.assert_frame_equal(whole[frozen].head(10), part[frozen])
    sizes = assign_bins(validation, edges, 5, [0.5])["predicted_frozen_bin"].value_counts()
    assert sizes.to_dict() == dict.fromkeys(range(1, 6), N_QUESTIONS // 5)


@pytest.mark.parametrize("name", ["oracle", "predicted"])
def test_bin_1_is_the_easiest(name):
    found = assign_bins(table()[0], {}, 5, [0.1, 0.5])
    bins = found[f"{name}_bin"]
    assert bins.dtype == np.int64 and set(bins) == {1, 2, 3, 4, 5}
    ranges = found.groupby(f"{name}_bin")[name].agg(["min", "max"])
    assert (ranges["min"].to_numpy()[:-1] > ranges["max"].to_numpy()[1:]).all()


def test_absolute_bins_have_fixed_edges():
    found = assign_bins(table()[0], {}, 5, [0.1, 0.5])
    expected = np.select([found["oracle"] >= 0.5, found["oracle"] >= 0.1], [1, 2], 3)
    np.testing.assert_array_equal(found["absolute_bin"], expected)


def test_the_table_given_is_left_alone():
    given = table()[0]
    before = given.copy()
    assign_bins(given, fit_edges(given, 5, N_PROBE), 5, [0.5])
    pd.testing.assert_frame_equal(given, before)


def test_without_scores_difficulty_is_the_oracles():
    ids = ["a", "b"]
    problems = pd.DataFrame({"question_id": ids, "subject": "chain", "level": 1})
    pool = pd.DataFrame({"question_id": [*ids, "b"], "verdict": ["correct", "wrong", "correct"], "answer_class": 0})
    found = difficulty_scores(problems, grid(pool, ids), None, np.ones((2, 2)), 1, N_PROBE)
    assert list(found) == ["question_id", "subject", "level", "oracle"] and found["oracle"].tolist() == [1.0, 0.0]
    binned = assign_bins(found, fit_edges(found, 2, N_PROBE), 2, [0.5])
    assert list(binned)[4:] == ["oracle_bin", "oracle_frozen_bin", "absolute_bin"]
    with pytest.raises(ValueError, match="needs 2 samples of each question, but one has only 1"):
        difficulty_scores(problems, grid(pool, ids), None, np.ones((2, 2)), 2, N_PROBE)
