"""Selection replayed from a scored pool at every budget, per question and strategy."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from tts_lib.answers.grid import SampleGrid, grid
from tts_lib.common.strategy import COVERAGE, FLIPPED, MAJORITY, PLAIN, WEIGHTED, Strategy
from tts_lib.estimators import intervals, subsets

SCORES = ("prm_last", "prm_min", "prm_prod", "prm_mean", "orm", "orm_matched")
COLUMNS = ["question_id", "strategy", "rule", "score", "at", "budget", "accuracy"]


def selection_accuracy(
    pool: SampleGrid,
    scores: Mapping[str, np.ndarray],
    budgets: Sequence[int],
    rng: np.random.Generator,
    n_resamples: int,
    flip_share: float,
) -> tuple[pd.DataFrame, float]:
    """Expected correctness per question for every selection, columns as COLUMNS.

    Rules: coverage, majority, and by each score best_of_n and weighted; weighted also by prm_flipped, the PRM with a
    share of its scores turned into 1 - p (ICLR Fig. 17); no votes where the pool has no answers. Also the largest
    Monte-Carlo standard error of a mean over questions.

    Args:
        pool: the samples that are selected from.
        scores: by name (SCORES, or some of them, or none), each (problem, sample) as the pool.
    """
    correct, answers, n = pool.correct, pool.answers, pool.n_samples
    accuracy = {COVERAGE: subsets.coverage(correct.sum(axis=1), n, budgets)}
    accuracy |= {Strategy("best_of_n", name): subsets.best_of_n(correct, s, budgets, n) for name, s in scores.items()}
    ballots: dict[Strategy, np.ndarray | None] = {}
    if pool.has_answers:
        ballots = {MAJORITY: None} | {Strategy("weighted", name): weights for name, weights in scores.items()}
    if WEIGHTED in ballots:
        ballots[FLIPPED] = flipped(scores[WEIGHTED.score], flip_share, rng)
    named = {strategy.name: weights for strategy, weights in ballots.items()}
    votes = subsets.vote(correct, answers, named, budgets, rng, n_resamples, n) if ballots else {}
    accuracy |= {strategy: votes[strategy.name].accuracy for strategy in ballots}
    error = max((float(vote.mean_standard_error.max()) for vote in votes.values()), default=0.0)
    return _long(pool, accuracy, budgets), error


def accuracy_beside(
    pools: pd.DataFrame,
    question_ids: Sequence[str],
    budgets: Sequence[int],
    rng: np.random.Generator,
    n_resamples: int,
) -> pd.DataFrame:
    """As `selection_accuracy`, by majority, best-of-N and best-of-N weighted of pools at other temperatures; with
    `longest`.

    Args:
        pools: as a pool, with the columns temperature and prm_last.
        budgets: of which those are kept that a pool has samples for.
    """
    found = []
    for temperature, rows in pools.groupby("temperature"):
        pool = grid(rows, question_ids)
        within = [budget for budget in budgets if budget <= pool.smallest]
        correct, answers, n = pool.correct, pool.answers, pool.n_samples
        scores = pool.spread(rows["prm_last"].to_numpy(np.float64))
        votes = subsets.vote(correct, answers, {"": None, WEIGHTED.score: scores}, within, rng, n_resamples, n)
        accuracy = {
            MAJORITY: votes[""].accuracy,
            PLAIN: subsets.best_of_n(correct, scores, within, n),
            WEIGHTED: votes[WEIGHTED.score].accuracy,
        }
        at = float(str(temperature))
        table = _long(pool, {replace(one, at=at): values for one, values in accuracy.items()}, within)
        found.append(with_longest(table, pool, pool.spread(rows["n_tokens"].to_numpy(np.float64))))
    return pd.concat(found, ignore_index=True)


def with_longest(accuracy: pd.DataFrame, pool: SampleGrid, n_tokens: np.ndarray) -> pd.DataFrame:
    """The table with a column `longest`: tokens of the longest of N samples of a question, in the mean over subsets.

    Args:
        accuracy: by question_id and budget, of this pool.
        n_tokens: of each sample, (problem, sample).
    """
    budgets = sorted({*accuracy["budget"]})
    each = pd.DataFrame(subsets.longest(n_tokens, budgets, pool.n_samples), list(pool.question_ids), budgets)
    rows, columns = (
        each.index.get_indexer(pd.Index(accuracy["question_id"])),
        each.columns.get_indexer(pd.Index(accuracy["budget"])),
    )
    return accuracy.assign(longest=each.to_numpy()[rows, columns])


def _long(pool: SampleGrid, accuracy: Mapping[Strategy, np.ndarray], budgets: Sequence[int]) -> pd.DataFrame:
    """A row for each question, strategy and budget; columns as COLUMNS."""
    ids = pd.Index(pool.question_ids, name="question_id")
    table = pd.concat(
        [
            pd.DataFrame(values, index=ids, columns=list(budgets))
            .melt(ignore_index=False, var_name="budget", value_name="accuracy")
            .reset_index()
            .assign(**strategy.columns)
            for strategy, values in accuracy.items()
        ],
        ignore_index=True,
    )
    return table.loc[:, COLUMNS].astype({"budget": int})


def with_intervals(accuracy: pd.DataFrame, weights: np.ndarray) -> pd.DataFrame:
    """Mean over questions with its bootstrap interval: the strategy's columns, budget, accuracy, low, high."""
    each = accuracy.pivot_table("accuracy", "question_id", ["strategy", "budget"])
    first = accuracy.drop_duplicates("strategy").to_dict("records")
    strategies = {row["strategy"]: Strategy(row["rule"], row["score"], at=row["at"]) for row in first}
    rows = []
    for (name, budget), interval in zip(each, intervals.mean_intervals(each.to_numpy(), weights), strict=True):
        values = {"accuracy": interval.estimate, "low": interval.low, "high": interval.high}
        rows.append(strategies[name].columns | {"budget": budget} | values)
    return pd.DataFrame(rows)


def flipped(scores: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """A weaker verifier (ICLR Fig. 17 B): a share of the scores p turned into 1 - p."""
    return np.where(rng.random(scores.shape) < share, 1 - scores, scores)
