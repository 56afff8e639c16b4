"""A question answered: its difficulty, what is charged, limits, and the same answer whoever else is there."""

import hashlib
import time
from dataclasses import replace

import numpy as np
import pytest

from helpers.fitted_choices import FOREKNOWN, FOREKNOWN_AND_PROBED, RECORD, policy
from helpers.served_choice import served
from helpers.simulated_policy import SimulatedPolicy, SimulatedVerifier
from tts_lib.answers.cost import Cost
from tts_lib.answers.question_table import Question
from tts_lib.answers.scheduler import Scheduler
from tts_lib.commands.serving.answering import Asking
from tts_lib.commands.serving.answers import Answer, Wish
from tts_lib.commands.serving.live import EngineError, GoneError, Job, Live, n_tokens
from tts_lib.common.errors import StudyError
from tts_lib.strategies.stopping.walks import LEAST_VOTE, Ballots, replay

ALWAYS_ON = [{"n": n, "share": [], "score": [], "goes_on": [[n < 8]]} for n in (1, 2, 4, 8)]
PROMPTS = [f"{100 + number} 54" for number in range(12)]
NAMES = [strategy.name for strategy in served().table.strategies]


class SlowPolicy(SimulatedPolicy):
    """Takes its time, and may fail once."""

    def __init__(self, seconds: float = 0.02, error: Exception | None = None) -> None:
        super().__init__()
        self.seconds, self.error = seconds, error

    def sample(self, requests, sampling):
        time.sleep(self.seconds)
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return super().sample(requests, sampling)


def test_the_table_to_use_decides_by_a_probe_that_is_charged() -> None:
    choice = served(SimulatedPolicy(skill=5.0))  # right often enough for both bins
    seen = set()
    for prompt in PROMPTS:
        answer = choice.alone(prompt, Wish(16))
        assert answer.difficulty is not None
        easy = answer.difficulty >= 0.5
        seen.add(easy)
        assert (answer.bin, answer.strategy) == ((1, "weighted:prm_last") if easy else (2, "beam_4"))
        assert answer.probe.generations == 2
        assert answer.cost.generations == (16 if easy else 2 + 4)  # a vote goes on from the probe, a search begins anew
        tokens = answer.cost.policy_prefill_tokens + answer.cost.policy_decode_tokens
        read = answer.cost.verifier_prefill_tokens + answer.cost.verifier_tokens
        assert answer.flops == 2 * 10 * (tokens + read)  # every model of the record has 10 parameters
    assert seen == {True, False}


def test_a_budget_below_the_probe_or_a_given_difficulty_needs_none() -> None:
    choice = served()
    small = choice.alone(PROMPTS[0], Wish(3))
    assert (small.strategy, small.budget, small.difficulty, small.probe) == ("majority", 1, None, Cost())
    given = choice.alone(PROMPTS[0], Wish(16, difficulty=0.2))
    assert (given.strategy, given.bin, given.probe) == ("revisions_2:orm", 2, Cost())
    fixed = served(use="fixed")
    assert fixed.alone(PROMPTS[0], Wish(100)).strategy == "beam_4"
    with pytest.raises(StudyError, match="budget is 1, but beam_4 takes at least 4"):
        choice.alone(PROMPTS[0], Wish(1, strategy="beam_4"))
    with pytest.raises(StudyError, match="no strategy none"):
        choice.alone(PROMPTS[0], Wish(16, strategy="none"))


def test_difficulty_without_a_sample_is_a_reading_of_the_prompt() -> None:
    choice = served(**FOREKNOWN)
    for prompt in PROMPTS[:4]:
        answer = choice.alone(prompt, Wish(16))
        easy = prompt in PROMPTS[::2]
        assert (answer.difficulty, answer.difficulty_by) == (0.9 if easy else 0.1, "zero")
        assert (answer.bin, answer.strategy) == ((1, "weighted:prm_last") if easy else (2, "beam_4"))
        assert answer.probe == Cost(policy_prefill_tokens=2)
        chosen = choice.alone(prompt, Wish(answer.budget, strategy=answer.strategy))
        assert answer.cost == chosen.cost + answer.probe and answer.text == chosen.text
        assert answer.flops == chosen.flops + 2 * 10 * 2
    given = choice.alone(PROMPTS[0], Wish(16, difficulty=0.2))
    assert (given.strategy, given.difficulty_by, given.probe) == ("revisions_2:orm", "given", Cost())
    unknown = replace(choice, zero=lambda text, prompt: None)  # a predictor that needs the question's text
    fixed = unknown.alone(PROMPTS[0], Wish(16))
    assert (fixed.strategy, fixed.difficulty, fixed.probe) == ("beam_4", None, Cost())


