"""Chains of revisions: who sees what, how a budget is split, and that nothing depends on company."""

import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.crashing_run import HashPolicy, die_before_step
from helpers.scripted_policy import CODEC
from tts_lib.answers.cached_policy import CachedPolicy
from tts_lib.answers.protocols import FINISH_END, FINISH_LENGTH, Samples
from tts_lib.answers.question_table import Question, QuestionTable
from tts_lib.answers.scheduler import Scheduler
from tts_lib.answers.store.store import Store
from tts_lib.revisions import over_questions
from tts_lib.revisions.chains import Attempt, Revisions, chain_lengths, context
from tts_lib.revisions.transitions import by_position, transitions

PROMPT = np.array([1, 2, 3], np.int32)


class Numbered:
    """Answers with the low digits of its seed, two tokens and an end; every seventh attempt is cut off."""

    version = "numbered"

    def __init__(self) -> None:
        self.prefixes: list[list[int]] = []
        self.n_calls = 0

    def sample(self, requests, sampling):
        self.n_calls += 1
        results = []
        for request in requests:
            self.prefixes.append(request.prefix.tolist())
            pieces = [np.array([10 + int(s) % 80, 10 + int(s) // 80 % 80, 9], np.int32) for s in request.seeds]
            finish = np.array([FINISH_LENGTH if int(s) % 7 == 0 else FINISH_END for s in request.seeds], np.uint8)
            results.append(Samples(np.concatenate(pieces), 3 * np.arange(len(pieces) + 1), finish, None))
        return results


def method(max_history: int = 4, window: int = 64) -> Revisions:
    return Revisions(temperature=0.8, top_p=1.0, max_tokens=5, max_history=max_history, window=window)


def chains(budget: int, policy: Numbered | None = None, names=("q",), **options) -> dict[str, list[Attempt]]:
    lengths = chain_lengths(budget)
    searches = {name: method(**options).search(Question(name, PROMPT), lengths, (0, "model")) for name in names}
    outcomes = Scheduler(policy or Numbered()).run(searches)
    return {name: outcome.result for name, outcome in outcomes.items()}


def test_a_budget_is_split_so_that_every_ratio_is_part_of_it():
    lengths = chain_lengths(128)
    assert len(lengths) == 128 and sum(lengths) == 576 and lengths[:5] == [128, 64, 32, 32, 16]
    for length in (1, 2, 4, 8, 16, 32, 64, 128):
        assert sum(n >= length for n in lengths) == 128 // length
    for bad in (0, 3, 96):
        with pytest.raises(ValueError, match="must be a power of two"):
            chain_lengths(bad)


def test_attempts_see_the_last_four_finished_ones_of_their_chain():
    attempts = chains(16)["q"]
    assert len(attempts) == sum(chain_lengths(16))
    n_cut = 0
    for chain in range(16):
        own = [a for a in attempts if a.chain == chain]
        assert [a.position for a in own] == list(range(1, chain_lengths(16)[chain] + 1))
        for i, attempt in enumerate(own):
            finished = [a.tokens.tolist() for a in own[:i] if a.finish == FINISH_END]
            n_cut += sum(a.finish == FINISH_LENGTH for a in own[:i])
            assert [t.tolist() for t in attempt.history] == finished[-4:]
    assert n_cut > 0


def test_the_context_repeats_the_prompt():
    first, second = np.array([5, 9], np.int32), np.array([6, 9], np.int32)
    assert context(PROMPT, ()).tolist() == [1, 2, 3]
    assert context(PROMPT, (first, second)).tolist() == [1, 2, 3, 5, 9, 1, 2, 3, 6, 9, 1, 2, 3]


def test_one_call_a_position_for_all_questions():
    policy = Numbered()
    chains(8, policy, names=("a", "b", "c"))
    assert policy.n_calls == 8 and policy.prefixes[:3] == [[1, 2, 3]] * 3


def test_a_larger_budget_and_other_company_change_nothing():
    few, many = chains(8)["q"], chains(32, names=("p", "q"))["q"]
    by_place = {(a.chain, a.position): a for a in many}
    for attempt in few:
        assert by_place[attempt.chain, attempt.position].tokens.tolist() == attempt.tokens.tolist()


@pytest.mark.parametrize("max_history", [0, 1, 2])
def test_the_length_of_the_history_is_an_option(max_history: int):
    assert max(len(a.history) for a in chains(8, max_history=max_history)["q"]) == max_history


def test_a_context_that_leaves_no_room_for_an_attempt_is_refused_with_numbers():
    longest = 4 * (3 + 3) + 3 + 5  # four prompts with their attempts, the prompt once more, an attempt
    assert len(chains(16, window=longest)["q"]) == sum(chain_lengths(16))
    searches = {"q": method(window=longest - 1).search(Question("q", PROMPT), chain_lengths(16), (0, "model"))}
    error = Scheduler(Numbered()).run(searches)["q"].error
    said = f"a context of 27 tokens and an attempt of 5 do not fit the model's window of {longest - 1}"
    assert str(error).startswith(said)


def test_chains_are_given_longest_first():
    with pytest.raises(ValueError, match=r"chain lengths \[1, 2\] must not increase"):
        next(method().search(Question("q", PROMPT), [1, 2], (0, "model")))


# --- what happens from attempt to attempt


def attempts(verdicts: dict[str, list[str]]) -> pd.DataFrame:
    """Chains of letters, r = right; other letters are wrong answers of that name."""
    rows = [
        (question, chain, position, "correct" if letter == "r" else "wrong", letter)
        for question, of_chains in verdicts.items()
        for chain, letters in enumerate(of_chains)
        for position, letter in enumerate(letters, start=1)
    ]
    return pd.DataFrame(rows, columns=["question_id", "chain", "position", "verdict", "answer"])


def test_positions_are_averaged_over_chains_that_reach_them_all():
    found = by_position(attempts({"a": ["ra", "br", "r"], "b": ["ab"]}), 2)
    assert found.loc["a"].tolist() == [0.5, 0.5] and found.loc["b"].tolist() == [0.0, 0.0]


def test_transitions_are_counted_over_all_chains():
    table = attempts({"a": ["rabr", "bbr", "r", "a"], "b": ["aab", "r"]})
    found = transitions(table, np.full((100, 2), 0.5), 4)
    assert (found["right_to_wrong"].rate, found["right_to_wrong"].n) == (1.0, 1)
    assert (found["wrong_to_right"].rate, found["wrong_to_right"].n) == (2 / 6, 6)
    assert found["same_again"].rate == 2 / 6
    assert (found["new_after_wrong"].rate, found["new_after_wrong"].n) == (1 / 4, 4)
    assert found["independent"].rate == pytest.approx((2 * 2 / 3 + 2 * 1) / 4)  # of the other chains
    assert found["new_after_wrong"].low == found["new_after_wrong"].high == 1 / 4


def test_a_repeated_mistake_and_what_ruling_it_out_would_buy():
    """Fresh samples are the other chains' first attempts: for the first and last a, b, r; for the second a, r, a."""
    table = attempts({"q": ["aab", "bar", "rrr", "abb"]})
    found = transitions(table, np.ones((100, 1)), 1)
    assert found["same_again"].rate == pytest.approx(2 / 6)  # aa, bb
    assert found["same_by_chance"].rate == pytest.approx((2 / 3 + (0 + 2 / 3) + 2 / 3) / 6)
    # of a third that is right, after ruling out what was shown: a, a; b, a; a, b
    assert found["without_repeats"].rate == pytest.approx((1 / 2 + 1 / 2 + 1 / 3 + 1 + 1 / 2 + 1 / 2) / 6)
    two = transitions(table, np.ones((100, 1)), 2)["without_repeats"].rate
    assert two == pytest.approx((1 / 2 + 1 / 2 + 1 / 3 + 1 + 1 / 2 + 1) / 6)


def test_attempts_that_do_not_depend_on_each_other_gain_nothing():
    """Questions of unequal difficulty: a chain's own first attempt must not count among the fresh samples."""
    rng, names = np.random.default_rng(0), [f"q{i}" for i in range(400)]
    chances = rng.beta(0.5, 1.5, len(names))
    drawn = {
        name: ["".join(rng.choice(list("rab"), 6, p=[p, 0.7 * (1 - p), 0.3 * (1 - p)])) for _ in range(4)]
        for name, p in zip(names, chances, strict=True)
    }
    weights = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), 300) / len(names)
    found = transitions(attempts(drawn), weights, 4)
    for fresh, chained in (("independent", "new_after_wrong"), ("same_by_chance", "same_again")):
        assert found[chained].low < found[fresh].rate < found[chained].high


def test_what_never_happened_is_left_out():
    found = transitions(attempts({"a": ["ab"], "b": ["ba"]}), np.full((100, 2), 0.5), 4)
    assert "right_to_wrong" not in found and found["new_after_wrong"].rate == 0.0


def test_chains_become_a_graded_table():
    problems = pd.DataFrame({"question_id": ["q1", "q0"], "problem": ["03a=?\n", "04a=?\n"], "answer": ["05", "06"]})
    questions = QuestionTable(problems, CODEC)
    table = over_questions.sample_chains(method(), questions, chain_lengths(4), Numbered(), (0, "model"))
    assert list(table) == over_questions.COLUMNS and table["question_id"].is_monotonic_increasing
    assert len(table) == 2 * sum(chain_lengths(4))
    first = table[table["position"] == 1]
    assert set(first["n_context"]) == {len(CODEC.encode(["03a=?\n"])[0])}
    assert (table["n_prompt"] == first["n_context"].iloc[0]).all()
    assert (table.loc[table["finish"] == "length", "verdict"] == "no_answer").all()


# --- through the store


def sampled(folder: Path, policy: HashPolicy) -> list[tuple]:
    """Chains of three questions through the store of a folder; every call is on disk before the next begins."""
    with Store.open(folder, write=True) as store:
        cached = CachedPolicy(policy, store, flush_every_seconds=0)
        searches = {n: method().search(Question(n, PROMPT), chain_lengths(8), (0, "model")) for n in ("a", "b", "c")}
        outcomes = Scheduler(cached).run(searches)
    return [
        (name, a.chain, a.position, a.finish, a.tokens.tolist(), [t.tolist() for t in a.history])
        for name, outcome in outcomes.items()
        for a in outcome.result
    ]


@pytest.mark.parametrize("countdown", [1, 7, 20, 30])
def test_chains_killed_in_the_middle_go_on_to_the_same(tmp_path: Path, countdown: int):
    whole = sampled(tmp_path / "whole", HashPolicy())
    child = os.fork()
    if child == 0:
        die_before_step(countdown)
        sampled(tmp_path / "killed", HashPolicy())
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    policy = HashPolicy()
    assert sampled(tmp_path / "killed", policy) == whole
    again = HashPolicy()
    assert sampled(tmp_path / "killed", again) == whole and not again.calls
    if countdown >= 20:
        assert len(policy.calls) < 8  # what was on disk is not sampled again
