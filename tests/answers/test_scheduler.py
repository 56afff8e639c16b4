import logging

import numpy as np
import pytest

from helpers.simulated_policy import SimulatedPolicy, SimulatedVerifier, question
from tts_lib.answers.cost import Cost
from tts_lib.answers.protocols import SampleRequest, Sampling, ScoreRequest
from tts_lib.answers.scheduler import AskSamples, AskScores, run
from tts_lib.search.beam import Beam
from tts_lib.search.best_of_n import BestOfN
from tts_lib.search.dvts import Dvts
from tts_lib.search.lookahead import Lookahead

STEP = Sampling(0.8, 1.0, 8, "step")
GREEDY = Sampling(0.0, 1.0, 8, "step")
SETTINGS = {"temperature": 0.8, "top_p": 1.0, "max_step_tokens": 8, "max_tokens": 200, "max_rounds": 40}
BEAM = Beam(width=4, duplicates="keep", **SETTINGS)


def samples(n: int = 1, sampling: Sampling = STEP, generations: int = 0) -> AskSamples:
    request = SampleRequest(question(1).prompt, np.arange(n, dtype=np.uint64))
    return AskSamples([request], sampling, generations)


def scores() -> AskScores:
    return AskScores([ScoreRequest(question(1).prompt, [np.array([3, 0], np.int32)])])


def ask_in_turn(*asks):
    """A search that asks what it is given and returns all it was sent."""
    received = []
    for ask in asks:
        received.append((yield ask))
    return received


def broken(n_asks: int):
    for _ in range(n_asks):
        yield samples()
    raise ZeroDivisionError("planted")


def test_no_searches_make_no_calls():
    policy, verifier = SimulatedPolicy(), SimulatedVerifier()
    assert run({}, policy, verifier) == {}
    assert not policy.calls and verifier.n_calls == 0


def test_each_search_receives_its_own_results_in_order():
    searches = {n: ask_in_turn(AskSamples([*samples(n).requests, *samples(n + 1).requests], STEP)) for n in (1, 3, 2)}
    outcomes = run(searches, SimulatedPolicy(), SimulatedVerifier())
    assert list(outcomes) == [1, 3, 2]
    for n, outcome in outcomes.items():
        assert [len(result) for result in outcome.result[0]] == [n, n + 1]


def test_one_call_a_round_for_each_sampling_setting():
    policy, verifier = SimulatedPolicy(), SimulatedVerifier()
    run({i: ask_in_turn(samples(), scores(), samples(), scores()) for i in range(5)}, policy, verifier)
    assert policy.calls == [STEP, STEP] and verifier.n_calls == 2


def test_scoring_waits_for_those_who_still_sample():
    policy, verifier = SimulatedPolicy(), SimulatedVerifier()
    searches = {
        "short": ask_in_turn(samples(), scores(), samples(), scores()),
        "long": ask_in_turn(samples(), samples(1, GREEDY), samples(1, GREEDY), scores(), samples(), scores()),
    }
    run(searches, policy, verifier)
    assert policy.calls == [STEP, GREEDY, GREEDY, STEP] and verifier.n_calls == 2


def test_beam_search_on_all_questions_makes_one_call_a_round():
    policy, verifier = SimulatedPolicy(), SimulatedVerifier(noise=0.5)
    outcomes = run({i: BEAM.search(question(i, 2 + i % 5), 16, (0,)) for i in range(30)}, policy, verifier)
    n_rounds = max(outcome.result.n_rounds for outcome in outcomes.values())
    assert len(policy.calls) == verifier.n_calls == n_rounds > 3


@pytest.mark.parametrize(
    "method",
    [
        BestOfN(temperature=0.8, top_p=1.0, max_tokens=40),
        BEAM,
        Lookahead(width=4, duplicates="merge", depth=2, **SETTINGS),
        Dvts(width=4, depth=0, **SETTINGS),
    ],
)
def test_costs_sum_to_what_the_engines_counted(method):
    policy, verifier = SimulatedPolicy(), SimulatedVerifier(noise=0.5)
    outcomes = run({i: method.search(question(i), 48, (0,)) for i in range(6)}, policy, verifier)
    total = sum((outcome.cost for outcome in outcomes.values()), Cost())
    assert total.generations == 6 * 48
    assert (total.policy_prefill_tokens, total.policy_decode_tokens) == (policy.n_prefill, policy.n_decode)
    assert (total.verifier_prefill_tokens, total.verifier_tokens) == (verifier.n_prefill, verifier.n_tokens)
    assert max(outcome.cost.rounds for outcome in outcomes.values()) == len(policy.calls)


@pytest.mark.parametrize("n_asks", [0, 2])
def test_a_failing_search_is_shown_and_the_others_finish(n_asks, caplog):
    searches = {"bad": broken(n_asks), "good": BEAM.search(question(1), 16, (0,))}
    with caplog.at_level(logging.ERROR):
        outcomes = run(searches, SimulatedPolicy(), SimulatedVerifier())
    assert outcomes["bad"].result is None and isinstance(outcomes["bad"].error, ZeroDivisionError)
    assert outcomes["bad"].cost.rounds == n_asks
    assert outcomes["good"].error is None and outcomes["good"].result.finished.any()
    assert "'bad' failed" in caplog.text and "planted" in caplog.text


def test_a_search_that_asks_for_something_else_fails_alone():
    outcomes = run(
        {"odd": ask_in_turn("tokens, please"), "fine": ask_in_turn(samples())}, SimulatedPolicy(), SimulatedVerifier()
    )
    assert isinstance(outcomes["odd"].error, TypeError) and outcomes["fine"].error is None


def test_an_engine_that_loses_a_result_is_caught():
    class Lossy(SimulatedPolicy):
        def sample(self, requests, sampling):
            return super().sample(requests, sampling)[1:]

    with pytest.raises(RuntimeError, match="the policy returned 1 results for 2 requests"):
        run({i: ask_in_turn(samples()) for i in range(2)}, Lossy(), SimulatedVerifier())


def test_on_round_sees_the_searches_end():
    seen: list[tuple[int, int]] = []
    searches = {1: ask_in_turn(samples()), 2: ask_in_turn(samples(), scores(), samples())}
    run(searches, SimulatedPolicy(), SimulatedVerifier(), on_round=lambda *status: seen.append(status))
    assert seen == [(1, 1), (2, 1), (3, 0)]
