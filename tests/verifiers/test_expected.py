"""What rollouts and scores say they will take, against the requests of a run."""

import numpy as np
import pandas as pd

from helpers.scripted_policy import CODEC, ScriptedPolicy
from tts_lib.answers.expected import Means
from tts_lib.answers.protocols import Sampling
from tts_lib.answers.question_table import QuestionTable
from tts_lib.verifiers import rollouts, scoring

TEXTS = ["03a05\n05b12\n12c14\n14d16$", "03a06\n06b13\n13c15\n15d17$"]  # four steps of one length, no two alike
PROBLEMS = pd.DataFrame({"question_id": ["q"], "problem": ["03ab=?\n"], "answer": ["16"]})
QUESTIONS = QuestionTable(PROBLEMS, CODEC)
MEANS = Means(prompt=len(QUESTIONS.prompts["q"]), solution=len(CODEC.encode(TEXTS)[0]), steps=4)


class Reader:
    """Counts what it reads."""

    version = "reader"

    def __init__(self) -> None:
        self.n_tokens = 0

    def score(self, requests):
        for request in requests:
            self.n_tokens += len(request.prefix) + sum(map(len, request.continuations))
        return [[np.full(4, 0.5, np.float32) for _ in request.continuations] for request in requests]


def test_rollouts_take_what_they_say():
    asked = []

    def the_rest(prefix, seeds):
        asked.append(len(seeds))
        n_steps = prefix.count("\n") - 1  # after the line of the problem
        return ["\n".join(TEXTS[0].split("\n")[n_steps:])] * len(seeds)

    policy = ScriptedPolicy(the_rest)
    solutions = pd.DataFrame({"question_id": "q", "sample": [0, 1], "text": TEXTS, "verdict": "wrong"})
    sampling = Sampling(1.0, 1.0, 40, "end")
    _, n_tokens = rollouts.label_steps(policy, QUESTIONS, solutions, 5, sampling, (0,))
    expected = rollouts.expected(len(TEXTS), 5, MEANS)
    assert expected.generations == sum(asked) == 2 * 3 * 5
    assert expected.prefilled == sum(len(tokens) for tokens in CODEC.encode(policy.prefixes))
    assert expected.sampled == n_tokens


def test_solutions_of_one_step_need_no_rollouts():
    assert rollouts.expected(8, 5, Means(10, 20, steps=1)).generations == 0


def test_scores_take_what_they_say():
    verifier = Reader()
    scoring.step_scores(verifier, QUESTIONS, pd.DataFrame({"question_id": "q", "text": TEXTS}))
    shared, apart = (scoring.expected(2, MEANS, shared=shared).verified for shared in (True, False))
    assert shared == verifier.n_tokens
    assert apart == shared + MEANS.prompt
