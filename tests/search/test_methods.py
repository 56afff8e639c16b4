import dataclasses

import numpy as np
import pytest

from helpers.simulated_policy import END, SimulatedPolicy, SimulatedVerifier, is_correct, question
from tts_lib.answers.protocols import FINISH_END, FINISH_STEP, Samples
from tts_lib.answers.scheduler import Outcome, run
from tts_lib.search.beam import Beam, beams_within
from tts_lib.search.best_of_n import BestOfN
from tts_lib.search.candidates import Candidates
from tts_lib.search.dvts import Dvts
from tts_lib.search.lookahead import Lookahead
from tts_lib.search.methods import METHODS, build

SETTINGS = {"temperature": 0.8, "top_p": 1.0, "max_step_tokens": 8, "max_tokens": 200, "max_rounds": 40}
OPTIONS = {
    "best_of_n": {"temperature": 0.8, "top_p": 1.0, "max_tokens": 40},
    "beam": {"width": 4, "duplicates": "keep", **SETTINGS},
    "lookahead": {"width": 4, "duplicates": "keep", "depth": 1, **SETTINGS},
    "dvts": {"width": 4, "depth": 0, **SETTINGS},
}
N_QUESTIONS = 5


def search_all(method, budget=16, noise=0.5, skill=1.0, seed=0) -> dict[int, Outcome[Candidates]]:
    searches = {i: method.search(question(i, 3 + i % 4), budget, (seed, "policy")) for i in range(N_QUESTIONS)}
    outcomes = run(searches, SimulatedPolicy(skill), SimulatedVerifier(noise))
    assert all(outcome.error is None for outcome in outcomes.values())
    return outcomes


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


def play(steps: dict[str, list[str]], method, budget: int) -> tuple[Candidates, Script]:
    policy = Script(steps)
    q = dataclasses.replace(question(0), prompt=np.array([ord("q")], np.int32))
    outcome = run({0: method.search(q, budget, (0,))}, policy, Digits())[0]
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
        (16, 1, 0, "2 or more"),
        (16, 4, -1, "0 or more, not -1"),
    ],
)
def test_impossible_budgets_and_options_are_refused(budget, width, depth, message):
    method = Lookahead(**{**OPTIONS["lookahead"], "width": width, "depth": depth})
    with pytest.raises(ValueError, match=message):
        method.generations(budget)
    with pytest.raises(ValueError, match=message):
        method.search(question(1), budget, (0,))


def test_best_of_n_needs_a_budget():
    with pytest.raises(ValueError, match="at least 1"):
        build("best_of_n", OPTIONS["best_of_n"]).generations(0)


def test_build_makes_each_method_and_names_what_is_wrong():
    for name, options in OPTIONS.items():
        assert type(build(name, options)) is METHODS[name]
    with pytest.raises(ValueError, match=r"'mcts'.*best_of_n, beam, lookahead, dvts"):
        build("mcts", {})
    with pytest.raises(ValueError, match="dvts has no option duplicates"):
        build("dvts", {**OPTIONS["dvts"], "duplicates": "keep"})
    with pytest.raises(ValueError, match="beam lacks the option width"):
        build("beam", {k: v for k, v in OPTIONS["beam"].items() if k != "width"})


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("best_of_n", "temperature", 0.3),
        ("best_of_n", "top_p", 0.5),
        ("best_of_n", "max_tokens", 6),
        *[
            (name, option, value)
            for name in ("beam", "lookahead", "dvts")
            for option, value in [
                ("temperature", 0.3),
                ("top_p", 0.5),
                ("max_step_tokens", 3),
                ("max_tokens", 12),
                ("max_rounds", 2),
                ("width", 8),
            ]
        ],
        ("beam", "duplicates", "merge"),
        ("lookahead", "duplicates", "merge"),
        ("lookahead", "depth", 2),
        ("dvts", "depth", 1),
    ],
)
def test_every_option_changes_result_or_cost(name, option, value):
    changed = {**OPTIONS[name], option: value}
    assert set(OPTIONS[name]) == {field.name for field in dataclasses.fields(METHODS[name])}
    before, after = (search_all(build(name, options), budget=64) for options in (OPTIONS[name], changed))
    assert not same_everywhere(before, after)


