import logging

import numpy as np
import pytest

from helpers.simulated_policy import SimulatedPolicy, SimulatedVerifier, question
from tts_lib.answers.cost import Cost
from tts_lib.answers.protocols import SampleRequest, Sampling, ScoreRequest
from tts_lib.answers.scheduler import AskSamples, AskScores, Outcome, Scheduler
from tts_lib.common.errors import StudyError
from tts_lib.search.beam import Beam
from tts_lib.search.dvts import Dvts
from tts_lib.search.lookahead import Lookahead
from tts_lib.search.step_search import StepSearch

STEP = Sampling(0.8, 1.0, 8, "step")
GREEDY = Sampling(0.0, 1.0, 8, "step")
SETTINGS = {"temperature": 0.8, "top_p": 1.0, "max_step_tokens": 8, "max_tokens": 200, "max_rounds": 40}
BEAM = StepSearch(method=Beam(width=4), duplicates="keep", **SETTINGS)


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
    assert Scheduler(policy, verifier).run({}) == {}
    assert not policy.calls and verifier.n_calls == 0


def test_each_search_receives_its_own_results_in_order():
    searches = {n: ask_in_turn(AskSamples([*samples(n).requests, *samples(n + 1).requests], STEP)) for n in (1, 3, 2)}
    outcomes = Scheduler(SimulatedPolicy(), SimulatedVerifier()).run(searches)
    assert list(outcomes) == [1, 3, 2]
    for n, outcome in outcomes.items():
        assert [len(result) for result in outcome.result[0]] == [n, n + 1]


def test_one_call_a_round_for_each_sampling_setting():
    policy, verifier = SimulatedPolicy(), SimulatedVerifier()
    Scheduler(policy, verifier).run({i: ask_in_turn(samples(), scores(), samples(), scores()) for i in range(5)})
    assert policy.calls == [STEP, STEP] and verifier.n_calls == 2


def test_scoring_waits_for_those_who_still_sample():
    policy, verifier = SimulatedPolicy(), SimulatedVerifier()
    searches = {
        "short": ask_in_turn(samples(), scores(), samples(), scores()),
        "long": ask_in_turn(samples(), samples(1, GREEDY), samples(1, GREEDY), scores(), samples(), scores()),
    }
    Scheduler(policy, verifier).run(searches)
    assert policy.calls == [STEP, GREEDY, GREEDY, STEP] and verifier.n_calls == 2


def test_beam_search_on_all_questions_makes_one_call_a_round():
    policy, verifier = SimulatedPolicy(), SimulatedVerifier(noise=0.5)
    outcomes = Scheduler(policy, verifier).run({i: BEAM.search(question(i, 2 + i % 5), 16, (0,)) for i in range(30)})
    n_rounds = max(outcome.result.n_rounds for outcome in outcomes.values())
    assert len(policy.calls) == verifier.n_calls == n_rounds > 3


@pytest.mark.parametrize(
    "search",
    [
        BEAM,
        StepSearch(method=Lookahead(width=4, depth=2), duplicates="merge", **SETTINGS),
        StepSearch(method=Dvts(width=4, depth=0), duplicates="keep", **SETTINGS),
    ],
)
def test_costs_sum_to_what_the_engines_counted(search):
    policy, verifier = SimulatedPolicy(), SimulatedVerifier(noise=0.5)
    scheduler = Scheduler(policy, verifier)
    outcomes = scheduler.run({i: search.search(question(i), 48, (0,)) for i in range(6)})
    assert (scheduler.n_samplings, scheduler.n_scorings) == (len(policy.calls), verifier.n_calls)
    total = sum((outcome.cost for outcome in outcomes.values()), Cost())
    assert total.generations == 6 * 48
    assert (total.policy_prefill_tokens, total.policy_decode_tokens) == (policy.n_prefill, policy.n_decode)
    assert (total.verifier_prefill_tokens, total.verifier_tokens) == (verifier.n_prefill, verifier.n_tokens)
    assert max(outcome.cost.rounds for outcome in outcomes.values()) == len(policy.calls)


