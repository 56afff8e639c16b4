"""Searches that deal the budget by value, where every value is known: what they find, and what they draw from."""

import math
from functools import partial

import numpy as np
import pytest

from helpers.known_values import CLOSE, KnownPolicy, KnownVerifier, World
from tts_lib.answers.protocols import SampleRequest, Sampling
from tts_lib.answers.scheduler import Scheduler
from tts_lib.common.rng import derive_seed, derive_seeds
from tts_lib.search.beam import Beam
from tts_lib.search.candidates import Candidates
from tts_lib.search.particles import Particles, systematic
from tts_lib.search.rebase import Rebase, shares
from tts_lib.search.step_search import StepSearch
from tts_lib.search.tree import Simulations, Tree

LIMITS = {"temperature": 1.0, "top_p": 1.0, "max_step_tokens": 8, "max_tokens": 100, "max_rounds": 40}
REBASE, ODDS, RATIO = Rebase(temperature_of_values=0.2), Particles(weights="odds"), Particles(weights="ratio")


def found(world: World, method, n: int, score, seed: int = 0) -> Candidates:
    search = StepSearch(method=method, duplicates="keep", closing=(CLOSE,), **LIMITS)
    searches = {0: search.search(world.question, n, (seed,))}
    return Scheduler(KnownPolicy(world), KnownVerifier(world, score)).run(searches)[0].found("it")


def fifth(number: int, n_steps: int = 3) -> World:
    """A world in which a fifth of the solutions are right, whichever."""
    return World(number, n_steps, 4, lambda path: derive_seed("right", number, *path) % 5 == 0)


def graded(path) -> float:
    """Some score, which has little to do with the value."""
    return 0.2 + 0.6 * float(derive_seed("score", *path)) / 2.0**64


def shared(world: World, candidates: Candidates, weights: np.ndarray) -> np.ndarray:
    """The share of the weight that each solution has among the candidates."""
    place = {path: i for i, path in enumerate(world.solutions)}
    which = [place[world.path(tokens)] for tokens in candidates.tokens]
    return np.bincount(which, weights, len(place)) / weights.sum()