# --- what holds for every method


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("budget", [4, 16, 50])
def test_candidates_are_within_the_budget_and_whole(name, budget):
    method = build(name, {**OPTIONS[name], "width": "sqrt"} if "width" in OPTIONS[name] else OPTIONS[name])
    for i, outcome in search_all(method, budget).items():
        result = outcome.result
        assert outcome.cost.generations == method.generations(budget) <= budget
        assert 1 <= len(result.tokens) == len(result.step_scores) == len(result.finished) <= budget
        assert result.n_samples <= budget * result.n_rounds
        for solution, scores, finished in zip(result.tokens, result.step_scores, result.finished, strict=True):
            assert finished == (solution[-1] == END)
            if finished:
                whole = SimulatedVerifier(0.5)._score_one(question(i, 3 + i % 4).prompt, solution)
                np.testing.assert_array_equal(scores, whole)
        assert (np.diff(result.finished.astype(int)) <= 0).all()


@pytest.mark.parametrize("name", OPTIONS)
def test_results_do_not_depend_on_company_or_order(name):
    method = build(name, OPTIONS[name])
    together = search_all(method)
    for i in reversed(range(N_QUESTIONS)):
        alone = run(
            {i: method.search(question(i, 3 + i % 4), 16, (0, "policy"))}, SimulatedPolicy(), SimulatedVerifier(0.5)
        )
        assert same(alone[i].result, together[i].result) and alone[i].cost == together[i].cost


@pytest.mark.parametrize("name", OPTIONS)
def test_the_seed_decides(name):
    method = build(name, OPTIONS[name])
    assert same_everywhere(search_all(method), search_all(method))
    assert not same_everywhere(search_all(method), search_all(method, seed=1))


@pytest.mark.parametrize("name", OPTIONS)
def test_every_sample_has_a_seed_of_its_own(name):
    class Recording(SimulatedPolicy):
        def sample(self, requests, sampling):
            if sampling.temperature > 0:
                seeds.extend(seed for request in requests for seed in request.seeds.tolist())
            return super().sample(requests, sampling)

    seeds: list[int] = []
    method = build(name, OPTIONS[name])
    searches = {(i, b): method.search(question(i), b, (0,)) for i in range(5) for b in (16, 64)}
    outcomes = run(searches, Recording(), SimulatedVerifier(0.5))
    n_samples = sum(outcome.result.n_samples for outcome in outcomes.values())
    n_shared = 5 * 16 if name == "best_of_n" else 0  # a smaller budget of best-of-N is the start of a larger one
    assert len(seeds) == n_samples and len(set(seeds)) == n_samples - n_shared


@pytest.mark.parametrize("name", OPTIONS)
def test_a_perfect_verifier_finds_the_solution(name):
    # Each step is right with p > 0.2: 64 slots miss one of at most 6 steps with probability < 1e-4 (beam, dvts).
    for i, outcome in search_all(build(name, OPTIONS[name]), budget=128, noise=0.0, skill=2.5).items():
        best = max(outcome.result.step_scores, key=lambda scores: scores[-1] if len(scores) else 0)
        solution = outcome.result.tokens[[scores is best for scores in outcome.result.step_scores].index(True)]
        assert is_correct(question(i, 3 + i % 4).prompt, solution)


# --- the step loop, by hand


def test_depth_0_lookahead_is_beam_search():
    options = {**OPTIONS["lookahead"], "depth": 0}
    assert same_everywhere(search_all(build("lookahead", options)), search_all(build("beam", OPTIONS["beam"])))


