"""Training data of the revision model (§6.1): earlier wrong answers in context, then a right one, which is learned.

For each right sample of a question, j is drawn uniformly from 0..4 (at most as many as it has wrong ones); if j > 0,
the last wrong attempt is the one nearest to the right one by character edit distance, the others are drawn at random.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from tts_lib.answers.expected import Means
from tts_lib.answers.pools import encode_attempts
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common.errors import StudyError
from tts_lib.common.examples import Examples
from tts_lib.grading import verdicts

MAX_HISTORY = 4  # attempts in context, in training and in sampling
COLUMNS = ["question_id", "history", "text"]
Pairing = Literal["edit_distance", "random", "none", "shuffled"]


def build(
    pool: pd.DataFrame, pairing: Pairing, rng: np.random.Generator, max_history: int = MAX_HISTORY
) -> pd.DataFrame:
    """One row (COLUMNS) for each right sample: its text, and the list of wrong texts that come before it.

    Samples without an answer take no part. `pairing` is the paper's or a control: `random` draws all wrong attempts at
    random, `none` has no history (plain fine-tuning on right answers), `shuffled` gives each trajectory the history of
    another question, which says nothing about its own.

    Args:
        pool: question_id, text, verdict.
    """
    rows = []
    for question_id, part in pool.groupby("question_id", sort=False):
        right = part["text"][part["verdict"] == verdicts.CORRECT].tolist()
        wrong = part["text"][part["verdict"] == verdicts.WRONG].tolist()
        nearest = _nearest(right, wrong) if pairing in ("edit_distance", "shuffled") and right and wrong else None
        for i, text in enumerate(right):
            most = 0 if pairing == "none" else min(max_history, len(wrong))
            n = int(rng.integers(0, most + 1))
            if nearest is None or n == 0:
                chosen = rng.choice(len(wrong), n, replace=False).tolist() if n else []
            else:
                others = np.delete(np.arange(len(wrong)), nearest[i])
                chosen = [*rng.choice(others, n - 1, replace=False).tolist(), nearest[i]]
            rows.append((question_id, [wrong[k] for k in chosen], text))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return _with_foreign_histories(table, rng) if pairing == "shuffled" else table


def rest_em(attempts: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """ReST-EM (§6 ablation): chains of the revision model, each up to its first right attempt, learned anew.

    One row (COLUMNS) a chain that comes to a right attempt, with the wrong attempts it was shown. Most chains are right
    at once: of these, as many are drawn at random as there are with a history. (The paper balances the lengths, and
    does not say how.)

    Args:
        attempts: question_id, chain, position, text, finish, verdict.
    """
    rows = []
    ordered = attempts.sort_values(["question_id", "chain", "position"], kind="stable")
    for _, chain in ordered.groupby(["question_id", "chain"], sort=False):
        right = np.flatnonzero(chain["verdict"] == verdicts.CORRECT)
        if len(right):
            before = chain.iloc[: right[0]]
            history = before["text"][before["finish"] == "end"].tolist()
            rows.append((chain["question_id"].iloc[0], history, chain["text"].iloc[right[0]]))
    table = pd.DataFrame(rows, columns=COLUMNS)
    revised = table["history"].map(bool).to_numpy(bool)
    at_once = rng.permutation(np.flatnonzero(~revised))[: revised.sum()]
    return table.iloc[np.sort(np.append(np.flatnonzero(revised), at_once))].reset_index(drop=True)


def examples(trajectories: pd.DataFrame, questions: QuestionTable, end_tokens: Sequence[int] = ()) -> Examples:
    """A language model's examples: history and prompt in context, loss on the right answer only.

    The context is that of `tts_lib.revisions.chains`: the prompt before each earlier attempt, and once more, each of
    them in tokens of its own as it is in a chain.

    Args:
        end_tokens: see `pools.encode_attempts`.

    Raises:
        StudyError: there are none.
    """
    if len(trajectories) == 0:
        raise StudyError("No trajectory to learn revisions from: too few training questions, or none was ever solved.")
    texts = sorted({*trajectories["text"], *(text for history in trajectories["history"] for text in history)})
    tokens = dict(zip(texts, encode_attempts(questions.codec, texts, end_tokens), strict=True))
    contexts = []
    for question_id, history in zip(trajectories["question_id"], trajectories["history"], strict=True):
        asked = questions.prompts[question_id]
        contexts.append(np.concatenate([*(piece for text in history for piece in (asked, tokens[text])), asked]))
    return Examples.language(contexts, [tokens[text] for text in trajectories["text"]])


def expected_tokens(pairing: str, question: Means, max_history: int) -> float:
    """Tokens of a trajectory: prompt and attempt, as often as there are attempts, j of them earlier ones."""
    most = 0 if pairing == "none" else max_history
    return (1 + most / 2) * question.pair


def _nearest(right: Sequence[str], wrong: Sequence[str]) -> np.ndarray:
    """For each right text the wrong one at the least edit distance, the first of equals."""
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    return cdist(right, wrong, scorer=Levenshtein.distance).argmin(axis=1)


def _with_foreign_histories(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Histories dealt anew among trajectories with as many attempts, to another question wherever that is possible."""
    lengths = table["history"].map(len).to_numpy()
    histories = table["history"].tolist()
    for n in np.unique(lengths[lengths > 0]):
        members = rng.permutation(np.flatnonzero(lengths == n))
        donors = members[np.argsort(table["question_id"].to_numpy()[members], kind="stable")]
        shift = max(1, len(donors) // 2)  # half the way round the sorted questions
        for member, donor in zip(donors, np.roll(donors, shift), strict=True):
            histories[member] = table["history"].iloc[donor]
    return table.assign(history=histories)
