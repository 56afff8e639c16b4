import dataclasses
from functools import cache

import numpy as np
import pytest

from helpers.simulated_policy import END, NEWLINE, SimulatedPolicy, SimulatedVerifier, is_correct, question
from tts_lib.answers.protocols import FINISH_END, FINISH_STEP, Samples
from tts_lib.answers.scheduler import Outcome, Scheduler
from tts_lib.estimators.beams import beams_within
from tts_lib.search.beam import Beam
from tts_lib.search.candidates import Candidates
from tts_lib.search.dvts import Dvts
from tts_lib.search.lookahead import Lookahead
from tts_lib.search.particles import Particles
from tts_lib.search.rebase import Rebase
from tts_lib.search.step_search import StepSearch
from tts_lib.search.tree import Tree

METHODS = {
    "beam": Beam(width=4),
    "lookahead": Lookahead(width=4, depth=1),
    "dvts": Dvts(width=4, depth=0),
    "rebase": Rebase(temperature_of_values=0.2),
    "odds": Particles(weights="odds"),
    "ratio": Particles(weights="ratio"),
    "tree": Tree(),
}
OF_BEAMS = ("beam", "lookahead", "dvts")


def searching(method, **changed) -> StepSearch:
    settings = {"temperature": 0.8, "top_p": 1.0, "max_step_tokens": 8, "max_tokens": 200, "max_rounds": 40}
    return StepSearch(method=method, **{"duplicates": "keep", "closing": (NEWLINE,), **settings, **changed})


N_QUESTIONS = 5
NOT_OF_TREES = {"max_step_tokens": 3, "max_rounds": 2}


def search_all(search: StepSearch, budget=16, noise=0.5, skill=1.0, seed=0) -> dict[int, Outcome[Candidates]]:
    searches = {i: search.search(question(i, 3 + i % 4), budget, (seed, "policy")) for i in range(N_QUESTIONS)}
    outcomes = Scheduler(SimulatedPolicy(skill), SimulatedVerifier(noise)).run(searches)
    assert all(outcome.error is None for outcome in outcomes.values())
    return outcomes


@cache
def found(name: str, budget=16) -> dict[int, Outcome[Candidates]]:
    """What a method finds with the settings of `searching`, for tests that compare with it."""
    return search_all(searching(METHODS[name]), budget)


def same(a: Candidates, b: Candidates) -> bool:
    def flat(c: Candidates):
        return [x.tolist() for x in c.tokens], [x.tolist() for x in c.step_scores], c.finished.tolist()

    return flat(a) == flat(b)


def same_everywhere(a: dict[int, Outcome[Candidates]], b: dict[int, Outcome[Candidates]]) -> bool:
    return all(same(a[i].result, b[i].result) and a[i].cost == b[i].cost for i in a)


class Script:
    """A policy for hand-made cases: for each prefix the steps of its samples, in turn; 'x' closes, '.' ends."""

    version = "script"

    def __init__(self, steps: dict[str, list[str]]) -> None:
        self.steps = steps
        self.n_sampled: list[int] = []

    def sample(self, requests, sampling):
        self.n_sampled.append(sum(len(request.seeds) for request in requests))
        results = []
        for request in requests:
            steps = self.steps["".join(map(chr, request.prefix))][: len(request.seeds)]
            assert len(steps) == len(request.seeds)
            finish = np.array([{"x": FINISH_STEP, ".": FINISH_END}.get(step[-1], 2) for step in steps], np.uint8)
            tokens = np.array([ord(c) for step in steps for c in step], np.int32)
            results.append(Samples(tokens, np.cumsum([0, *map(len, steps)]), finish, None))
        return results


class Digits:
    """A verifier that reads a step's score from the digit before its closing character."""

    version = "digits"

    def score(self, requests):
        return [
            [np.array([int(chr(c[i - 1])) / 10 for i, t in enumerate(c) if chr(t) in "x."], np.float32) for c in r]
            for r in (request.continuations for request in requests)
        ]


