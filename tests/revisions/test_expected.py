"""What chains and their verifier say they will take, against the ledger and the requests of a run."""

import numpy as np
import pandas as pd
import pytest

from helpers.scripted_policy import CODEC
from tts_lib.answers.expected import Means
from tts_lib.answers.protocols import FINISH_END, Samples
from tts_lib.answers.question_table import Question, QuestionTable
from tts_lib.answers.scheduler import Scheduler
from tts_lib.revisions import chains, trajectories, verifier

PROMPT, ATTEMPT = 7, 3
QUESTION = Means(prompt=PROMPT, solution=ATTEMPT)


class Three:
    """Attempts of three tokens, which all end."""

    version = "three"

    def sample(self, requests, sampling):
        sizes = [len(request.seeds) for request in requests]
        return [
            Samples(np.full(3 * n, 9, np.int32), 3 * np.arange(n + 1), np.full(n, FINISH_END, np.uint8), None)
            for n in sizes
        ]


@pytest.mark.parametrize("max_history", [0, 2, 4])
def test_chains_take_what_they_say(max_history):
    lengths = chains.chain_lengths(32)
    method = chains.Revisions(temperature=1.0, top_p=1.0, max_tokens=5, max_history=max_history, window=100)
    asked = method.search(Question("q", np.arange(PROMPT, dtype=np.int32)), lengths, (0,))
    cost = Scheduler(Three()).run({"q": asked})["q"].cost
    expected = chains.expected(lengths, max_history, QUESTION)
    assert (expected.generations, expected.sampled) == (cost.generations, cost.policy_decode_tokens)
    rounds = lengths[0] if max_history == 0 else 1  # in which no chain has a history: they read the prompt once
    shared = sum(sum(length > r for length in lengths) - 1 for r in range(rounds)) * PROMPT
    assert expected.prefilled - cost.policy_prefill_tokens == shared


def test_a_trajectory_has_the_tokens_it_says():
    pool = pd.DataFrame(
        {"question_id": "q", "text": ["=12$"] * 600 + ["=11$"] * 8, "verdict": ["correct"] * 600 + ["wrong"] * 8}
    )
    problems = pd.DataFrame({"question_id": ["q"], "problem": ["03ab=?\n"]})
    questions = QuestionTable(problems, CODEC)
    pair = len(questions.prompts["q"]) + len(CODEC.encode(["=12$"])[0])
    for pairing in ("random", "none"):
        table = trajectories.build(pool, pairing, np.random.default_rng(0))
        n_tokens = len(trajectories.examples(table, questions).tokens) / len(table)
        said = trajectories.expected_tokens(pairing, Means(0, pair), trajectories.MAX_HISTORY)
        assert n_tokens == pytest.approx(said, rel=0.05)


def test_a_verifier_reads_every_attempt_once_with_its_prompt():
    problems = pd.DataFrame({"question_id": ["q"], "problem": ["03ab=?\n"]})
    questions = QuestionTable(problems, CODEC)
    attempts = pd.DataFrame({"question_id": "q", "chain": 0, "position": range(1, 7), "finish": "end"})
    attempts["text"] = [f"=1{i}$" for i in range(6)]
    attempts["verdict"] = "wrong"
    read = verifier.examples(attempts, questions, max_history=4)
    means = Means(len(questions.prompts["q"]), len(CODEC.encode(["=10$"])[0]))
    assert verifier.expected(6, means).verified == len(read.tokens)
