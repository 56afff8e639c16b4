"""Where the next attempt begins and what it sees: the cells of one table, on a policy whose truth is known."""

from functools import cache

import numpy as np
import pytest

from helpers.simulated_policy import END, SimulatedPolicy, SimulatedVerifier, is_correct, question, step_ends
from tts_lib.answers.protocols import FINISH_END, SampleRequest, ScoreRequest
from tts_lib.answers.scheduler import Scheduler
from tts_lib.revisions.chains import Revisions
from tts_lib.revisions.restart import Restart, first_bad

SAMPLING = Revisions(temperature=1.0, top_p=1.0, max_tokens=40, max_history=4, window=400)
CHAINS, LENGTH, N_QUESTIONS = 6, 4, 40


class Revising(SimulatedPolicy):
    """Goes on from what follows the last prompt of its context, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(skill=3.0)
        self.prefixes: list[np.ndarray] = []

    def sample(self, requests, sampling):
        self.prefixes += [request.prefix for request in requests]
        return super().sample([SampleRequest(_last(request.prefix), request.seeds) for request in requests], sampling)


def _last(prefix: np.ndarray) -> np.ndarray:
    starts = np.flatnonzero((prefix[:-1] == prefix[0]) & (prefix[1:] == prefix[1]))
    return prefix[starts[-1] :]


def cell(where, shown, verifier=None, policy=None, n=N_QUESTIONS, **options):
    method = Restart(sampling=SAMPLING, where=where, shown=shown, threshold=0.5, ends=step_ends, **options)
    policy = policy or Revising()
    searches = {i: method.search(question(i), CHAINS, LENGTH, (0, "model")) for i in range(n)}
    outcomes = Scheduler(policy, verifier or SimulatedVerifier()).run(searches)
    return {i: outcome.found("it") for i, outcome in outcomes.items()}, outcomes


@cache
def alone(where, noise=0.0):
    """The attempts of a cell that several tests look at: nothing is shown of earlier ones."""
    return cell(where, shown=False, verifier=SimulatedVerifier(noise))[0]


def right(found) -> float:
    """Share of right attempts after the first."""
    return float(
        np.mean([is_correct(question(i).prompt, a.tokens) for i, each in found.items() for a in each if a.position > 1])
    )


def test_backtracking_with_a_perfect_verifier_keeps_what_is_right_and_nothing_else():
    for i, attempts in alone("first_error").items():
        by_chain = {(a.chain, a.position): a for a in attempts}
        for attempt in attempts:
            if attempt.position == 1:
                assert attempt.n_kept == 0
                continue
            before = by_chain[attempt.chain, attempt.position - 1]
            np.testing.assert_array_equal(attempt.tokens[: attempt.n_kept], before.tokens[: attempt.n_kept])
            n_good = int((before.scores > 0.5).cumprod().sum())
            kept_steps = int((attempt.tokens[: attempt.n_kept] <= END).sum())
            if before.finish == FINISH_END and n_good < len(before.scores):
                assert kept_steps == n_good
            assert attempt.n_kept + len(question(i).prompt) == attempt.n_context


def test_locating_the_error_beats_a_random_step_and_the_beginning():
    start, random, error = (right(alone(where)) for where in ("start", "random", "first_error"))
    assert error > random + 0.1 and error > start + 0.1


def test_a_verifier_that_knows_nothing_locates_no_better_than_chance():
    assert right(alone("first_error", noise=1.0)) < right(alone("first_error")) - 0.05


def test_true_error_is_told_the_truth():
    def truth(question_id, tokens):
        (steps,) = SimulatedVerifier().score([ScoreRequest(question(int(question_id[1:])).prompt, [tokens])])
        wrong = np.flatnonzero(steps[0] < 0.5)
        return int(wrong[0]) if len(wrong) else -1

    noisy = SimulatedVerifier(0.9)
    told = right(cell("true_error", shown=False, verifier=noisy, truth=truth)[0])
    assert told > right(alone("first_error", noise=0.9))


def test_earlier_attempts_stand_in_the_context_only_where_they_are_shown():
    for shown in (False, True):
        policy = Revising()
        cell("start", shown, policy=policy, n=3)
        longest = max(map(len, policy.prefixes))
        assert (longest > 2) == shown
    policy = Revising()
    found, _ = cell("first_error", shown=True, policy=policy, n=3)
    assert max(a.n_context for each in found.values() for a in each) == max(map(len, policy.prefixes))


def test_the_first_attempts_of_all_cells_are_the_same():
    cells = [cell(where, shown, n=5)[0] for where in ("start", "random", "first_error") for shown in (False, True)]
    for found in cells[1:]:
        for i in range(5):
            pairs = zip(cells[0][i][:CHAINS], found[i][:CHAINS], strict=True)
            assert all(np.array_equal(a.tokens, b.tokens) for a, b in pairs)


def test_one_call_a_round_for_all_questions_and_no_dependence_on_company():
    policy, verifier = Revising(), SimulatedVerifier()
    together, outcomes = cell("first_error", True, verifier, policy)
    assert len(policy.calls) == LENGTH and verifier.n_calls == LENGTH
    assert outcomes[0].cost.generations == CHAINS * LENGTH and outcomes[0].cost.rounds == LENGTH
    one, _ = cell("first_error", True, n=1)
    assert all(np.array_equal(a.tokens, b.tokens) for a, b in zip(together[0], one[0], strict=True))


def test_a_context_that_leaves_no_room_is_refused():
    small = Revisions(temperature=1.0, top_p=1.0, max_tokens=40, max_history=4, window=45)
    method = Restart(sampling=small, where="start", shown=True, threshold=0.5, ends=step_ends)
    outcome = Scheduler(Revising(), SimulatedVerifier()).run({0: method.search(question(0), 2, 4, (0,))})[0]
    with pytest.raises(Exception, match="do not fit the model's window of 45"):
        outcome.found("it")


def test_the_largest_drop_is_bad_where_no_step_is_below_the_threshold():
    assert first_bad(np.array([0.9, 0.2, 0.1]), 0.3) == 1
    assert first_bad(np.array([0.9, 0.6, 0.55]), 0.3) == 1
    assert first_bad(np.array([0.5, 0.45]), 0.3) == 0