def limit(world: World, weight) -> np.ndarray:
    weights = np.array([world.probability(path) * weight(path) for path in world.solutions])
    return weights / weights.sum()


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Total variation."""
    return float(np.abs(a - b).sum() / 2)


# --- what they find


@pytest.mark.parametrize("method", [Beam(width=4), REBASE, ODDS, RATIO], ids=["beam_4", "rebase", "odds", "ratio"])
def test_with_exact_values_a_search_beats_best_of_n(method):
    # One of 64 solutions is right: one of 16 samples is with p = .22, of 40 questions 17 or more with p < .003.
    worlds = [one_right(i, 3) for i in range(40)]
    best_of_n = 0
    for world in worlds:
        request = SampleRequest(world.question.prompt, derive_seeds(("pool", world.number), 16))
        (samples,) = KnownPolicy(world).sample([request], Sampling(1.0, 1.0, 100, "end"))
        best_of_n += any(world.right(world.path(samples[i])) for i in range(16))
    assert best_of_n <= 16 and n_found(worlds, method, 16, World.value) > 18


def test_with_small_values_rebase_deals_nearly_evenly():
    # Values of 1/64 and 1/16 are alike at T = .2, not at T = .02.
    worlds, sharp = [one_right(i, 4) for i in range(20)], Rebase(temperature_of_values=0.02)
    assert n_found(worlds, REBASE, 16, World.value) + 5 <= n_found(worlds, sharp, 16, World.value)


def test_a_tree_beats_best_of_n_where_scores_of_whole_solutions_tell_how_far_they_were_right():
    # A finished solution's exact value is 0 or 1, which says nothing about where to go on: the tree needs a grade.
    def grade(world, path):
        (right,) = [path for path in world.solutions if world.right(path)]
        return float(np.logical_and.accumulate(np.equal(path, right[: len(path)])).mean())

    worlds = [one_right(i, 4) for i in range(20)]
    assert n_found(worlds, Tree(), 64, lambda *_: 0.5) + 5 <= n_found(worlds, Tree(), 64, grade)


def one_right(number: int, n_steps: int) -> World:
    """A world of four symbols a step, with one right solution."""
    right = int(derive_seed("path", number) % 4**n_steps)
    return World(number, n_steps, 4, lambda path: sum(symbol * 4**t for t, symbol in enumerate(path)) == right)


def n_found(worlds, method, n: int, score) -> int:
    """In how many of them the method finds the right solution."""
    candidates = [(w, found(w, method, n, partial(score, w)).tokens) for w in worlds]
    return sum(any(w.right(w.path(each)) for each in tokens) for w, tokens in candidates)


# --- what particles are drawn from


@pytest.mark.parametrize("number", range(4))
def test_with_exact_values_ratio_particles_vote_like_right_solutions(number):
    world, n = fifth(number), 4000
    particles = found(world, RATIO, n, world.value)
    of_right = limit(world, world.value)
    error = 4 * np.sqrt(of_right * (1 - of_right) / n) + 1e-3
    assert (np.abs(shared(world, particles, particles.weights) - of_right) < 1.5 * error).all()
    assert apart(limit(world, lambda _: 1.0), of_right) > 0.5  # samples as they come do not


def test_so_do_particles_without_their_weights_once_these_are_even():
    # Each step but the last is right with p = .4, so that all weights were made even; the last decides nothing.
    world, n = World(0, 4, 5, lambda path: max(path[:3]) < 2, even=True), 4000
    particles = found(world, RATIO, n, world.value)
    of_right = limit(world, world.value)
    np.testing.assert_allclose(particles.weights, 1, atol=1e-4)
    error = 4 * np.sqrt(of_right * (1 - of_right) / n)
    assert (np.abs(shared(world, particles, np.ones(n)) - of_right) < 1.5 * error + 1e-3).all()


@pytest.mark.parametrize("number", range(3))
def test_ratio_forgets_all_scores_but_the_last_and_odds_multiplies_them(number):
    world, n = fifth(number), 4000
    ratio, odds = (found(world, method, n, graded) for method in (RATIO, ODDS))
    by_last = limit(world, graded)
    by_all = limit(world, lambda path: math.prod(_odds(graded(path[:t])) for t in range(1, len(path) + 1)))
    assert apart(by_last, by_all) > 0.3
    assert apart(shared(world, ratio, ratio.weights), by_last) < 0.08
    assert apart(shared(world, odds, odds.weights), by_all) < 0.08


def test_a_limit_by_odds_is_the_sharper_the_more_steps_there_are():
    def entropy(n_steps):
        world = fifth(1, n_steps)
        p = limit(world, lambda path: math.prod(_odds(graded(path[:t])) for t in range(1, n_steps + 1)))
        q = limit(world, graded)
        return (-(q * np.log(q)).sum() + (p * np.log(p)).sum()) / np.log(len(p))

    assert entropy(2) < entropy(3) < entropy(4) < entropy(5)


def test_systematic_resampling_draws_each_particle_as_often_as_its_weight_says_to_the_next_whole_number():
    weights = np.array([0.0, 3.0, 0.5, 1.5, 0.0])
    for uniform in np.linspace(0, 0.999, 50):
        n = np.bincount(systematic(weights, uniform), minlength=5)
        assert n.sum() == 5 and n[0] == n[4] == 0 and (np.abs(n - weights) < 1).all()


def _odds(value: float) -> float:
    return value / (1 - value)


# --- REBASE


def test_shares_by_hand():
    assert shares(8, [0.9, 0.5, 0.1], 0.2) == [7, 1, 0]  # weights 1, .135, .018
    assert shares(5, [0.4, 0.4, 0.4], 0.2) == [2, 2, 1]
    assert shares(3, [0.7], 0.2) == [3] and shares(0, [0.7, 0.2], 0.2) == [0, 0]


def test_shares_follow_the_published_rule_and_add_up():
    rng = np.random.default_rng(0)
    for _ in range(300):
        n, values = int(rng.integers(1, 65)), sorted(rng.random(int(rng.integers(1, 20))).tolist(), reverse=True)
        left, expected = n, []
        weights = [math.exp(value / 0.2) for value in values]
        for i, weight in enumerate(weights):
            expected.append(math.ceil(left * weight / math.fsum(weights[i:]) - 1e-9))
            left -= expected[-1]
        assert shares(n, values, 0.2) == expected and sum(expected) == n
    assert all(shares(n, [0.3] * n, 0.2) == [1] * n for n in range(1, 200))  # rounding gives none a second slot


def test_every_solution_holds_one_slot_from_the_round_in_which_it_ends():
    class Early(KnownPolicy):
        """Ends a solution after any step with symbol 0."""

        def _one(self, request, one_step):
            samples = super()._one(request, one_step)
            samples.tokens[1::2][samples.tokens[::2] == 2] = 1
            samples.finish[samples.tokens[1::2] == 1] = 1
            sampled.append(len(samples))
            return samples

    world, sampled = World(3, 5, 4, lambda path: True), []
    search = StepSearch(method=REBASE, duplicates="keep", **LIMITS).search(world.question, 16, (0,))
    outcome = Scheduler(Early(world), KnownVerifier(world, graded)).run({0: search})[0]
    candidates = outcome.found("it")
    assert len(candidates.tokens) == 16 and candidates.finished.all()
    lengths = np.array([len(world.path(tokens)) for tokens in candidates.tokens])
    assert candidates.n_samples == sum(sampled) == lengths.sum()  # no step of it was dropped: B shrinks as they end


# --- the tree


@pytest.mark.parametrize(
    ("n", "rounds"), [(1, [1]), (2, [2]), (4, [2, 2]), (16, [4] * 4), (64, [8] * 8), (20, [8, 8, 4])]
)
def test_rounds_of_a_tree(n, rounds):
    assert Simulations(n).rounds == rounds


def test_a_tree_goes_on_from_what_scored_high_and_scores_a_solution_whole():
    world = World(0, 3, 4, lambda path: True, even=True)
    candidates = found(world, Tree(), 256, lambda path: 0.95 if path[0] == 2 else 0.05)
    first = np.array([world.path(tokens)[0] for tokens in candidates.tokens])
    assert (first == 2).mean() > 0.6  # a quarter of the samples from the prompt
    assert all(len(scores) == 3 for scores in candidates.step_scores) and candidates.finished.all()