def test_beam_keeps_the_best_prefixes_and_expands_each_m_times():
    result, policy = play(
        {"q": ["1x", "8x", "9x", "2x"], "q9x": ["1.", "3."], "q8x": ["5.", "4."]},
        Beam(**{**OPTIONS["beam"], "width": 2}),
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
        Beam(**{**OPTIONS["beam"], "width": 3}),
        budget=3,
    )
    assert policy.n_sampled == [3, 3, 3]
    assert texts(result) == ["9x8x7.", "9x8x6.", "9x8x5."]


def test_a_finished_beam_holds_its_slots_and_is_never_copied():
    result, policy = play(
        {"q": ["9.", "8x", "1x", "0x"], "q8x": ["5x", "4x"], "q8x5x": ["3.", "2."]},
        Beam(**{**OPTIONS["beam"], "width": 2}),
        budget=4,
    )
    assert policy.n_sampled == [4, 2, 2]
    assert texts(result) == ["9.", "8x5x3.", "8x5x2."] and not result.hit_round_limit


def test_a_finished_solution_outlives_a_prefix_that_promised_more():
    steps = {"q": ["5.", "6x"], "q6x": ["1x", "2x"]}
    result, policy = play(steps, Beam(**{**OPTIONS["beam"], "width": 2}), budget=2)
    assert policy.n_sampled == [2, 2]
    assert texts(result) == ["5.", "6x2x"] and result.finished.tolist() == [True, False]


def test_dvts_forgets_it():
    steps = {"q": ["5.", "6x"], "q6x": ["1x", "2x"], "q6x2x": ["1.", "0."]}
    result, _ = play(steps, Dvts(**{**OPTIONS["dvts"], "width": 2}), budget=2)
    assert texts(result) == ["6x2x1.", "6x2x0."]


def test_ties_go_to_the_lowest_slot():
    result, _ = play({"q": ["a5x", "b5x"], "qa5x": ["a1.", "b1."]}, Beam(**{**OPTIONS["beam"], "width": 2}), budget=2)
    assert texts(result) == ["a5xa1.", "a5xb1."]


def test_equal_prefixes_are_kept_or_merged_but_read_once():
    steps = {"q": ["9x", "9x", "5x", "5x"], "q9x": ["1.", "2.", "2.", "4."], "q5x": ["3.", "3."]}
    kept, policy = play(steps, Beam(**{**OPTIONS["beam"], "width": 2}), budget=4)
    assert texts(kept) == ["9x4.", "9x2.", "9x2.", "9x1."] and kept.n_distinct == 3
    assert policy.n_sampled == [4, 4] and kept.n_duplicates == 3
    merged, policy = play(steps, Beam(**{**OPTIONS["beam"], "width": 2, "duplicates": "merge"}), budget=4)
    assert texts(merged) == ["5x3.", "5x3.", "9x2.", "9x1."] and policy.n_sampled == [4, 4]


def test_slots_freed_by_merging_are_dealt_to_the_kept_beams():
    steps = {"q": ["9x"] * 6, "q9x": ["1.", "2.", "3.", "4.", "5.", "6."]}
    merged, policy = play(steps, Beam(**{**OPTIONS["beam"], "width": 2, "duplicates": "merge"}), budget=6)
    assert policy.n_sampled == [6, 6] and merged.n_distinct == 6


def test_equal_prefixes_are_prefilled_and_scored_once():
    class Counting(Digits):
        def score(self, requests):
            n_read.append(sum(len(request.continuations) for request in requests))
            return super().score(requests)

    n_read: list[int] = []
    q = dataclasses.replace(question(0), prompt=np.array([ord("q")], np.int32))
    method = Beam(**{**OPTIONS["beam"], "width": 2})
    policy = Script({"q": ["9x", "9x", "5x", "5x"], "q9x": ["1.", "2.", "2.", "4."]})
    outcome = run({0: method.search(q, 4, (0,))}, policy, Counting())[0]
    assert n_read == [2, 3]
    assert outcome.cost.policy_prefill_tokens == 1 + 3 and outcome.cost.verifier_tokens == 2 * 2 + 3 * 2


