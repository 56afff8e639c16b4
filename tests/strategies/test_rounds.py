"""What is read of a round's pool."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tts_lib.answers.grid import grid
from tts_lib.estimators import subsets
from tts_lib.strategies.rounds import Pool, entropy, read, unguessed

SAMPLES = pd.DataFrame(
    {
        "question_id": ["a"] * 4 + ["b"] * 4,
        "text": ["x", "x", "y", "z", "x", "x", "x", "x"],
        "n_tokens": [1, 2, 3, 4, 2, 2, 2, 2],
        "verdict": ["correct", "correct", "wrong", "wrong"] + ["wrong"] * 4,
        "answer_class": [0, 0, 1, -1, 0, 0, 0, 0],
    }
)
SCORES: Mapping[str, np.ndarray] = {"start": np.array([0.3, 0.2, 0.9, 0.1, 0.5, 0.5, 0.5, 0.5])}


def pool() -> Pool:
    throughout = np.array([True, False, *[False] * 6])
    return Pool.of(SAMPLES, grid(SAMPLES, ["a", "b"]), SCORES, throughout, {"a": 5, "b": 7})


def test_a_pool_is_read() -> None:
    found = read(pool(), [1, 2, 4], 2, 0.0, np.random.default_rng(0))
    assert found.pass_at_1.tolist() == [0.5, 0.0]
    assert found.coverage[0].tolist() == pytest.approx([0.5, 5 / 6, 1.0])
    assert found.right_throughout is not None
    assert found.right_throughout[0].tolist() == [0.25, 0.5, 1.0] and found.not_guessed is found.right_throughout
    assert found.majority[0, -1] == 1.0 and found.weighted["start"][0, -1] == 0.0
    assert found.gap("start", 4).tolist() == [-0.5, 0.0]
    assert found.distinct_answers.tolist() == [1, 1] and found.distinct_solutions.tolist() == [1, 1]
    whole = read(pool(), [1], 4, 0.0, np.random.default_rng(0))
    assert whole.distinct_answers.tolist() == [2, 1] and whole.distinct_solutions.tolist() == [3, 1]
    assert found.auc["start"][0] == 0.5 and np.isnan(found.auc["start"][1])
    assert found.prompt.tolist() == [5, 7] and found.tokens.tolist() == [2.5, 2]


def test_without_steps_coverage_is_that_without_the_floor() -> None:
    found = read(replace(pool(), throughout=None), [1, 4], 2, 0.1, np.random.default_rng(0))
    assert found.right_throughout is None and found.not_guessed is found.unguessed
    assert found.unguessed[0, 0] == pytest.approx((0.5 - 0.1) / 0.9) and found.unguessed[1, 1] == 0


def test_entropy_is_that_of_the_answers() -> None:
    found = entropy(np.array([[0, 0, 1, 1], [3, 3, 3, -1], [-1, -1, -1, -1]]))
    assert found == pytest.approx([np.log(2), 0, 0])


@pytest.mark.parametrize("known", [0.0, 0.05, 0.4])
def test_the_guessing_floor_is_taken_out(known: float) -> None:
    """Planted: who knows nothing covers nearly all questions by guessing 256 times, and none without."""
    guess, n, k = 0.02, 4096, 256
    rng = np.random.default_rng(0)
    right = rng.binomial(n, guess + (1 - guess) * known, 500)
    assert subsets.coverage(right, n, [k]).mean() > 0.98
    assert unguessed(right / n, [1], guess).mean() == pytest.approx(known, abs=0.002)
    if known == 0:
        assert unguessed(right / n, [k], guess).mean() < 0.3 < subsets.coverage(right, n, [k]).mean()
    else:
        assert unguessed(right / n, [k], guess).mean() == pytest.approx(1 - (1 - known) ** k, abs=0.01)
