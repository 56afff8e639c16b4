"""How good a verifier's scores are: ranking (AUC, Spearman) and calibration, with errors that respect questions."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from tts_lib.estimators.intervals import Interval, check_level


@dataclass(frozen=True, eq=False)
class Calibration:
    """Predicted against observed success, in bins of equally many scores."""

    n: Int[np.ndarray, " bin"]
    predicted: Float[np.ndarray, " bin"]  # mean score
    observed: Float[np.ndarray, " bin"]  # mean label
    standard_error: Float[np.ndarray, " bin"]  # of `observed`, clustered by group
    expected_error: float  # mean |predicted - observed|, weighted by n
    brier: float  # mean squared difference of score and label


def auc(
    scores: Float[np.ndarray, " item"],
    labels: Bool[np.ndarray, " item"],
    question: Int[np.ndarray, " item"],
    weights: Float[np.ndarray, "resample question"],
    level: float = 0.95,
) -> Interval:
    """Chance that a positive item scores above a negative one (ties half), over all pairs of items.

    The percentile interval resamples questions: the items of one question rise and fall together.

    Args:
        question: row of each item's question, 0..n_questions-1, as in the columns of `weights`.

    Raises:
        ValueError: all labels equal; a score that is not a number; level outside (0, 1).
    """
    check_level(level)
    _check_scores(scores)
    if labels.all() or not labels.any():
        raise ValueError("AUC is undefined: the labels are all equal")
    order = np.argsort(scores, kind="stable")
    ascending = scores[order]
    starts = np.flatnonzero(np.append(True, ascending[1:] != ascending[:-1]))  # groups of equal scores
    positive, who = labels[order], question[order]

    def area(weight: Float[np.ndarray, " question"]) -> float:
        item = weight[who]
        up = np.add.reduceat(np.where(positive, item, 0.0), starts)
        down = np.add.reduceat(np.where(positive, 0.0, item), starts)
        pairs = up.sum() * down.sum()
        return float((up * (np.cumsum(down) - down / 2)).sum() / pairs) if pairs > 0 else np.nan

    replicates = np.array([area(weight) for weight in weights])
    low, high = np.nanquantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    return Interval(area(np.ones(weights.shape[1])), float(low), float(high), level)


def auc_by_question(
    scores: Float[np.ndarray, "question sample"], labels: Bool[np.ndarray, "question sample"]
) -> Float[np.ndarray, " question"]:
    """AUC within each question: NaN where its samples are all right or all wrong (count them before averaging).

    Raises:
        ValueError: a score that is not a number.
    """
    _check_scores(scores)
    ranks = pd.DataFrame(scores).rank(axis=1).to_numpy()
    n_up = labels.sum(axis=1)
    pairs = n_up * (labels.shape[1] - n_up)
    wins = np.where(labels, ranks, 0.0).sum(axis=1) - n_up * (n_up + 1) / 2
    return np.divide(wins, pairs, out=np.full(len(labels), np.nan), where=pairs > 0)


def auc_within(
    scores: Float[np.ndarray, " item"],
    labels: Bool[np.ndarray, " item"],
    question: Int[np.ndarray, " item"],
    rivals: Int[np.ndarray, " item"],
    n_questions: int,
) -> Float[np.ndarray, " question"]:
    """AUC within each question, over pairs of items that compete: NaN where none of these differ in their labels.

    Args:
        question: row of each item's question, 0..n_questions-1.
        rivals: number of the group, within its question, that an item competes in (prefixes of as many steps).

    Raises:
        ValueError: a score that is not a number.
    """
    _check_scores(scores)
    items = pd.DataFrame({"score": scores, "up": labels, "question": question, "rivals": rivals})
    items["rank"] = items.groupby(["question", "rivals"])["score"].rank()
    items["won"] = items["rank"].where(labels, 0.0)
    groups = items.groupby(["question", "rivals"]).agg(n=("up", "size"), up=("up", "sum"), won=("won", "sum"))
    groups["wins"] = groups["won"] - groups["up"] * (groups["up"] + 1) / 2
    groups["pairs"] = groups["up"] * (groups["n"] - groups["up"])
    where = groups.index.get_level_values("question").to_numpy()
    wins, pairs = (np.bincount(where, groups[name].to_numpy(np.float64), n_questions) for name in ("wins", "pairs"))
    return np.divide(wins, pairs, out=np.full(n_questions, np.nan), where=pairs > 0)


def calibration(
    scores: Float[np.ndarray, " item"],
    labels: Float[np.ndarray, " item"],
    question: Int[np.ndarray, " item"],
    n_bins: int = 10,
) -> Calibration:
    """Calibration table in bins of equally many items by ascending score; labels may be soft (0..1).

    Standard errors are clustered: items of one question do not count as independent.

    Raises:
        ValueError: n_bins outside 1..n_items; a score that is not a number.
    """
    _check_scores(scores)
    if not 1 <= n_bins <= len(scores):
        raise ValueError(f"n_bins is {n_bins}: allowed is 1..{len(scores)}, the number of scores")
    parts = np.array_split(np.argsort(scores, kind="stable"), n_bins)
    n = np.array([len(part) for part in parts])
    predicted = np.array([scores[part].mean(dtype=np.float64) for part in parts])
    observed = np.array([labels[part].mean(dtype=np.float64) for part in parts])
    clusters = [np.bincount(question[p], labels[p] - mean) for p, mean in zip(parts, observed, strict=True)]
    error = np.array([math.sqrt(float((sums**2).sum())) for sums in clusters]) / n
    gap = float((np.abs(predicted - observed) * n).sum() / n.sum())
    return Calibration(n, predicted, observed, error, gap, float(((scores - labels) ** 2).mean(dtype=np.float64)))


def spearman(
    x: Float[np.ndarray, " question"],
    y: Float[np.ndarray, " question"],
    n_resamples: int,
    rng: np.random.Generator,
    level: float = 0.95,
) -> Interval | None:
    """Spearman rank correlation over questions with its percentile bootstrap interval.

    None where it is undefined: fewer than 3 questions, or x or y the same for all. Resamples of which that is true
    are left out.

    Raises:
        ValueError: x or y is not a number; level outside (0, 1).
    """
    check_level(level)
    _check_scores(x)
    _check_scores(y)
    if len(x) < 3 or x.min() == x.max() or y.min() == y.max():
        return None
    picks = rng.integers(len(x), size=(n_resamples, len(x)))
    low, high = np.nanquantile(_rank_correlation(x[picks], y[picks]), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(_rank_correlation(x[None], y[None])[0]), float(low), float(high), level)


def _rank_correlation(
    x: Float[np.ndarray, "row question"], y: Float[np.ndarray, "row question"]
) -> Float[np.ndarray, " row"]:
    centred = [pd.DataFrame(values).rank(axis=1).to_numpy() - (values.shape[1] + 1) / 2 for values in (x, y)]
    scale = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    return np.divide((centred[0] * centred[1]).sum(axis=1), scale, out=np.full(len(x), np.nan), where=scale > 0)


def _check_scores(scores: Float[np.ndarray, "..."]) -> None:
    if np.isnan(scores).any():
        raise ValueError(f"{int(np.isnan(scores).sum())} of {scores.size} scores are NaN")
