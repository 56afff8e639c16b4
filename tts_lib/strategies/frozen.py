"""A choice fitted on some questions and applied frozen to others: on validation, to test."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tts_lib.estimators.per_question import Remade
from tts_lib.strategies.rules import argmax, chooser, known, shrunken
from tts_lib.strategies.strategy_table import Method, StrategyTable


@dataclass(frozen=True, eq=False)
class Difficulty:
    """A score that tells questions apart, high = easy, and what it is (`StrategyTable.difficulty`)."""

    kind: str
    score: Float[np.ndarray, " problem"]
    n_probe: int = 0  # samples behind a probe's


def fit_table(
    accuracy: Float[np.ndarray, "strategy budget problem"],
    difficulty: Difficulty,
    edges: tuple[float, ...],
    methods: tuple[Method, ...],
    budgets: tuple[int, ...],
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
    members, once = bins == np.arange(1, n_bins + 1)[:, None], np.ones((1, len(bins)))
    n_questions = members.sum(axis=1)
    choices = chooser(accuracy, shrunken)(once, members)[0]
    means = np.take_along_axis(argmax(accuracy)(once, members)[0], choices[:, None, :], axis=1)[:, 0]
    return StrategyTable(
        difficulty=difficulty.kind,
        n_probe=difficulty.n_probe,
        edges=tuple(edges),
        budgets=tuple(budgets),
        strategies=tuple(methods),
        choices=tuple(map(tuple, choices.tolist())),
        accuracy=tuple(map(tuple, means.tolist())),
        n_questions=tuple(n_questions.tolist()),
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


def frozen_anew(
    fit: Float[np.ndarray, "strategy budget fitted"],
    bins_fit: Int[np.ndarray, " fitted"],
    weights_fit: Float[np.ndarray, "resample fitted"],
    accuracy: Float[np.ndarray, "strategy budget problem"],
    bins: Int[np.ndarray, " problem"],
    n_bins: int,
) -> Remade:
    """A choice made elsewhere, made anew in each resample of the questions it is made on.

    Args:
        weights_fit: bootstrap weights (rows of sum 1) of those questions.

    Raises:
        ValueError: as `compute_optimal`; a chosen strategy that is not defined on the questions it is applied to.
    """
    members = bins_fit == np.arange(1, n_bins + 1)[:, None]
    choices = chooser(fit, shrunken)(weights_fit * len(bins_fit), members)
    if not known(accuracy)[choices[:, np.unique(bins) - 1], np.arange(accuracy.shape[1])].all():
        raise ValueError("a resample chooses a strategy that is not defined (NaN) in the accuracy")
    return Remade(accuracy, bins[None] - 1, choices[None])
