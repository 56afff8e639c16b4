"""The compute-optimal choice (§3.1, Eq. 1 by difficulty bins): cross-validated, its controls, and frozen.

A choice is the rule from difficulty and budget to a strategy, the paper's θ*. Input is an accuracy array (strategy,
budget, problem): expected accuracy per question, NaN for all questions where a strategy is not defined at a budget. The
caller puts each strategy at its true cost (lookahead: N(k+1)). Of equally good strategies the first wins, so list them
from the simplest on. Bins count from 1 (easiest).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from tts_lib.strategies.strategy_table import Method, StrategyTable


@dataclass(frozen=True, eq=False)
class Choice:
    """What a choice attains on each question, made without that question's fold."""

    accuracy: Float[np.ndarray, "problem budget"]  # mean over the repeated splits
    shares: Float[np.ndarray, "bin budget strategy"]  # how often each was chosen, over folds and repeats


@dataclass(frozen=True, eq=False)
class Difficulty:
    """A score that tells questions apart, high = easy, and what it is (`StrategyTable.difficulty`)."""

    kind: str
    score: Float[np.ndarray, " problem"]
    n_probe: int = 0  # samples behind a probe's


def known(accuracy: Float[np.ndarray, "strategy budget problem"]) -> Bool[np.ndarray, "strategy budget"]:
    """Which strategies are known at which budgets.

    Raises:
        ValueError: one is NaN for some questions and not for others.
    """
    n_missing = np.isnan(accuracy).sum(axis=2)
    if (partly := (n_missing > 0) & (n_missing < accuracy.shape[2])).any():
        strategy, budget = np.argwhere(partly)[0]
        raise ValueError(f"strategy {strategy} at budget index {budget} is NaN for some questions and not for others")
    return n_missing == 0


