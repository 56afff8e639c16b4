"""What a verifier knows of answers."""

import numpy as np
import pytest

from tts_lib.verifiers import quality


def test_a_perfect_verifier_and_a_coin():
    rng = np.random.default_rng(0)
    question = np.repeat(np.arange(40), 25)
    correct = rng.random(1000) < 0.4
    weights = np.full((50, 40), 1 / 40)
    known, table = quality.of_answers(np.where(correct, 0.9, 0.1), correct, question, weights)
    assert known["answer_auc"]["estimate"] == 1.0
    assert known["brier"] == pytest.approx(0.01) and known["calibration_error"] < 0.11
    assert list(table) == ["n", "predicted", "observed", "standard_error"] and table["n"].sum() == 1000
    coin, _ = quality.of_answers(rng.random(1000), correct, question, weights)
    assert coin["answer_auc"]["estimate"] == pytest.approx(0.5, abs=0.05)  # 3 standard errors