def play(steps: dict[str, list[str]], search: StepSearch, budget: int) -> tuple[Candidates, Script]:
    policy = Script(steps)
    q = dataclasses.replace(question(0), prompt=np.array([ord("q")], np.int32))
    outcome = Scheduler(policy, Digits()).run({0: search.search(q, budget, (0,))})[0]
    assert outcome.error is None and outcome.result is not None, outcome.error
    return outcome.result, policy


def texts(candidates: Candidates) -> list[str]:
    return ["".join(map(chr, solution)) for solution in candidates.tokens]


# --- budgets and options


@pytest.mark.parametrize(
    ("budget", "width", "depth", "expected"),
    [
        (4, "sqrt", 0, (4, 2)),
        (8, "sqrt", 0, (8, 2)),
        (32, "sqrt", 0, (32, 4)),
        (256, "sqrt", 0, (256, 16)),
        (7, "sqrt", 0, (7, 7)),
        (256, 4, 0, (256, 4)),
        (10, 4, 0, (8, 4)),
        (256, 4, 3, (64, 4)),
        (256, "sqrt", 1, (128, 8)),
        (50, 4, 2, (16, 4)),
    ],
)
def test_beams_within_a_budget(budget, width, depth, expected):
    assert beams_within(budget, width, depth) == expected


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_the_budget_is_never_exceeded_and_beams_divide(depth):
    for budget in range(2 * (depth + 1), 300):
        n_beams, width = beams_within(budget, "sqrt", depth)
        assert n_beams % width == 0 and 2 <= width <= n_beams and n_beams * (depth + 1) <= budget


@pytest.mark.parametrize(
    ("budget", "width", "depth", "message"),
    [
        (2, 4, 0, "budget of 2 .* beam width 4 .* at least 4"),
        (8, 4, 3, "at least 16"),
        (1, "sqrt", 0, "at least 2"),
    ],
)
def test_impossible_budgets_are_refused(budget, width, depth, message):
    search = searching(Dvts(width=width, depth=depth))
    with pytest.raises(ValueError, match=message):
        search.generations(budget)
    with pytest.raises(ValueError, match=message):
        search.search(question(1), budget, (0,))


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        *[
            (name, option, value)
            for name in METHODS
            for option, value in [
                ("temperature", 0.3),
                ("top_p", 0.5),
                ("max_step_tokens", 3),
                ("max_tokens", 12),
                ("max_rounds", 2),
                ("width", 8),
            ]
            if (option != "width" or name in OF_BEAMS) and (name != "tree" or option not in NOT_OF_TREES)
        ],
        ("rebase", "temperature_of_values", 2.0),
        ("rebase", "duplicates", "merge"),
        ("odds", "weights", "ratio"),
        ("tree", "closing", (END,)),
        ("beam", "duplicates", "merge"),
        ("lookahead", "duplicates", "merge"),
        ("lookahead", "depth", 2),
        ("dvts", "depth", 1),
    ],
)
def test_every_option_changes_result_or_cost(name, option, value):
    before, own = searching(METHODS[name]), option in type(METHODS[name]).model_fields
    after = before.model_copy(
        update={"method": METHODS[name].model_copy(update={option: value})} if own else {option: value}
    )
    assert before != after
    assert not same_everywhere(found(name, budget=64), search_all(after, budget=64))


def test_every_option_was_changed():
    fields = {"method", "temperature", "top_p", "max_step_tokens", "max_tokens", "max_rounds", "duplicates", "closing"}
    assert set(StepSearch.model_fields) == fields
    assert {name: set(type(method).model_fields) - {"kind"} for name, method in METHODS.items()} == {
        "beam": {"width"},
        "lookahead": {"width", "depth"},
        "dvts": {"width", "depth"},
        "rebase": {"temperature_of_values"},
        "odds": {"weights"},
        "ratio": {"weights"},
        "tree": set(),
    }


