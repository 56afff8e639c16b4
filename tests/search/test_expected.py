"""What a search says it will take, against the ledger of one in which nothing is equal and all ends together."""

import numpy as np
import pytest

from tts_lib.answers.expected import Expected, Means
from tts_lib.answers.protocols import FINISH_END, FINISH_STEP, Samples
from tts_lib.answers.question_table import Question
from tts_lib.answers.scheduler import Scheduler
from tts_lib.search.beam import Beam
from tts_lib.search.dvts import Dvts
from tts_lib.search.lookahead import Lookahead
from tts_lib.search.particles import Particles
from tts_lib.search.rebase import Rebase
from tts_lib.search.step_search import StepSearch
from tts_lib.search.tree import Tree

PROMPT, STEP, N_STEPS = 10, 5, 20
QUESTION = Means(prompt=PROMPT, solution=STEP * N_STEPS, steps=N_STEPS)


class Unlike:
    """Steps of five tokens, no two alike; a solution ends with its twentieth."""

    version = "unlike"

    def sample(self, requests, sampling):
        results = []
        for request in requests:
            number = (len(request.prefix) - PROMPT) // STEP + 1
            n = len(request.seeds)
            tokens = np.array([[int(seed) >> k & 0x7FFF for k in range(STEP)] for seed in request.seeds], np.int32)
            finish = np.full(n, FINISH_END if number == N_STEPS else FINISH_STEP, np.uint8)
            results.append(Samples(tokens.ravel(), STEP * np.arange(n + 1), finish, None))
        return results


class Lengths:
    """A score for each five tokens."""

    version = "lengths"

    def score(self, requests):
        return [[np.full(len(c) // STEP, 0.5, np.float32) for c in request.continuations] for request in requests]


@pytest.mark.parametrize("budget", [16, 64])
@pytest.mark.parametrize(
    "method",
    [
        *(Beam(width=4), Beam(width="sqrt"), Lookahead(width="sqrt", depth=1), Dvts(width=4, depth=0)),
        *(Rebase(temperature_of_values=0.2), Particles(weights="odds"), Particles(weights="ratio")),
    ],
    ids=["beam_4", "beam_sqrt", "lookahead_1", "dvts", "rebase", "odds", "ratio"],
)
def test_a_search_takes_what_it_says(method, budget):
    limits = {"max_step_tokens": STEP, "max_tokens": 1000, "max_rounds": 40}
    search = StepSearch(method=method, temperature=1.0, top_p=1.0, duplicates="keep", **limits)
    steps = search.search(Question("q", np.arange(PROMPT, dtype=np.int32)), budget, (0,))
    cost = Scheduler(Unlike(), Lengths()).run({"q": steps})["q"].cost
    expected = method.shape(budget).expected(QUESTION)
    assert expected.generations == cost.generations
    assert (
        expected.sampled * (0.95 if isinstance(method, Lookahead) else 1)
        <= cost.policy_decode_tokens
        <= expected.sampled
    )
    assert 0.85 * expected.prefilled <= cost.policy_prefill_tokens <= expected.prefilled
    assert 0.85 * expected.verified <= cost.verifier_prefill_tokens + cost.verifier_tokens <= expected.verified


@pytest.mark.parametrize("budget", [16, 64])
def test_a_tree_takes_what_it_says_reading_more_and_writing_less_the_deeper_it_goes(budget):
    class Whole(Unlike):
        def sample(self, requests, sampling):
            results = []
            for request in requests:
                n, length = len(request.seeds), PROMPT + STEP * N_STEPS - len(request.prefix)
                steps = np.array([[int(seed) >> k % 40 & 0x7FFE | 1 for k in range(length)] for seed in request.seeds])
                steps[:, STEP - 1 :: STEP] = 0
                offsets = length * np.arange(n + 1)
                results.append(Samples(steps.astype(np.int32).ravel(), offsets, np.full(n, FINISH_END, np.uint8), None))
            return results

    limits = {"max_step_tokens": STEP, "max_tokens": 1000, "max_rounds": 40}
    method = Tree()
    search = StepSearch(method=method, temperature=1.0, top_p=1.0, duplicates="keep", closing=(0,), **limits)
    steps = search.search(Question("q", np.arange(PROMPT, dtype=np.int32)), budget, (0,))
    cost = Scheduler(Whole(), Lengths()).run({"q": steps})["q"].cost
    expected = method.shape(budget).expected(QUESTION)
    assert expected.generations == cost.generations == budget and cost.rounds == budget**0.5
    planned = expected.sampled + expected.prefilled
    assert 0.85 * planned <= cost.policy_decode_tokens + cost.policy_prefill_tokens <= planned
    assert expected.verified == cost.verifier_prefill_tokens + cost.verifier_tokens


def test_what_several_take_is_added():
    one = Expected(1, 2, 3, 4)
    assert one + one * 2 == one * 3 == Expected(3, 6, 9, 12)
