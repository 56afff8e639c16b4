"""Every strategy of a fitted choice is built, and does what the study's own code does with the same seeds."""

import numpy as np
import pytest

from helpers.served_choice import NumberJudge, served
from helpers.simulated_policy import END, NEWLINE, SimulatedPolicy, SimulatedVerifier, question
from tts_lib.answers.protocols import SampleRequest, Sampling
from tts_lib.answers.scheduler import Scheduler
from tts_lib.commands.serving.answers import Wish
from tts_lib.commands.serving.building import PromptTooLongError, build
from tts_lib.common.errors import StudyError
from tts_lib.common.rng import derive_seeds
from tts_lib.estimators import selection
from tts_lib.revisions.chains import Revisions
from tts_lib.search.methods import reachable
from tts_lib.search.step_search import StepSearch

SETTINGS = {"temperature": 0.8, "top_p": 1.0, "max_tokens": 40}
STEPS = {"max_step_tokens": 8, "max_rounds": 6, "duplicates": "keep"}
ALL = [strategy.name for strategy in served().table.strategies]


def judged(texts):
    return NumberJudge().judge("", "", texts)


def pool(q, n):
    """What the study's pool of a question begins with."""
    seeds = derive_seeds((3, "base", q.question_id, "pool"), n)
    (samples,) = SimulatedPolicy().sample([SampleRequest(q.prompt, seeds)], Sampling(**SETTINGS, until="end"))
    return [samples[i] for i in range(n)]


@pytest.mark.parametrize("name", ALL)
def test_every_strategy_of_the_table_can_be_built_and_run_at_its_least_and_more(name: str) -> None:
    choice = served()
    way = build(choice.table, name, choice.readers["base"])
    for budget in (way.least, 16):
        q = question(7)
        outcome = Scheduler(*choice.engines["base"]).run({0: way.search(q, budget, 3, None)})[0]
        proposed = outcome.found(name)
        assert outcome.cost.generations == way.generations(budget) <= budget
        assert len(proposed.texts) == len(proposed.scores) == len(proposed.finished) > 0
        classes = np.where(proposed.finished, judged(proposed.texts).classes, -1)
        assert -1 <= way.choose(classes, proposed.scores) < len(proposed.texts)


def test_votes_choose_from_the_pool_of_the_study() -> None:
    choice, codec = served(), served().readers["base"].codec
    for number in range(8):
        q = question(number)
        samples = pool(q, 16)
        of = judged(codec.decode(samples))
        verifier = SimulatedVerifier(noise=0.5)
        scores = np.array([verifier._score_one(q.prompt, each)[-1] for each in samples], np.float64)
        right = np.zeros(16, bool)
        for name, rule in (
            ("majority", selection.majority),
            ("best_of_n:prm_last", selection.best_of_n),
            ("weighted:prm_last", selection.best_of_n_weighted),
        ):
            at = rule(of.classes, scores, right).chosen
            wish = Wish(16, strategy=name, question_id=q.question_id)
            found = choice.alone(codec.decode([q.prompt])[0], wish)
            assert found.answer == (None if at < 0 else of.answers[at]), name


@pytest.mark.parametrize("name", ["beam_4", "lookahead_1", "dvts", "rebase", "particles_odds", "tree"])
def test_searches_are_those_of_the_study(name: str) -> None:
    choice, codec = served(), served().readers["base"].codec
    options = {
        "beam_4": {"kind": "beam", "width": 4},
        "lookahead_1": {"kind": "lookahead", "width": "sqrt", "depth": 1},
        "dvts": {"kind": "dvts", "width": 2, "depth": 0},
        "rebase": {"kind": "rebase", "temperature_of_values": 0.2},
        "particles_odds": {"kind": "particles", "weights": "odds"},
        "tree": {"kind": "tree"},
    }
    search = StepSearch(method=options[name], closing=(NEWLINE,), **SETTINGS, **STEPS)
    assert reachable(search.method, [16])
    for number in range(6):
        q = question(number)
        found = Scheduler(SimulatedPolicy(), SimulatedVerifier(noise=0.5)).run(
            {0: search.search(q, 16, (3, "base", name))}
        )
        candidates = found[0].found("it")
        of = judged(codec.decode(candidates.tokens))
        classes = np.where(candidates.finished, of.classes, -1)
        scores = np.array([float(s[-1]) if len(s) else 0.0 for s in candidates.step_scores])
        at = selection.best_of_n_weighted(classes, scores, np.zeros(len(classes), bool)).chosen
        wish = Wish(16, strategy=name, question_id=q.question_id)
        answer = choice.alone(codec.decode([q.prompt])[0], wish)
        assert answer.answer == (None if at < 0 else of.answers[at])
        assert answer.cost == found[0].cost


def test_chains_are_those_of_the_study_and_read_as_by_its_verifier() -> None:
    choice = served()
    method, q = Revisions(**SETTINGS, max_history=4, window=400), question(2)
    key = (3, "revision-edit_distance")
    long = Scheduler(SimulatedPolicy()).run({0: method.search(q, [8, 4, 2, 2, 1, 1, 1, 1], key)})[0].found("it")
    known = {(a.chain, a.position): a for a in long}
    way = build(choice.table, "revisions_2:orm", choice.readers["revision"])
    proposed = Scheduler(*choice.engines["revision"]).run({0: way.search(q, 8, 3, None)})[0].found("it")
    wanted = [known[chain, position] for chain in range(4) for position in (1, 2)]
    assert proposed.texts == choice.readers["base"].codec.decode([attempt.tokens for attempt in wanted])
    verifier, scores = SimulatedVerifier(noise=0.5), []
    for attempt in wanted:
        shown = [piece for earlier in attempt.history for piece in (earlier, q.prompt)]
        scores.append(verifier._score_one(q.prompt, np.concatenate([*shown, attempt.tokens]))[-1])
        assert attempt.tokens[-1] == END
    np.testing.assert_array_equal(proposed.scores, np.array(scores, np.float32))


def test_probe_samples_are_not_drawn_again() -> None:
    choice, q = served(), question(1)
    way = choice.strategies["weighted:prm_last"]
    alone = Scheduler(*choice.engines["base"]).run({0: way.search(q, 8, 3, None)})[0]
    first = Scheduler(*choice.engines["base"]).run({0: way.search(q, 2, 3, None)})[0]
    rest = Scheduler(*choice.engines["base"]).run({0: way.search(q, 8, 3, first.found("it"))})[0]
    assert rest.found("it").texts == alone.found("it").texts
    np.testing.assert_array_equal(rest.found("it").scores, alone.found("it").scores)
    assert first.cost.generations + rest.cost.generations == alone.cost.generations
    decoded = first.cost.policy_decode_tokens + rest.cost.policy_decode_tokens
    assert decoded == alone.cost.policy_decode_tokens


def test_what_cannot_be_built_or_run_is_refused() -> None:
    choice = served()
    with pytest.raises(StudyError, match="no strategy magic"):
        build(choice.table, "magic", choice.readers["base"])
    bare = choice.table.model_copy(update={"sampling": None})
    with pytest.raises(StudyError, match="samples that existed already"):
        build(bare, "majority", choice.readers["base"])
    tight = served(window=41)
    for name in ALL:
        with pytest.raises(PromptTooLongError, match="the model's window of 41 leaves room for"):
            tight.strategies[name].search(question(1), 16, 0, None)
