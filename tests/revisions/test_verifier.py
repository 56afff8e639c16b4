"""The revision verifier: what it learns, and that an attempt is scored after the earlier ones of its block alone."""

import numpy as np
import pandas as pd
import pytest

from helpers.scripted_policy import CODEC
from tts_lib.answers.protocols import ContextOverflowError
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common.errors import StudyError
from tts_lib.revisions import verifier

PROBLEMS = pd.DataFrame({"question_id": ["a", "b"], "problem": ["01a=?\n", "02b=?\n"]})
QUESTIONS = QuestionTable(PROBLEMS, CODEC)
STEP, END = (int(CODEC.encode([text])[0][0]) for text in ("\n", "$"))


def table(chains: dict[str, list[list[str]]]) -> pd.DataFrame:
    """Attempts by question and chain; a text without its end was cut off, one ending in 9 is right."""
    rows = [
        (question, chain, position, text, "end" if text.endswith("$") else "length")
        for question, of_chains in chains.items()
        for chain, texts in enumerate(of_chains)
        for position, text in enumerate(texts, start=1)
    ]
    frame = pd.DataFrame(rows, columns=["question_id", "chain", "position", "text", "finish"])
    return frame.assign(verdict=np.where(frame["text"].str.endswith("9$"), "correct", "wrong"))


ATTEMPTS = table({"a": [["01a02\n=02$", "01a0", "=09$", "=03$"], ["=04$"]], "b": [["=19$"]]})


class Prefixes:
    """Scores each closing token with a number made from all tokens before it."""

    version = "prefixes"

    def score(self, requests):
        return [[self._scores(request.prefix, text) for text in request.continuations] for request in requests]

    @staticmethod
    def _scores(prefix, text):
        whole = np.concatenate([prefix, text]).astype(np.int64)
        ends = [i for i in range(len(prefix), len(whole)) if whole[i] in (STEP, END) or i == len(whole) - 1]
        return np.array([mark(whole[: i + 1]) for i in ends], np.float32)


def mark(tokens: np.ndarray) -> float:
    return float((tokens * np.arange(1, len(tokens) + 1)).sum() % 997 + 1) / 1000


def expected(history: list[str], question: str = "a") -> float:
    prompt = PROBLEMS.set_index("question_id").loc[question, "problem"]
    return np.float32(mark(CODEC.encode(["".join(prompt + text for text in history)])[0].astype(np.int64)))


def test_an_attempt_is_scored_after_the_earlier_ones_of_its_block():
    whole = verifier.scores(ATTEMPTS, QUESTIONS, Prefixes(), 4, (STEP, END))
    assert whole.tolist() == [
        expected(["01a02\n=02$"]),
        0.0,  # cut off
        expected(["01a02\n=02$", "=09$"]),
        expected(["01a02\n=02$", "=09$", "=03$"]),
        expected(["=04$"]),
        expected(["=19$"], "b"),
    ]
    blocks = verifier.scores(ATTEMPTS, QUESTIONS, Prefixes(), 1, (STEP, END))
    assert blocks[3] == expected(["=03$"]) and blocks[2] == whole[2]
    alone = verifier.scores(ATTEMPTS, QUESTIONS, Prefixes(), 0, (STEP, END))
    assert alone[2] == expected(["=09$"])


def test_a_prefix_of_a_chain_is_scored_as_in_the_whole_chain():
    prefix = ATTEMPTS[ATTEMPTS["position"] <= 3].reset_index(drop=True)
    whole = verifier.scores(ATTEMPTS, QUESTIONS, Prefixes(), 4, (STEP, END))
    part = verifier.scores(prefix, QUESTIONS, Prefixes(), 4, (STEP, END))
    assert part.tolist() == whole[(ATTEMPTS["position"] <= 3).to_numpy()].tolist()


def test_each_attempt_is_labelled_at_its_end_token():
    examples = verifier.examples(ATTEMPTS, QUESTIONS, 4)
    assert len(examples) == 3  # one a block
    labelled = np.flatnonzero(examples.weight)
    assert (examples.tokens[labelled] == END).all() and (examples.weight[labelled] == 1).all()
    assert examples.target[labelled].tolist() == [0, 1, 0, 0, 1]
    first = examples.tokens[: examples.offsets[1]].tolist()
    assert first == CODEC.encode(["01a=?\n01a02\n=02$01a=?\n=09$01a=?\n=03$"])[0].tolist()
    assert len(verifier.examples(ATTEMPTS, QUESTIONS, 0)) == 5


def test_a_block_that_does_not_fit_is_named_by_its_question():
    class Small(Prefixes):
        def score(self, requests):
            raise ContextOverflowError("it has 99 tokens", requests[-1].prefix)

    with pytest.raises(StudyError, match=r"^question b: it has 99 tokens$"):
        verifier.scores(ATTEMPTS, QUESTIONS, Small(), 4, (STEP, END))
