"""Means over questions of choices that are made anew in each resample, against what each question attains laid out."""

import pickle

import numpy as np
import pytest

from tts_lib.estimators.intervals import bootstrap_weights
from tts_lib.estimators.per_question import PerQuestion, Remade

N, BUDGETS, RESAMPLES, SPLITS, CELLS = 40, 3, 7, 2, 4
RNG = np.random.default_rng(0)
WEIGHTS = bootstrap_weights(N, 2 * RESAMPLES, RNG)
SOME = np.arange(N) % 3 == 0


def choice() -> tuple[PerQuestion, np.ndarray]:
    """A choice among five strategies, and what it attains on each question in each resample."""
    accuracy, cells = RNG.random((5, BUDGETS, N)), RNG.integers(CELLS, size=(SPLITS, N))
    taken = RNG.integers(5, size=(SPLITS, RESAMPLES, CELLS, BUDGETS))
    laid_out = np.zeros((RESAMPLES, N, BUDGETS))
    for split, resample, question, budget in np.ndindex(SPLITS, RESAMPLES, N, BUDGETS):
        strategy = taken[split, resample, cells[split, question], budget]
        laid_out[resample, question, budget] += accuracy[strategy, budget, question] / SPLITS
    return PerQuestion.of(laid_out.mean(axis=0), Remade(accuracy, cells, taken)), laid_out


def expected(each: np.ndarray, laid_out: np.ndarray, members: np.ndarray) -> np.ndarray:
    """The weighted means over the members, moved to the estimate."""
    drawn = WEIGHTS[:RESAMPLES, members]
    means = np.einsum("rq,rqb->rb", drawn, laid_out[:, members]) / drawn.sum(axis=1)[:, None]
    return means + each[members].mean(axis=0) - means.mean(axis=0)


@pytest.mark.parametrize("members", [SOME, np.ones(N, dtype=bool)])
def test_replicates_are_means_of_what_each_question_attains(members: np.ndarray) -> None:
    (a, of_a), (b, of_b), plain = choice(), choice(), PerQuestion(RNG.random((N, BUDGETS)))
    cases = [
        (a, of_a),
        (a - b, of_a - of_b),
        (a - plain, of_a - plain.each),
        (plain - a, plain.each - of_a),
        (a.mixed(b, 0.25) - plain, 0.75 * of_a + 0.25 * of_b - plain.each),
        (a.at([2, 0]), of_a[:, :, [2, 0]]),
    ]
    for found, laid_out in cases:
        np.testing.assert_allclose(found.replicates(WEIGHTS, members), expected(found.each, laid_out, members))
    last = a.at(np.array([True, False, True])).at(1) - plain.at(2)
    laid_out = of_a[:, :, 2:] - plain.each[:, 2:]
    np.testing.assert_allclose(last.replicates(WEIGHTS, members), expected(last.each[:, None], laid_out, members)[:, 0])
    even = PerQuestion(np.arange(N) * 1.0).replicates(WEIGHTS, members)
    assert even.shape == (2 * RESAMPLES,)  # of nothing that is chosen all resamples are used


def test_what_is_kept_belongs_to_the_weights_it_was_asked_with() -> None:
    one, laid_out = choice()
    for weights in (WEIGHTS, WEIGHTS[::-1].copy()):
        sums = one.chosen[0].choice.sums(weights, SOME)
        assert one.chosen[0].choice.sums(weights, SOME) is sums
        np.testing.assert_allclose(sums.attained, np.einsum("rq,rqb->rb", weights[:RESAMPLES, SOME], laid_out[:, SOME]))
    elsewhere = pickle.loads(pickle.dumps(one.chosen[0].choice))  # where other weights may have their numbers
    assert elsewhere.sums(WEIGHTS, SOME) is not sums and not elsewhere._kept.keys() - {(id(WEIGHTS), SOME.tobytes())}