@pytest.mark.parametrize("name", ["odds", "ratio", "tree"])
def test_what_is_no_option_of_a_method_changes_nothing(name):
    for option, value in [("duplicates", "merge"), *(NOT_OF_TREES.items() if name == "tree" else [])]:
        assert same_everywhere(found(name), search_all(searching(METHODS[name], **{option: value})))


def test_a_tree_must_know_what_closes_a_step():
    with pytest.raises(ValueError, match="closing is empty, but a tree must know"):
        searching(Tree(), closing=())


def test_duplicates_mean_nothing_to_a_subtree_that_keeps_one_prefix():
    keep, merge = found("dvts", budget=64), search_all(searching(METHODS["dvts"], duplicates="merge"), budget=64)
    assert sum(outcome.result.n_duplicates for outcome in keep.values()) > 0
    assert same_everywhere(keep, merge)


# --- what holds for every method


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("budget", [4, 16, 50])
def test_candidates_are_within_the_budget_and_whole(name, budget):
    changes = {"width": "sqrt"} if name in OF_BEAMS else {}
    search = searching(METHODS[name].model_copy(update=changes))
    for i, outcome in search_all(search, budget).items():
        result = outcome.result
        assert outcome.cost.generations == search.generations(budget) <= budget
        assert 1 <= len(result.tokens) == len(result.step_scores) == len(result.finished) <= budget
        assert result.n_samples <= budget * result.n_rounds
        for solution, scores, finished in zip(result.tokens, result.step_scores, result.finished, strict=True):
            assert finished == (solution[-1] == END)
            if finished:
                whole = SimulatedVerifier(0.5)._score_one(question(i, 3 + i % 4).prompt, solution)
                np.testing.assert_array_equal(scores, whole)
        assert (np.diff(result.finished.astype(int)) <= 0).all()


@pytest.mark.parametrize("name", METHODS)
def test_results_do_not_depend_on_company_or_order(name):
    search, together = searching(METHODS[name]), found(name)
    for i in reversed(range(N_QUESTIONS)):
        scheduler = Scheduler(SimulatedPolicy(), SimulatedVerifier(0.5))
        alone = scheduler.run({i: search.search(question(i, 3 + i % 4), 16, (0, "policy"))})
        assert same(alone[i].result, together[i].result) and alone[i].cost == together[i].cost


@pytest.mark.parametrize("name", METHODS)
def test_the_seed_decides(name):
    search = searching(METHODS[name])
    assert same_everywhere(found(name), search_all(search))
    assert not same_everywhere(found(name), search_all(search, seed=1))


@pytest.mark.parametrize("name", METHODS)
def test_every_sample_has_a_seed_of_its_own(name):
    class Recording(SimulatedPolicy):
        def sample(self, requests, sampling):
            if sampling.temperature > 0:
                seeds.extend(seed for request in requests for seed in request.seeds.tolist())
            return super().sample(requests, sampling)

    seeds: list[int] = []
    search = searching(METHODS[name])
    searches = {(i, b): search.search(question(i), b, (0,)) for i in range(5) for b in (16, 64)}
    outcomes = Scheduler(Recording(), SimulatedVerifier(0.5)).run(searches)
    n_samples = sum(outcome.result.n_samples for outcome in outcomes.values())
    assert len(seeds) == len(set(seeds)) == n_samples


@pytest.mark.parametrize("name", METHODS)
def test_a_perfect_verifier_finds_the_solution(name):
    # Each step is right with p > 0.2: 64 slots miss one of at most 6 steps with probability < 1e-4 (beam, dvts). A tree
    # samples 128 whole solutions, each right with p > 0.03: it misses with p < 0.02.
    for i, outcome in search_all(searching(METHODS[name]), budget=128, noise=0.0, skill=2.5).items():
        best = max(outcome.result.step_scores, key=lambda scores: scores[-1] if len(scores) else 0)
        solution = outcome.result.tokens[[scores is best for scores in outcome.result.step_scores].index(True)]
        assert is_correct(question(i, 3 + i % 4).prompt, solution)