def split_folds(
    bins: Int[np.ndarray, " problem"], n_repeats: int, rng: np.random.Generator
) -> Bool[np.ndarray, "repeat problem"]:
    """Random halves inside each bin (§3.2), n_repeats times; the odd question of a bin goes to either at random.

    Raises:
        ValueError: n_repeats < 1; fewer than 2 questions.
    """
    if n_repeats < 1 or len(bins) < 2:
        raise ValueError(f"{n_repeats} repeats of {len(bins)} questions: at least 1 and 2 are needed for two folds")
    folds = np.zeros((n_repeats, len(bins)), dtype=bool)
    for row in folds:
        extra = bool(rng.integers(2))  # successive odd bins take turns, so that the halves of the whole differ by <= 1
        for name in np.unique(bins):
            members = rng.permutation(np.flatnonzero(bins == name))
            row[members[: (len(members) + extra) // 2]] = True
            extra ^= len(members) % 2 == 1
    return folds


def compute_optimal(
    accuracy: Float[np.ndarray, "strategy budget problem"],
    bins: Int[np.ndarray, " problem"],
    n_bins: int,
    folds: Bool[np.ndarray, "repeat problem"],
) -> Choice:
    """Two-fold cross-validated compute-optimal accuracy (§3.1-3.2).

    Per repeat, each question is given the strategy that is best on the other fold of its bin; where that is empty, the
    best on the other fold of all bins.

    Raises:
        ValueError: a bin outside 1..n_bins; a budget without any defined strategy; a strategy that is NaN for some
            questions and not for others; an empty fold.
    """
    return _cross_validate(accuracy, np.broadcast_to(bins, folds.shape), n_bins, folds)


def best_fixed(
    accuracy: Float[np.ndarray, "strategy budget problem"], folds: Bool[np.ndarray, "repeat problem"]
) -> Choice:
    """Control: one strategy for all questions, the best on the other fold at each budget.

    Raises:
        ValueError: as `compute_optimal`.
    """
    return _cross_validate(accuracy, np.ones(folds.shape, dtype=np.int64), 1, folds)


def shuffled_bins(
    accuracy: Float[np.ndarray, "strategy budget problem"],
    bins: Int[np.ndarray, " problem"],
    n_bins: int,
    folds: Bool[np.ndarray, "repeat problem"],
    rng: np.random.Generator,
) -> Choice:
    """Control: compute-optimal with the bins exchanged at random among each fold's questions, anew per repeat.

    Raises:
        ValueError: as `compute_optimal`.
    """
    shuffled = np.empty(folds.shape, dtype=np.int64)
    for row, fold in zip(shuffled, folds, strict=True):
        row[fold], row[~fold] = rng.permutation(bins[fold]), rng.permutation(bins[~fold])
    return _cross_validate(accuracy, shuffled, n_bins, folds)


def random_choice(accuracy: Float[np.ndarray, "strategy budget problem"]) -> Float[np.ndarray, "problem budget"]:
    """Control: expected accuracy of a strategy drawn uniformly from those defined at the budget.

    Raises:
        ValueError: as `compute_optimal`.
    """
    defined = _known_somewhere(accuracy)
    return (np.where(defined[:, :, None], accuracy, 0.0).sum(axis=0) / defined.sum(axis=0)[:, None]).T


def fit_table(
    accuracy: Float[np.ndarray, "strategy budget problem"],
    difficulty: Difficulty,
    edges: tuple[float, ...],
    methods: tuple[Method, ...],
    budgets: tuple[int, ...],
    models: Mapping[str, str],
) -> StrategyTable:
    """The best strategy per (bin, budget) on all questions given: fit it on validation, apply it frozen to test.

    Args:
        methods: what to run for each strategy.

    Raises:
        ValueError: as `compute_optimal`; methods, budgets or edges that do not fit the array or each other.
    """
    if accuracy.shape[:2] != (len(methods), len(budgets)):
        raise ValueError(
            f"accuracy has shape {accuracy.shape}, but there are {len(methods)} methods, {len(budgets)} budgets"
        )
    n_bins = len(edges) + 1
    bins = n_bins - np.searchsorted(edges, difficulty.score, side="right")
    groups = (bins == np.arange(1, n_bins + 1)[:, None]).astype(np.float64)
    n_questions = groups.sum(axis=1).astype(int)
    groups[n_questions == 0] = 1.0
    choices, means = _choose(accuracy, groups)
    return StrategyTable(
        difficulty=difficulty.kind,
        n_probe=difficulty.n_probe,
        edges=tuple(edges),
        budgets=tuple(budgets),
        strategies=tuple(methods),
        choices=tuple(map(tuple, choices.tolist())),
        accuracy=tuple(map(tuple, means.tolist())),
        n_questions=tuple(n_questions.tolist()),
        models=dict(models),
    )


def frozen_accuracy(
    table: StrategyTable,
    accuracy: Float[np.ndarray, "strategy budget problem"],
    difficulty_score: Float[np.ndarray, " problem"],
) -> Float[np.ndarray, "problem budget"]:
    """Accuracy per question of a table fitted elsewhere; strategies and budgets in the table's order.

    Raises:
        ValueError: an array that does not fit the table; a chosen strategy that is not defined here (NaN).
    """
    if accuracy.shape[:2] != (len(table.strategies), len(table.budgets)):
        raise ValueError(
            f"accuracy has shape {accuracy.shape}, the table {len(table.strategies)} strategies and "
            f"{len(table.budgets)} budgets"
        )
    rows = len(table.edges) - np.searchsorted(table.edges, difficulty_score, side="right")
    chosen = np.array(table.choices)[rows]  # (problem, budget)
    result = accuracy[chosen, np.arange(len(table.budgets)), np.arange(len(rows))[:, None]]
    if np.isnan(result).any():
        budget = table.budgets[int(np.argmax(np.isnan(result).any(axis=0)))]
        raise ValueError(f"the table chooses a strategy at budget {budget} that is not defined (NaN) in the accuracy")
    return result


def _cross_validate(
    accuracy: Float[np.ndarray, "strategy budget problem"],
    bins: Int[np.ndarray, "repeat problem"],
    n_bins: int,
    folds: Bool[np.ndarray, "repeat problem"],
) -> Choice:
    if bins.min() < 1 or bins.max() > n_bins:
        raise ValueError(f"bins run from {bins.min()} to {bins.max()}: allowed is 1..{n_bins}")
    n_strategies, n_budgets, n_problems = accuracy.shape
    columns, problems = np.arange(n_budgets), np.arange(n_problems)[:, None]
    total = np.zeros((n_problems, n_budgets))
    shares = np.zeros((n_bins, n_budgets, n_strategies))
    names = np.arange(1, n_bins + 1)[:, None]
    for fold, bins_now in zip(folds, bins, strict=True):
        for training in (fold, ~fold):
            groups = ((bins_now == names) & training).astype(np.float64)
            groups[groups.sum(axis=1) == 0] = training
            choices, _ = _choose(accuracy, groups)
            scored = accuracy[choices[bins_now - 1], columns, problems]
            total += np.where(training[:, None], 0.0, scored)
            shares[np.arange(n_bins)[:, None], columns, choices] += 1
    return Choice(total / len(folds), shares / (2 * len(folds)))


def _choose(
    accuracy: Float[np.ndarray, "strategy budget problem"], groups: Float[np.ndarray, "bin problem"]
) -> tuple[Int[np.ndarray, "bin budget"], Float[np.ndarray, "bin budget"]]:
    """Best strategy and its mean for each group of questions; means equal to 1e-12 count as equal."""
    if (groups.sum(axis=1) == 0).any():
        raise ValueError("a fold has no questions to choose a strategy on")
    defined = _known_somewhere(accuracy)
    means = np.where(defined[:, :, None], accuracy, 0.0) @ (groups / groups.sum(axis=1, keepdims=True)).T
    means = np.where(defined[:, :, None], np.round(means, 12), -np.inf)
    return means.argmax(axis=0).T, means.max(axis=0).T


def _known_somewhere(accuracy: Float[np.ndarray, "strategy budget problem"]) -> Bool[np.ndarray, "strategy budget"]:
    """As `known`, where every budget has a strategy to choose."""
    found = known(accuracy)
    if not found.any(axis=0).all():
        raise ValueError("a budget has no strategy that is defined (not NaN)")
    return found
