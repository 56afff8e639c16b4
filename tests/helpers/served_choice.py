"""A fitted choice over the simulated policy and verifier, ready to answer: no model, no text but numbers."""

from contextlib import ExitStack

import numpy as np
import pandas as pd

from helpers.fitted_choices import RECORD
from helpers.simulated_policy import END, NEWLINE, SimulatedPolicy, SimulatedVerifier
from tts_lib.answers.cost import Cost
from tts_lib.commands.serving.answering import Choice
from tts_lib.commands.serving.building import Reader
from tts_lib.commands.serving.prompts import Prompts
from tts_lib.grading.judging import Judged
from tts_lib.strategies.fitted_choice import FittedChoice

WINDOW = 400


class NumberCodec:
    """Tokens as numbers between blanks."""

    version = "numbers"

    def encode(self, texts):
        return [np.array([int(word) for word in text.split()], np.int32) for text in texts]

    def decode(self, tokens):
        return [" ".join(map(str, each.tolist())) for each in tokens]


def foreknown(text: str | None, prompt: np.ndarray) -> tuple[float, Cost]:
    """Questions of even numbers are easy."""
    return 0.9 if prompt[0] % 2 == 0 else 0.1, Cost(policy_prefill_tokens=len(prompt))


class NumberJudge:
    """The answer of a finished solution is its last symbol."""

    def judge(self, question_id, gold, texts):
        words = [text.split() for text in texts]
        answers = [each[-2] if len(each) > 1 and each[-1] == str(END) else None for each in words]
        verdicts = ["no_answer" if answer is None else "wrong" for answer in answers]
        return Judged(answers, verdicts, pd.factorize(np.array(answers, dtype=object))[0])


def served(policy=None, verifier=None, window: int = WINDOW, **changes) -> Choice:
    """The record of `fitted_choices`, its sampling long enough for the simulated policy."""
    record = RECORD | {"sampling": {"temperature": 0.8, "top_p": 1.0, "max_tokens": 40}} | changes
    table = FittedChoice.model_validate(record, strict=False)
    pair = (policy or SimulatedPolicy(), verifier or SimulatedVerifier(noise=0.5))
    reader = Reader(NumberCodec(), (NEWLINE, END), (), window)
    roles = ("base", "revision")
    prompts = Prompts(lambda question: question, None)
    return Choice(
        table,
        dict.fromkeys(roles, pair),
        dict.fromkeys(roles, reader),
        prompts,
        NumberJudge(),
        zero=foreknown,
        resources=ExitStack(),
    )
