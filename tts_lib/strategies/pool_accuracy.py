"""Selection replayed from a scored pool at every budget, per question and strategy."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from tts_lib.answers.grid import SampleGrid
from tts_lib.estimators import intervals, subsets

SCORES = ("prm_last", "prm_min", "prm_prod", "prm_mean", "orm", "orm_matched")


def selection_accuracy(
    pool: SampleGrid,
    scores: Mapping[str, np.ndarray],
    budgets: Sequence[int],
    rng: np.random.Generator,
    n_resamples: int,
    flip_share: float,
) -> tuple[pd.DataFrame, float]:
    """Expected correctness per question for every selection rule: question_id, strategy, budget, accuracy.

    Strategies: coverage, majority, best_of_n:SCORE, weighted:SCORE for each score, and weighted:prm_flipped, the PRM
    with a share of its scores turned into 1 - p (ICLR Fig. 17); no votes where the pool has no answers. Also the
    largest Monte-Carlo standard error of a mean over questions.

    Args:
        pool: the samples that are selected from.
        scores: by name (SCORES, or some of them, or none), each (problem, sample) as the pool.
    """
    correct, answers, n = pool.correct, pool.answers, pool.n_samples
    accuracy = {"coverage": subsets.coverage(correct.sum(axis=1), n, budgets)}
    accuracy |= {f"best_of_n:{name}": subsets.best_of_n(correct, s, budgets, n) for name, s in scores.items()}
    ballots = {"majority": None} | {f"weighted:{name}": s for name, s in scores.items()} if pool.has_answers else {}
    if ballots and "prm_last" in scores:
        ballots["weighted:prm_flipped"] = flipped(scores["prm_last"], flip_share, rng)
    votes = subsets.vote(correct, answers, ballots, budgets, rng, n_resamples, n) if ballots else {}
    accuracy |= {name: vote.accuracy for name, vote in votes.items()}
    ids = pd.Index(pool.question_ids, name="question_id")
    table = pd.concat(
        [
            pd.DataFrame(values, index=ids, columns=list(budgets))
            .melt(ignore_index=False, var_name="budget", value_name="accuracy")
            .reset_index()
            .assign(strategy=name)
            for name, values in accuracy.items()
        ],
        ignore_index=True,
    )
    error = max((float(vote.mean_standard_error.max()) for vote in votes.values()), default=0.0)
    return table[["question_id", "strategy", "budget", "accuracy"]].astype({"budget": int}), error


def with_intervals(accuracy: pd.DataFrame, weights: np.ndarray) -> pd.DataFrame:
    """Mean over questions with its bootstrap interval: strategy, budget, accuracy, low, high."""
    rows = []
    for (strategy, budget), part in accuracy.groupby(["strategy", "budget"]):
        interval = intervals.mean_interval(part.sort_values("question_id")["accuracy"].to_numpy(), weights)
        rows.append((strategy, budget, interval.estimate, interval.low, interval.high))
    return pd.DataFrame(rows, columns=["strategy", "budget", "accuracy", "low", "high"])


def flipped(scores: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """A weaker verifier (ICLR Fig. 17 B): a share of the scores p turned into 1 - p."""
    return np.where(rng.random(scores.shape) < share, 1 - scores, scores)