@pytest.mark.parametrize("n_asks", [0, 2])
def test_a_failing_search_is_shown_and_the_others_finish(n_asks, caplog):
    searches = {"bad": broken(n_asks), "good": BEAM.search(question(1), 16, (0,))}
    with caplog.at_level(logging.ERROR):
        outcomes = Scheduler(SimulatedPolicy(), SimulatedVerifier()).run(searches)
    assert outcomes["bad"].result is None and isinstance(outcomes["bad"].error, ZeroDivisionError)
    assert outcomes["bad"].cost.rounds == n_asks
    assert outcomes["good"].error is None and outcomes["good"].result.finished.any()
    assert "'bad' failed" in caplog.text and "planted" in caplog.text


def test_a_search_that_asks_for_something_else_fails_alone():
    searches = {"odd": ask_in_turn("tokens, please"), "fine": ask_in_turn(samples())}
    outcomes = Scheduler(SimulatedPolicy(), SimulatedVerifier()).run(searches)
    assert isinstance(outcomes["odd"].error, TypeError) and outcomes["fine"].error is None


def test_an_engine_that_loses_a_result_is_caught():
    class Lossy(SimulatedPolicy):
        def sample(self, requests, sampling):
            return super().sample(requests, sampling)[1:]

    with pytest.raises(RuntimeError, match="the policy returned 1 results for 2 requests"):
        Scheduler(Lossy(), SimulatedVerifier()).run({i: ask_in_turn(samples()) for i in range(2)})


def test_calls_are_counted_over_all_runs():
    scheduler = Scheduler(SimulatedPolicy(), SimulatedVerifier())
    for _ in range(2):
        scheduler.run({i: ask_in_turn(samples(), samples(1, GREEDY), scores()) for i in range(3)})
    assert (scheduler.n_samplings, scheduler.n_scorings) == (4, 2)


def test_who_asks_for_scores_where_there_is_no_verifier_is_told():
    with pytest.raises(RuntimeError, match="asks for scores, but there is no verifier"):
        Scheduler(SimulatedPolicy()).run({0: ask_in_turn(scores())})


def test_a_result_is_found_or_the_search_is_named():
    assert Outcome([], Cost()).found("the search of q7") == []
    with pytest.raises(StudyError, match=r"^the search of q7 failed: planted$"):
        Outcome(None, Cost(), ZeroDivisionError("planted")).found("the search of q7")


def test_searches_come_and_go_between_rounds():
    scheduler = Scheduler(SimulatedPolicy(), SimulatedVerifier())
    scheduler.admit("a", ask_in_turn(samples(generations=1), scores()))
    assert scheduler.step().keys() == {"a"}  # samples and scores in one round
    scheduler.admit("b", ask_in_turn(samples(), samples(), scores()))
    assert scheduler.step() == {}
    scheduler.admit("c", ask_in_turn(scores()))
    assert scheduler.step().keys() == {"b", "c"} and scheduler.spent == {}


def test_a_stopped_search_may_still_return_what_it_has(caplog):
    def patient():
        try:
            yield samples(generations=1)
            yield samples(generations=1)
        except TimeoutError:
            return "the first half"

    scheduler = Scheduler(SimulatedPolicy())
    scheduler.admit("patient", patient())
    scheduler.admit("other", ask_in_turn(samples(), samples()))
    scheduler.step()
    for key in ("patient", "other"):
        scheduler.stop(key, TimeoutError("planted"))
    ended = scheduler.step()
    assert ended["patient"].result == "the first half" and ended["patient"].cost.generations == 1
    assert isinstance(ended["other"].error, TimeoutError) and not caplog.records


def test_an_engine_that_fails_ends_all_that_were_admitted():
    class Failing(SimulatedPolicy):
        def sample(self, requests, sampling):
            raise OSError("planted")

    scheduler = Scheduler(Failing())
    scheduler.admit("a", ask_in_turn(samples()))
    with pytest.raises(OSError, match="planted"):
        scheduler.step()
    assert scheduler.spent == {}