# --- the step loop, by hand


def test_depth_0_lookahead_is_beam_search():
    blind = METHODS["lookahead"].model_copy(update={"depth": 0})  # params.yaml would not have it
    assert same_everywhere(search_all(searching(blind)), found("beam"))


def test_beam_keeps_the_best_prefixes_and_expands_each_m_times():
    result, policy = play(
        {"q": ["1x", "8x", "9x", "2x"], "q9x": ["1.", "3."], "q8x": ["5.", "4."]},
        searching(Beam(width=2)),
        budget=4,
    )
    assert policy.n_sampled == [4, 4]
    assert texts(result) == ["8x5.", "8x4.", "9x3.", "9x1."]
    assert [scores.tolist() for scores in result.step_scores] == [
        [np.float32(0.8), np.float32(0.5)],
        [np.float32(0.8), np.float32(0.4)],
        [np.float32(0.9), np.float32(0.3)],
        [np.float32(0.9), np.float32(0.1)],
    ]


def test_a_width_of_n_keeps_one_beam():
    result, policy = play(
        {"q": ["1x", "7x", "9x"], "q9x": ["8x", "2.", "3x"], "q9x8x": ["5.", "6.", "7."]},
        searching(Beam(width=3)),
        budget=3,
    )
    assert policy.n_sampled == [3, 3, 3]
    assert texts(result) == ["9x8x7.", "9x8x6.", "9x8x5."]


def test_a_finished_beam_holds_its_slots_and_is_never_copied():
    result, policy = play(
        {"q": ["9.", "8x", "1x", "0x"], "q8x": ["5x", "4x"], "q8x5x": ["3.", "2."]},
        searching(Beam(width=2)),
        budget=4,
    )
    assert policy.n_sampled == [4, 2, 2]
    assert texts(result) == ["9.", "8x5x3.", "8x5x2."] and not result.hit_round_limit


def test_a_finished_solution_outlives_a_prefix_that_promised_more():
    steps = {"q": ["5.", "6x"], "q6x": ["1x", "2x"]}
    result, policy = play(steps, searching(Beam(width=2)), budget=2)
    assert policy.n_sampled == [2, 2]
    assert texts(result) == ["5.", "6x2x"] and result.finished.tolist() == [True, False]


def test_dvts_forgets_it():
    steps = {"q": ["5.", "6x"], "q6x": ["1x", "2x"], "q6x2x": ["1.", "0."]}
    result, _ = play(steps, searching(Dvts(width=2, depth=0)), budget=2)
    assert texts(result) == ["6x2x1.", "6x2x0."]


def test_ties_go_to_the_lowest_slot():
    result, _ = play({"q": ["a5x", "b5x"], "qa5x": ["a1.", "b1."]}, searching(Beam(width=2)), budget=2)
    assert texts(result) == ["a5xa1.", "a5xb1."]


def test_equal_prefixes_are_kept_or_merged_but_read_once():
    steps = {"q": ["9x", "9x", "5x", "5x"], "q9x": ["1.", "2.", "2.", "4."], "q5x": ["3.", "3."]}
    kept, policy = play(steps, searching(Beam(width=2)), budget=4)
    assert texts(kept) == ["9x4.", "9x2.", "9x2.", "9x1."] and kept.n_distinct == 3
    assert policy.n_sampled == [4, 4] and kept.n_duplicates == 3
    merged, policy = play(steps, searching(Beam(width=2), duplicates="merge"), budget=4)
    assert texts(merged) == ["5x3.", "5x3.", "9x2.", "9x1."] and policy.n_sampled == [4, 4]


def test_slots_freed_by_merging_are_dealt_to_the_kept_beams():
    steps = {"q": ["9x"] * 6, "q9x": ["1.", "2.", "3.", "4.", "5.", "6."]}
    merged, policy = play(steps, searching(Beam(width=2), duplicates="merge"), budget=6)
    assert policy.n_sampled == [6, 6] and merged.n_distinct == 6


