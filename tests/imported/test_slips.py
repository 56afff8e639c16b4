"""A block that slipped is told from an honest order and from recitation, also in a small pool."""

import numpy as np
import pytest

from benchmarks import alignment as made
from tts_lib.common import rng
from tts_lib.imported import alignment, orders
from tts_lib.imported.slips import Slip
from tts_lib.imported.strays import Answers

GOLDS = [made.math, made.gsm8k, made.few]


def pool(draw, n: int, k: int, accuracy: float) -> tuple[np.ndarray, np.ndarray]:
    random = rng.generator("test_slips", draw.__name__, n, k)
    golds, wrong = draw(random, n), draw(random, n * k).reshape(n, k)
    return golds, np.where(random.random((n, k)) < accuracy, golds[:, None], wrong)


def slip(golds: np.ndarray, answers: np.ndarray) -> Slip:
    n, k = answers.shape
    return orders.find(Answers.read(golds.tolist(), answers.ravel().tolist()), np.repeat(np.arange(n), k)).slip


@pytest.mark.parametrize("draw", GOLDS)
@pytest.mark.parametrize("by", [1, -1, 3])
def test_a_third_of_a_small_pool_that_slipped_is_found(draw, by):
    golds, answers = pool(draw, 50, 8, 0.6)
    assert slip(golds, answers).odds < 0.1
    answers[20:37] = np.roll(answers[20:37], by, axis=0)
    seen = slip(golds, answers)
    assert seen.odds > 10 and seen.distance == -by
    assert abs(seen.block[0] - 20) < 6 and abs(seen.block[1] - 37) < 6
    n, k = answers.shape
    found = alignment.measure(golds.tolist(), np.repeat(np.arange(n), k), answers.ravel().tolist())
    assert found.evidence


@pytest.mark.parametrize("draw", GOLDS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_recitation_of_the_question_before_is_no_slip(draw, share):
    golds, answers = pool(draw, 50, 8, 0.4)
    recites = rng.generator("recites", str(share)).random((25, 8)) < share
    answers[1::2] = np.where(recites, golds[0::2, None], answers[1::2])
    assert slip(golds, answers).odds < 1


@pytest.mark.parametrize("n", [1, 2, 3])
def test_what_cannot_slip_has_no_odds(n):
    golds = np.full(n, "7", dtype=object)
    assert slip(golds, np.full((n, 2), "7", dtype=object)) == Slip(0.0, 0, (0, 0), 0.0, 0.0, 0.0)


def test_equal_golds_do_not_tell_a_slip():
    golds = np.full(50, "7", dtype=object)
    assert slip(golds, np.full((50, 2), "7", dtype=object)).odds < 1


def test_a_shared_mistake_that_is_another_gold_is_no_slip():
    golds, answers = pool(made.math, 60, 64, 0.02)
    answers[30:33] = golds[29:32, None]  # three questions in a row, of which all samples say what is right before
    assert slip(golds, answers).odds < 1
