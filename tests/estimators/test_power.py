"""Variance components and power on simulated studies, of which both are known."""

import math

import numpy as np
import pytest

from tts_lib.estimators.power import (
    Components,
    Design,
    components,
    questions_for,
    smallest_effect,
    standard_error,
    within_question,
)

TRUE = Components(question=0.04, sample=0.10, run=0.20, training=0.0004)


def drawn(rng: np.random.Generator, parts: Components, design: Design, effect: float = 0.0):
    """The draws of the pool and the runs of one study; the pool's side has the question's own part."""
    shift = effect + rng.normal(0, math.sqrt(parts.training or 0.0), design.trainings).mean()
    question = shift + rng.normal(0, math.sqrt(parts.question), (design.questions, 1))
    pool = question + rng.normal(0, math.sqrt(parts.sample or 0.0), (design.questions, int(design.draws)))
    return pool, rng.normal(0, math.sqrt(parts.run or 0.0), (design.questions, design.runs))


def test_known_components_are_recovered() -> None:
    """Means over 200 studies of 400 questions; each is off by more than 4 standard errors once in 16,000 times."""
    rng = np.random.default_rng(0)
    found = [components(*drawn(rng, TRUE, Design(400, 8, 4))) for _ in range(200)]
    for name in ("question", "sample", "run"):
        values = np.array([getattr(one, name) for one in found])
        assert abs(values.mean() - getattr(TRUE, name)) < 4 * values.std() / math.sqrt(200), name


def test_the_predicted_error_is_that_of_simulated_studies() -> None:
    rng, design = np.random.default_rng(1), Design(100, 4, 2, 3)
    means = [sum(part.mean() for part in drawn(rng, TRUE, design)) for _ in range(2_000)]
    expected = standard_error(TRUE, design)
    assert np.std(means) == pytest.approx(expected, rel=4 / math.sqrt(2 * 2_000))


@pytest.mark.parametrize("effect", [0.02, 0.05])
@pytest.mark.parametrize(("draws", "runs"), [(1, 1), (8, 4)])
def test_the_predicted_power_is_met(effect: float, draws: int, runs: int) -> None:
    """2,000 studies of as many questions as asked for; a power of .8 is missed by 4 points once in 100,000 times."""
    parts = Components(0.04, 0.10, 0.20)
    n = int(questions_for(parts, Design(1, draws, runs), effect))
    rng, found = np.random.default_rng(2), 0
    for _ in range(2_000):
        pool, searched = drawn(rng, parts, Design(n, draws, runs), effect)
        each = pool.mean(axis=1) + searched.mean(axis=1)
        found += abs(each.mean()) > 1.96 * each.std(ddof=1) / math.sqrt(n)
    assert found / 2_000 == pytest.approx(0.8, abs=0.04)


def test_more_of_anything_needs_fewer_questions_and_trainings_cannot_be_replaced() -> None:
    few = questions_for(TRUE, Design(1, 8, 4, 30), 0.03)
    assert few < questions_for(TRUE, Design(1, 1, 4, 30), 0.03) < questions_for(TRUE, Design(1, 1, 1, 30), 0.03)
    assert questions_for(TRUE, Design(1, 8, 4, 1), 0.03) == math.inf
    assert smallest_effect(standard_error(TRUE, Design(int(few), 8, 4, 30))) == pytest.approx(0.03, rel=0.01)


def test_what_is_not_known_is_said() -> None:
    once = np.array([[0.0], [1.0], [0.5]])
    assert within_question(once) is None
    assert components(once, None) == Components(0.25)
    uneven = np.array([[0.0, 1.0, np.nan], [0.0, 0.0, 0.0]])
    assert within_question(uneven) == pytest.approx(0.5 / 3)
    with pytest.raises(ValueError, match="at least 2 questions"):
        components(None, None)
    with pytest.raises(ValueError, match="must be above 0"):
        questions_for(TRUE, Design(10), 0.0)
