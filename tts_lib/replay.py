"""Selection replayed from a scored pool at every budget, per question and strategy, and what a sample costs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tts_lib import estimators, pools, stats
from tts_lib.pools import Codec
from tts_lib.verifiers import scoring

SCORES = ("prm_last", "prm_min", "prm_prod", "prm_mean", "orm", "orm_matched")


def selection_accuracy(
    pool: pd.DataFrame,
    scores: pd.DataFrame,
    budgets: Sequence[int],
    rng: np.random.Generator,
    n_resamples: int,
    flip_share: float,
) -> tuple[pd.DataFrame, float]:
    """Expected correctness per question for every selection rule: question_id, strategy, budget, accuracy.

    Strategies: coverage, majority, best_of_n:SCORE, weighted:SCORE, and weighted:prm_flipped, the PRM with a share of
    its scores turned into 1 - p (ICLR Fig. 17). Also the largest Monte-Carlo standard error of a mean over questions.
    """
    question_ids = pool["question_id"].drop_duplicates().tolist()
    correct, answers = pools.as_arrays(pool, question_ids)
    pools.check_aligned(pool, scores)
    by_score = {name: scores[name].to_numpy(dtype=float).reshape(correct.shape) for name in SCORES}
    accuracy = {"coverage": estimators.coverage(correct.sum(axis=1), correct.shape[1], budgets)}
    accuracy |= {f"best_of_n:{name}": estimators.best_of_n(correct, s, budgets) for name, s in by_score.items()}
    ballots = {"majority": None} | {f"weighted:{name}": s for name, s in by_score.items()}
    ballots["weighted:prm_flipped"] = scoring.flipped(by_score["prm_last"], flip_share, rng)
    votes = estimators.vote(correct, answers, ballots, budgets, rng, n_resamples)
    accuracy |= {name: vote.accuracy for name, vote in votes.items()}
    table = pd.concat(
        [
            pd.DataFrame(values, index=pd.Index(question_ids, name="question_id"), columns=list(budgets))
            .melt(ignore_index=False, var_name="budget", value_name="accuracy")
            .reset_index()
            .assign(strategy=name)
            for name, values in accuracy.items()
        ],
        ignore_index=True,
    )
    error = max(float(vote.mean_standard_error.max()) for vote in votes.values())
    return table[["question_id", "strategy", "budget", "accuracy"]].astype({"budget": int}), error


def with_intervals(accuracy: pd.DataFrame, weights: np.ndarray) -> pd.DataFrame:
    """Mean over questions with its bootstrap interval: strategy, budget, accuracy, low, high."""
    rows = []
    for (strategy, budget), part in accuracy.groupby(["strategy", "budget"]):
        interval = stats.mean_interval(part.sort_values("question_id")["accuracy"].to_numpy(), weights)
        rows.append((strategy, budget, interval.estimate, interval.low, interval.high))
    return pd.DataFrame(rows, columns=["strategy", "budget", "accuracy", "low", "high"])


def sample_costs(codec: Codec, problems: pd.DataFrame, pool: pd.DataFrame) -> pd.DataFrame:
    """Tokens of one sample of each question, averaged over its pool; a verifier reads what the policy wrote."""
    prompt_tokens = [len(tokens) for tokens in codec.encode(problems["problem"].tolist())]
    steps = pool["text"].str.count("\n") + 1
    mean = pool.assign(n_steps=steps).groupby("question_id", sort=False)[["n_tokens", "n_steps"]].mean()
    mean = mean.loc[problems["question_id"]]
    return pd.DataFrame(
        {
            "question_id": problems["question_id"].to_numpy(),
            "prompt_tokens": prompt_tokens,
            "mean_policy_tokens": mean["n_tokens"].to_numpy(),
            "mean_verifier_tokens": mean["n_tokens"].to_numpy(),
            "n_steps": mean["n_steps"].to_numpy(),
        }
    )