def test_truncated_steps_are_dropped_counted_and_shown():
    result, policy = play(
        {"q": ["9", "8x", "7x", "9"], "q8x": ["99", "9"], "q7x": ["9", "9"]},
        Beam(**{**OPTIONS["beam"], "width": 2}),
        budget=4,
    )
    assert policy.n_sampled == [4, 4] and result.n_truncated == 6
    assert not result.finished.any() and sorted(texts(result)) == ["7x9", "7x9", "8x9", "8x99"]
    assert [len(scores) for scores in result.step_scores] == [1, 1, 1, 1]


def test_the_round_limit_leaves_unfinished_candidates():
    method = Beam(**{**OPTIONS["beam"], "width": 2, "max_rounds": 1})
    result, policy = play({"q": ["9.", "8x", "1x", "0x"]}, method, budget=4)
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
    one, policy = play(
        {**steps, "q9x": ["7x"]}, Lookahead(**{**OPTIONS["lookahead"], "width": 2, "max_rounds": 1}), budget=4
    )
    assert policy.n_sampled == [2, 2]
    assert texts(one) == ["9x", "5x"] and [s.tolist() for s in one.step_scores] == [[np.float32(0.9)], [0.5]]
    two, policy = play(steps, Lookahead(**{**OPTIONS["lookahead"], "width": 2, "depth": 2, "max_rounds": 1}), budget=6)
    assert policy.n_sampled == [2, 2, 2] and texts(two) == ["5x", "9x"]


def test_lookahead_pays_for_its_rollouts():
    plain = search_all(build("beam", OPTIONS["beam"]), budget=16)
    ahead = search_all(build("lookahead", OPTIONS["lookahead"]), budget=32)
    for i in plain:
        assert ahead[i].cost.generations == 2 * plain[i].cost.generations
        assert ahead[i].cost.rounds >= 2 * ahead[i].result.n_rounds - 1


def test_dvts_searches_its_subtrees_apart():
    method = Dvts(**{**OPTIONS["dvts"], "width": 2})
    result, policy = play({"q": ["9x", "8x", "2.", "1x"], "q9x": ["3x", "1."], "q9x3x": ["7.", "6x"]}, method, budget=4)
    assert policy.n_sampled == [4, 2, 2]
    assert texts(result) == ["9x3x7.", "2.", "9x3x6x", "1x"]
    assert result.finished.tolist() == [True, True, False, False]


def test_a_verifier_without_a_number_stops_the_question_by_name():
    class Nan(Digits):
        def score(self, requests):
            return [[np.full(1, np.nan, np.float32) for _ in r.continuations] for r in requests]

    outcome = run({"q7": build("beam", OPTIONS["beam"]).search(question(7), 4, (0,))}, SimulatedPolicy(), Nan())["q7"]
    assert isinstance(outcome.error, ValueError) and "nan" in str(outcome.error)


def test_best_of_n_shows_truncated_solutions_unscored():
    method = BestOfN(**{**OPTIONS["best_of_n"], "max_tokens": 6})
    results = [outcome.result for outcome in search_all(method, budget=32).values()]
    assert sum(result.n_truncated for result in results) > 0
    for result in results:
        assert result.n_truncated == (~result.finished).sum()
        assert all(len(s) == 0 for s, f in zip(result.step_scores, result.finished, strict=True) if not f)


def test_smaller_budgets_of_best_of_n_are_the_start_of_larger_ones():
    method = build("best_of_n", OPTIONS["best_of_n"])
    small, large = search_all(method, 4)[0].result, search_all(method, 16)[0].result
    assert {s.tobytes() for s in small.tokens} <= {s.tobytes() for s in large.tokens}