def test_equal_prefixes_are_prefilled_and_scored_once():
    class Counting(Digits):
        def score(self, requests):
            n_read.append(sum(len(request.continuations) for request in requests))
            return super().score(requests)

    n_read: list[int] = []
    q = dataclasses.replace(question(0), prompt=np.array([ord("q")], np.int32))
    search = searching(Beam(width=2))
    policy = Script({"q": ["9x", "9x", "5x", "5x"], "q9x": ["1.", "2.", "2.", "4."]})
    outcome = Scheduler(policy, Counting()).run({0: search.search(q, 4, (0,))})[0]
    assert n_read == [2, 3]
    assert outcome.cost.policy_prefill_tokens == 1 + 3 and outcome.cost.verifier_tokens == 2 * 2 + 3 * 2


def test_truncated_steps_are_dropped_counted_and_shown():
    result, policy = play(
        {"q": ["9", "8x", "7x", "9"], "q8x": ["99", "9"], "q7x": ["9", "9"]},
        searching(Beam(width=2)),
        budget=4,
    )
    assert policy.n_sampled == [4, 4] and result.n_truncated == 6
    assert not result.finished.any() and sorted(texts(result)) == ["7x9", "7x9", "8x9", "8x99"]
    assert [len(scores) for scores in result.step_scores] == [1, 1, 1, 1]


def test_the_round_limit_leaves_unfinished_candidates():
    search = searching(Beam(width=2), max_rounds=1)
    result, policy = play({"q": ["9.", "8x", "1x", "0x"]}, search, budget=4)
    assert policy.n_sampled == [4] and result.hit_round_limit and result.n_rounds == 1
    assert texts(result) == ["9.", "8x", "1x", "0x"] and result.finished.tolist() == [True, False, False, False]


def test_lookahead_ranks_by_the_end_of_the_rollout_and_drops_it():
    steps = {
        "q": ["9x", "5x"],
        "q9x": ["1x"],
        "q9x1x": ["0."],
        "q5x": ["6x", "4."],
        "q5x6x": ["8."],
    }
    one, policy = play({**steps, "q9x": ["7x"]}, searching(Lookahead(width=2, depth=1), max_rounds=1), budget=4)
    assert policy.n_sampled == [2, 2]
    assert texts(one) == ["9x", "5x"] and [s.tolist() for s in one.step_scores] == [[np.float32(0.9)], [0.5]]
    two, policy = play(steps, searching(Lookahead(width=2, depth=2), max_rounds=1), budget=6)
    assert policy.n_sampled == [2, 2, 2] and texts(two) == ["5x", "9x"]


def test_lookahead_pays_for_its_rollouts():
    plain = search_all(searching(METHODS["beam"]), budget=16)
    ahead = search_all(searching(METHODS["lookahead"]), budget=32)
    for i in plain:
        assert ahead[i].cost.generations == 2 * plain[i].cost.generations
        assert ahead[i].cost.rounds >= 2 * ahead[i].result.n_rounds - 1


def test_dvts_searches_its_subtrees_apart():
    search = searching(Dvts(width=2, depth=0))
    result, policy = play({"q": ["9x", "8x", "2.", "1x"], "q9x": ["3x", "1."], "q9x3x": ["7.", "6x"]}, search, budget=4)
    assert policy.n_sampled == [4, 2, 2]
    assert texts(result) == ["9x3x7.", "2.", "9x3x6x", "1x"]
    assert result.finished.tolist() == [True, True, False, False]


def test_a_verifier_without_a_number_stops_the_question_by_name():
    class Nan(Digits):
        def score(self, requests):
            return [[np.full(1, np.nan, np.float32) for _ in r.continuations] for r in requests]

    search = searching(METHODS["beam"])
    outcome = Scheduler(SimulatedPolicy(), Nan()).run({"q7": search.search(question(7), 4, (0,))})["q7"]
    assert isinstance(outcome.error, ValueError) and "nan" in str(outcome.error)
