"""Pools whose golds tell little each: the order of all their samples is found all the same."""

import numpy as np
import pytest

from benchmarks import alignment as made
from tts_lib.common import rng
from tts_lib.imported import alignment, orders
from tts_lib.imported.strays import Answers


def few(n: int, k: int, accuracy: float) -> tuple[np.ndarray, np.ndarray]:
    """Golds and answers (question, sample) that are small numbers."""
    random = rng.generator("test_orders", n, k)
    golds, wrong = made.few(random, n), made.few(random, n * k).reshape(n, k)
    return golds, np.where(random.random((n, k)) < accuracy, golds[:, None], wrong)


def found(golds: np.ndarray, answers: np.ndarray) -> orders.Orders:
    n, k = answers.shape
    return orders.find(Answers.read(golds.tolist(), answers.ravel().tolist()), np.repeat(np.arange(n), k))


def is_refused(golds: np.ndarray, answers: np.ndarray) -> bool:
    n, k = answers.shape
    return bool(alignment.measure(golds.tolist(), np.repeat(np.arange(n), k), answers.ravel().tolist()).evidence)


@pytest.mark.parametrize("by", [1, -7])
def test_rows_of_small_numbers_that_slipped_are_refused(by):
    golds, answers = few(100, 4, 0.6)
    assert not is_refused(golds, answers)
    seen = found(golds, np.roll(answers, by, axis=0))
    assert seen.distance == -by and seen.slipped > 30 and abs(seen.kept) < 3 * seen.sd and seen.two_way > 0.5
    assert is_refused(golds, np.roll(answers, by, axis=0))


def test_a_block_that_slipped_is_found():
    golds, answers = few(300, 4, 0.6)
    answers[100:200] = np.roll(answers[100:200], 1, axis=0)
    seen = found(golds, answers)
    assert seen.distance == -1 and abs(seen.block[0] - 100) < 10 and abs(seen.block[1] - 200) < 10
    assert seen.own > 90 and is_refused(golds, answers)


@pytest.mark.parametrize("batch", [2, 4, 25, 100])
def test_samples_of_small_numbers_that_were_dealt_out_are_gathered_again(batch):
    golds, answers = few(100, 4, 0.6)
    seen = found(golds, made.dealt(answers, batch))
    assert seen.batch == batch and seen.dealt == pytest.approx(found(golds, answers).own, abs=1e-9)
    assert is_refused(golds, made.dealt(answers, batch))


def test_recitation_goes_one_way():
    golds, answers = few(100, 8, 0.2)
    recites = rng.generator("recites").random((50, 8)) < 0.8
    answers[1::2] = np.where(recites, golds[0::2, None], answers[1::2])
    seen = found(golds, answers)
    assert seen.distance == -1 and seen.slipped > 2 * seen.kept and seen.two_way < 0.5
    assert not is_refused(golds, answers)


def test_chance_is_what_random_pairing_gives():
    golds, answers = few(100, 4, 0.6)
    random = rng.generator("pairing")
    own = [found(random.permutation(golds), answers).own for _ in range(300)]
    sd = found(golds, answers).sd
    assert abs(np.mean(own)) < 4 * sd / np.sqrt(300) and np.std(own) == pytest.approx(sd, rel=0.15)


def test_samples_in_no_rows_are_not_gathered():
    golds, answers = few(20, 2, 0.5)
    question = np.append(np.repeat(np.arange(20), 2), 19)
    read = Answers.read(golds.tolist(), [*answers.ravel().tolist(), "1"])
    assert orders.find(read, question).batch == 0