def test_a_prediction_counts_as_samples_beside_a_probe() -> None:
    """Of 6 samples beside the 2 of the probe, whose samples the vote uses again; both are charged."""
    choice, probed, bins = served(**FOREKNOWN_AND_PROBED), served(), set()
    for prompt in PROMPTS:
        answer, by_probe = (of.alone(prompt, Wish(16)) for of in (choice, probed))
        z = 0.9 if prompt in PROMPTS[::2] else 0.1
        assert answer.difficulty_by == "zero+probe" and by_probe.difficulty is not None
        assert answer.difficulty == pytest.approx((6 * z + 2 * by_probe.difficulty) / 8)
        assert answer.probe == by_probe.probe + Cost(policy_prefill_tokens=2)
        easy = answer.difficulty >= 0.6
        bins.add(easy)
        assert (answer.bin, answer.strategy) == ((1, "weighted:prm_last") if easy else (2, "beam_4"))
        assert answer.cost.generations == (16 if easy else 2 + 4)
    assert bins == {True, False}
    small = choice.alone(PROMPTS[0], Wish(3))
    assert (small.strategy, small.difficulty, small.probe) == ("majority", None, Cost())
    unknown = replace(choice, zero=lambda text, prompt: None)
    fixed = unknown.alone(PROMPTS[0], Wish(16))
    assert (fixed.strategy, fixed.difficulty, fixed.probe) == ("beam_4", None, Cost())


@pytest.mark.parametrize("name", ["majority", "weighted:prm_last"])
@pytest.mark.parametrize("budget", [8, 7])
def test_served_stops_are_those_of_the_replayed_policy(name: str, budget: int) -> None:
    """On the samples that the plain path draws, the replayed rule stops where the server did."""
    record = [policy("majority"), policy("weighted")]
    choice, plain = served(stopping=record), served()
    codec, stops = choice.readers["base"].codec, []
    for prompt in PROMPTS:
        wish = Wish(budget, strategy=name)
        answer = choice.alone(prompt, wish)
        whole = choice.alone(prompt, replace(wish, stop_early=False))
        assert whole == plain.alone(prompt, wish) and not whole.stopped_early
        q = Question(hashlib.sha256(prompt.encode()).hexdigest(), codec.encode([prompt])[0])
        found = Scheduler(*choice.engines["base"]).run({0: choice.strategies[name].search(q, 8, 3, None)})
        drawn = found[0].found("it")
        classes, rule = choice._judged(q, drawn)[0], choice.table.stops(name, budget)
        scores = None if name == "majority" else drawn.scores[None].astype(np.float64)
        weights = np.ones((1, 8)) if scores is None else np.maximum(scores, LEAST_VOTE)
        right = np.zeros((1, classes.max() + 1), bool)
        votes = Ballots(classes[None], right, weights, scores, None, np.array([8]), 8)
        assert rule is not None
        (stopped,) = replay({0: rule.rule}, votes, np.arange(8)[None, None]).values()
        assert answer.cost.generations == min(stopped.n[0, 0], budget) and answer.cost.rounds == stopped.rounds
        assert answer.stopped_early == (answer.cost.generations < budget)
        n = answer.cost.generations
        assert drawn.texts[strategy_choice(choice, name, classes[:n], drawn.scores[:n])] == answer.text
        stops.append(n)
    assert len(set(stops)) > 1


def strategy_choice(choice, name, classes, scores):
    return choice.strategies[name].choose(classes, scores)


def test_a_vote_that_stops_goes_on_from_the_probe() -> None:
    for looks, drawn in ((ALWAYS_ON, 4), (ALWAYS_ON[:1] + ALWAYS_ON[3:], 4), (policy("weighted")["looks"], 2)):
        scored = [{**look, "score": []} for look in looks]
        scored = [{**look, "goes_on": [row[:1] for row in look["goes_on"]]} for look in scored]
        choice = served(SimulatedPolicy(skill=9.0), stopping=[policy("weighted", looks=scored)])
        found = [choice.alone(prompt, Wish(8)) for prompt in PROMPTS]
        easy = [answer for answer in found if answer.strategy == "weighted:prm_last"]
        assert easy and {answer.probe.generations for answer in easy} == {2}
        assert {answer.cost.generations for answer in easy} == {drawn}  # of a budget of 4


def test_what_was_drawn_before_a_limit_is_not_lost() -> None:
    choice = served(stopping=[policy("majority", looks=[*ALWAYS_ON])])
    first = choice.alone(PROMPTS[0], Wish(4, strategy="majority"))
    with Live(choice.engines) as live:
        job = Job(60.0, n_tokens(first.cost) - 1)  # ends in the round after 4 samples
        found = live.answer(choice.respond(PROMPTS[0], Wish(8, strategy="majority")), job).result()
    assert found.stopped == "tokens" and (found.text, found.cost) == (first.text, first.cost)


