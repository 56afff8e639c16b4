"""The revision verifier (§6.1): an outcome reward model that reads an attempt after the earlier ones of its chain.

A chain is cut into blocks of `max_history + 1` attempts: the prompt and an attempt, as often as there are attempts. The
score of an attempt stands at its end token and depends on what comes before it in its block alone, so that one pass
over a block scores all of it, and a prefix of a chain is scored as in the whole chain. The first attempt of each block
is scored without history, though it was sampled with one: reading each attempt after its last four would cost five
times as much. (The paper does not say how many earlier attempts its verifier reads.)
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from tts_lib.answers.expected import Expected, Means
from tts_lib.answers.pools import encode_attempts
from tts_lib.answers.protocols import Codec, ScoreRequest, Verifier
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common.errors import StudyError
from tts_lib.common.examples import Examples
from tts_lib.estimators import score_quality
from tts_lib.grading import verdicts


def examples(
    attempts: pd.DataFrame, questions: QuestionTable, max_history: int, end_tokens: Sequence[int] = ()
) -> Examples:
    """Training examples, one a block: at the end of each attempt whether its answer is right.

    Args:
        attempts: question_id, chain, position, text, finish, verdict; attempts that were cut off are left out.
        end_tokens: see `pools.encode_attempts`.
    """
    right = (attempts["verdict"] == verdicts.CORRECT).to_numpy(np.float32)
    blocks, ends, labels = [], [], []
    for question_id, rows, texts in _blocks(attempts, questions.codec, max_history, end_tokens):
        pieces = [np.concatenate([questions.prompts[question_id], text]) for text in texts]
        blocks.append(np.concatenate(pieces))
        ends += [len(piece) for piece in pieces]
        labels.append(right[rows])
    last = np.cumsum(ends) - 1
    tokens, offsets = np.concatenate(blocks).astype(np.int32), np.r_[0, np.cumsum([len(block) for block in blocks])]
    weight, target = np.zeros(len(tokens), np.float32), np.zeros(len(tokens), np.float32)
    weight[last], target[last] = 1, np.concatenate(labels)
    return Examples(tokens, offsets, weight, target)


def scores(
    attempts: pd.DataFrame,
    questions: QuestionTable,
    verifier: Verifier,
    max_history: int,
    closing: Sequence[int],
    end_tokens: Sequence[int] = (),
) -> np.ndarray:
    """The verifier's score of each attempt, float32 (attempt,) in (0, 1); 0 for one that was cut off.

    Args:
        closing: the tokens at which the verifier gives a score: those of a step and those of the end.
        end_tokens: see `pools.encode_attempts`.

    Raises:
        StudyError: the verifier gives no score where an attempt ends, or a block does not fit its window; names the
            question.
    """
    numbers: dict[tuple[str, bytes], int] = {}  # of the distinct blocks: one may have been sampled more than once
    requests: list[ScoreRequest] = []
    rows, blocks, ends = [], [], []  # of each attempt: its row, its block, and where it ends there
    for question_id, shown, texts in _blocks(attempts, questions.codec, max_history, end_tokens):
        prompt = questions.prompts[question_id]
        pieces = [part for text in texts for part in (prompt, text)][1:]
        block = np.concatenate(pieces)
        number = numbers.setdefault((question_id, block.tobytes()), len(requests))
        if number == len(requests):
            requests.append(ScoreRequest(prompt, [block]))
        rows.append(shown)
        blocks += [number] * len(texts)
        ends += list(itertools.accumulate(map(len, pieces)))[::2]
    found = np.zeros(len(attempts), np.float32)
    if not requests:
        return found
    texts = [request.continuations[0] for request in requests]
    first = np.r_[0, np.cumsum([len(text) for text in texts])]
    gives = np.isin(np.concatenate(texts), closing)
    last, rows = first[blocks] + ends - 1, np.concatenate(rows)
    if not gives[last].all():
        question_id = attempts["question_id"].iloc[rows[~gives[last]][0]]
        raise StudyError(f"an attempt at {question_id} has no score, as it ends with none of the tokens {closing}")
    with questions.naming():
        scored = np.concatenate([score for (score,) in verifier.score(requests)])
    found[rows] = scored[np.cumsum(gives)[last] - 1]
    return found


def answer_auc(
    chains: pd.DataFrame, scores: Mapping[str, np.ndarray], weights: Float[np.ndarray, "resample question"]
) -> dict[str, dict[str, Any]]:
    """How well each verifier's scores tell right attempts from wrong ones on the test questions.

    Args:
        chains: split, question_id, verdict of all attempts.
        scores: of each verifier, one for each attempt.
    """
    is_test = (chains["split"] == "test").to_numpy()
    question = pd.factorize(chains["question_id"][is_test])[0]
    right = (chains["verdict"] == verdicts.CORRECT).to_numpy()[is_test]
    of_test = {name: values[is_test].astype(float) for name, values in scores.items()}
    return {name: vars(score_quality.auc(values, right, question, weights)) for name, values in of_test.items()}


def expected(n_attempts: int, question: Means) -> Expected:
    """Tokens that one verifier reads: every attempt once, with its prompt."""
    return Expected(verified=n_attempts * question.pair)


def _blocks(
    attempts: pd.DataFrame, codec: Codec, max_history: int, end_tokens: Sequence[int]
) -> Iterator[tuple[str, np.ndarray, list[np.ndarray]]]:
    """Question, rows in the table and tokens of the attempts of each block, in the table's order.

    The table must be in order of question, chain and position.
    """
    shown = np.flatnonzero(attempts["finish"].to_numpy() == "end")
    table = attempts.iloc[shown]
    place = table.groupby(["question_id", "chain"], sort=False).cumcount().to_numpy()
    codes = table.groupby(["question_id", "chain"], sort=False).ngroup().to_numpy()
    starts = np.flatnonzero((np.diff(codes, prepend=-1) != 0) | (place % (max_history + 1) == 0))
    distinct, which = np.unique(table["text"].to_numpy(dtype=object), return_inverse=True)
    tokens = encode_attempts(codec, distinct.tolist(), end_tokens)
    questions = table["question_id"].to_numpy()
    for start, end in zip(starts, np.append(starts[1:], len(table)), strict=True):
        yield questions[start], shown[start:end], [tokens[i] for i in which[start:end]]
