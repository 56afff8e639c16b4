"""Who is revised: parents dealt evenly, by score, and by what children were seen to gain."""

import numpy as np
import pytest

from helpers.simulated_policy import SimulatedVerifier, question
from revisions.test_restart import Revising
from tts_lib.answers.scheduler import Scheduler
from tts_lib.revisions.chains import Revisions
from tts_lib.revisions.tree import ReviseTree, gain_curve, systematic

SAMPLING = Revisions(temperature=1.0, top_p=1.0, max_tokens=40, max_history=2, window=400)
WIDTH, LEVELS = 8, 3


def grown(dealt, policy=None, **options):
    method = ReviseTree(sampling=SAMPLING, dealt=dealt, **options)
    searches = {i: method.search(question(i), WIDTH, LEVELS, (0, "model")) for i in range(20)}
    outcomes = Scheduler(policy or Revising(), SimulatedVerifier(0.5)).run(searches)
    return {i: outcome.found("it") for i, outcome in outcomes.items()}, outcomes


def test_uniform_is_chains_side_by_side():
    found, outcomes = grown("uniform")
    for attempts in found.values():
        assert [(a.level, a.place) for a in attempts] == [(n, p) for n in range(1, LEVELS + 1) for p in range(WIDTH)]
        assert all(a.parent == (a.place if a.level > 1 else -1) for a in attempts)
    assert outcomes[0].cost.generations == WIDTH * LEVELS and outcomes[0].cost.rounds == LEVELS


def test_by_score_better_attempts_are_revised_more_often():
    found, _ = grown("score")
    picked, there = [], []
    for attempts in found.values():
        for level in range(2, LEVELS + 1):
            before = np.array([a.score for a in attempts if a.level == level - 1])
            picked += [before[a.parent] for a in attempts if a.level == level]
            there += before.tolist()
    assert np.mean(picked) > np.mean(there) + 0.05


def test_by_gain_those_are_revised_whose_children_gain():
    found, _ = grown("gain", gain=lambda scores: (scores < 0.3).astype(float))
    for attempts in found.values():
        first = np.array([a.score for a in attempts if a.level == 1])
        if (first < 0.3).any():
            assert np.mean([first[a.parent] < 0.3 for a in attempts if a.level == 2]) >= (first < 0.3).mean()


def test_a_child_is_shown_its_own_line_and_no_more_than_its_share():
    policy = Revising()
    found, _ = grown("score", policy)
    longest = max(a.n_context for each in found.values() for a in each)
    assert longest == max(map(len, policy.prefixes)) <= 3 * (2 + SAMPLING.max_tokens)


def test_dealing_is_in_proportion():
    weights = np.array([4.0, 2.0, 1.0, 1.0])
    counts = np.mean([np.bincount(systematic(weights, d), minlength=4) for d in np.linspace(0, 0.999, 200)], axis=0)
    np.testing.assert_allclose(counts, 4 * weights / weights.sum(), atol=0.02)
    assert systematic(np.ones(5), 0.3).tolist() == [0, 1, 2, 3, 4]


def test_the_curve_of_gains_is_what_pairs_showed():
    rng = np.random.default_rng(0)
    scores = rng.random(40_000)
    parent_right = rng.random(40_000) < scores
    child_right = rng.random(40_000) < 0.4
    gain = gain_curve(scores.tolist(), parent_right.tolist(), child_right.tolist())
    np.testing.assert_allclose(gain(np.array([0.05, 0.5, 0.95])), [0.38, 0.2, 0.02], atol=0.05)
    with pytest.raises(ValueError, match="at least 30"):
        gain_curve([0.5] * 29, [True] * 29, [True] * 29)