def test_the_ledger_is_what_the_engines_were_asked() -> None:
    for name in NAMES:
        policy, verifier = SimulatedPolicy(), SimulatedVerifier(noise=0.5)
        answer = served(policy, verifier).alone(PROMPTS[1], Wish(16, strategy=name))
        assert (answer.cost.policy_prefill_tokens, answer.cost.policy_decode_tokens) == (
            policy.n_prefill,
            policy.n_decode,
        )
        assert (answer.cost.verifier_prefill_tokens, answer.cost.verifier_tokens) == (
            verifier.n_prefill,
            verifier.n_tokens,
        )


def test_equal_seeds_give_equal_answers_whoever_else_is_there() -> None:
    choice = served()
    wishes = [(prompt, Wish(16, seed=seed)) for prompt in PROMPTS for seed in (0, 1)]
    wishes += [(prompt, Wish(16, strategy=name)) for prompt in PROMPTS[:4] for name in NAMES]
    by_themselves = [choice.alone(*wish) for wish in wishes]
    with Live(choice.engines) as live:
        asked = [live.answer(choice.respond(*wish), Job(60.0, 10**9)) for wish in wishes]
        assert [each.result() for each in asked] == by_themselves
    assert choice.together(wishes) == by_themselves
    other = [choice.alone(prompt, Wish(16, seed=5)).text for prompt in PROMPTS]
    assert other != [choice.alone(prompt, Wish(16, seed=6)).text for prompt in PROMPTS]


@pytest.mark.parametrize(("limit", "job"), [("seconds", Job(0.05, 10**9)), ("tokens", Job(60.0, 150))])
def test_at_a_limit_the_best_so_far_comes_back(limit: str, job: Job) -> None:
    choice = served(SlowPolicy(), window=4000)
    job = replace(job, begun=time.monotonic())
    with Live(choice.engines) as live:
        wish = Wish(64, strategy="revisions_2:orm")
        long = live.answer(choice.respond(PROMPTS[0], wish), Job(60.0, 10**9)).result()
        found = live.answer(choice.respond(PROMPTS[0], wish), job).result()
    assert long.stopped is None and found.stopped == limit
    assert found.cost.rounds < long.cost.rounds and found.cost.generations <= 64


def test_requests_between_two_searches_join_the_round_that_is_about_to_begin() -> None:
    choice, seen = served(), []

    def responding(number: int) -> Asking[Answer]:
        time.sleep(0.01)  # the engines are idle, and could begin with the first alone
        question = Question(str(number), np.array([100 + number, 54], np.int32))
        search = choice.strategies["majority"].search(question, 2, 0, None)
        outcome = yield "base", search
        seen.append(outcome.cost.rounds)
        return Answer(budget=2, seed=0)

    with Live(choice.engines) as live:
        futures = [live.answer(responding(number), Job(60.0, 10**9)) for number in range(8)]
        assert [future.result(60).budget for future in futures] == [2] * 8
        assert live.calls == 1 and seen == [1] * 8


def test_nothing_more_is_done_for_a_client_that_left() -> None:
    policy = SlowPolicy(0.05)
    choice = served(policy, window=4000)
    way = {**RECORD["strategies"][-1], "length": 16}
    with Live(choice.engines) as live:
        job = Job(60.0, 10**9)
        chains = served(policy, strategies=[*RECORD["strategies"], {**way, "name": "long"}], window=4000)
        wish = Wish(16, strategy="long")
        asked = live.answer(chains.respond(PROMPTS[0], wish), job)
        while not policy.calls:
            time.sleep(0.01)
        job.gone = True
        with pytest.raises(GoneError):
            asked.result()
        assert len(policy.calls) < 8


def test_an_engine_that_fails_ends_its_requests_and_not_the_server() -> None:
    choice, wish = served(SlowPolicy(error=OSError("out of memory"))), Wish(4, strategy="majority")
    with Live(choice.engines) as live:

        def ask():
            return live.answer(choice.respond(PROMPTS[0], wish), Job(60.0, 10**9)).result()

        with pytest.raises(EngineError, match=r"the engine failed \(OSError: out of memory\)"):
            ask()
        assert ask() == served().alone(PROMPTS[0], wish)


def test_the_share_is_that_of_the_votes() -> None:
    choice, wish = served(), Wish(16, strategy="majority", question_id="q")
    answer = choice.alone(PROMPTS[2], wish)
    q = Question("q", choice.readers["base"].codec.encode([PROMPTS[2]])[0])
    search = choice.strategies["majority"].search(q, 16, 3, None)
    texts = Scheduler(*choice.engines["base"]).run({0: search})[0].found("it").texts
    given = [found for found in choice.judge.judge("q", "", texts).answers if found is not None]
    assert answer.share == pytest.approx(given.count(answer.answer) / len(given))
    assert given.count(answer.answer) == max(map(given.count, given))
