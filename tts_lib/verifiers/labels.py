"""Training examples of the verifiers: which positions of a solution carry which label."""

import numpy as np
import pandas as pd

from tts_lib.answers.protocols import Codec
from tts_lib.common.examples import Examples
from tts_lib.verifiers.rollouts import split_steps


def prm_examples(problems: pd.DataFrame, labelled: pd.DataFrame, codec: Codec) -> Examples:
    """Process reward model: every step's closing token carries the step's soft label (paper App. D)."""
    return _examples(problems, labelled, codec, labelled["labels"].tolist())


def orm_examples(problems: pd.DataFrame, solutions: pd.DataFrame, codec: Codec) -> Examples:
    """Outcome reward model: only the last token carries a label, whether the answer is right."""
    n_steps = [len(split_steps(text)) for text in solutions["text"]]
    outcome = (solutions["verdict"] == "correct").astype(float)
    return _examples(
        problems, solutions, codec, [[np.nan] * (n - 1) + [y] for n, y in zip(n_steps, outcome, strict=True)]
    )


def _examples(problems: pd.DataFrame, solutions: pd.DataFrame, codec: Codec, labels: list[list[float]]) -> Examples:
    problem = dict(zip(problems["question_id"], problems["problem"], strict=True))
    steps = [split_steps(text) for text in solutions["text"]]
    pieces = [[problem[q], *s] for q, s in zip(solutions["question_id"], steps, strict=True)]
    lengths = [len(t) for t in codec.encode([piece for example in pieces for piece in example])]
    tokens = codec.encode(["".join(example) for example in pieces])
    offsets = np.r_[0, np.cumsum([len(t) for t in tokens])]
    ends = np.cumsum(lengths) - 1  # last token of every piece in the flat order, prompts included
    is_step = np.concatenate([[False] + [True] * len(s) for s in steps])
    target, weight = np.zeros(offsets[-1], np.float32), np.zeros(offsets[-1], np.float32)
    flat = np.concatenate([np.asarray(label, dtype=np.float32) for label in labels])
    target[ends[is_step]] = np.nan_to_num(flat)
    weight[ends[is_step]] = ~np.isnan(flat)
    return Examples(np.concatenate(tokens), offsets, weight, target)


def matched_solutions(pool: pd.DataFrame, n_labels: int) -> pd.DataFrame:
    """As many solutions with an answer as there are step labels, the first of every question first.

    Gives an outcome reward model, which has one label a solution, as many labels as the process reward model.
    All of the pool where it is too small.
    """
    ordered = pool.sort_values(["sample", "question_id"], kind="stable")
    return ordered.loc[ordered["verdict"] != "no_answer"].head(n_labels)


def matched_epochs(epochs: int, n_solutions: int, n_matched: int) -> int:
    """Passes over the matched solutions that come nearest to the others' number of examples seen; at least one."""
    return max(1, round(epochs * n_solutions / n_matched))
