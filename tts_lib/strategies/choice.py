"""The compute-optimal choice (§3.1, Eq. 1 by difficulty bins), cross-validated (§3.2), and its controls.

A choice is the rule from difficulty and budget to a strategy, the paper's θ*, made by one of the `rules` from an
accuracy array (strategy, budget, problem). Bins count from 1 (easiest).

With bootstrap weights of the questions the choice is made anew in each resample, on the same folds: a question drawn
twice stays in one of them.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from tts_lib.estimators.per_question import Remade
from tts_lib.strategies.rules import Accuracy, Rule, argmax, chooser, known_somewhere, shrunken

REPEATS_REMADE = 6  # splits into folds on which a choice is made anew in each resample


@dataclass(frozen=True, eq=False)
class Choice:
    """What a choice attains on each question, made without that question's fold."""

    accuracy: Float[np.ndarray, "problem budget"]  # mean over the repeated splits
    shares: Float[np.ndarray, "bin budget strategy"]  # how often each was chosen, over folds and repeats
    remade: Remade | None = None  # made anew in each resample


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
    weights: Float[np.ndarray, "resample problem"] | None = None,
    rule: Rule = shrunken,
) -> Choice:
    """Two-fold cross-validated compute-optimal accuracy (§3.1-3.2).

    Per repeat, each question is given the strategy that is best on the other fold of its bin; where that is empty, the
    best on the other fold of all bins.

    Args:
        weights: bootstrap weights (rows of sum 1) of the resamples in which to choose anew.
        rule: what is best.

    Raises:
        ValueError: a bin outside 1..n_bins; a budget without any defined strategy; a strategy that is NaN for some
            questions and not for others; an empty fold.
    """
    return _cross_validate(accuracy, np.broadcast_to(bins, folds.shape), n_bins, folds, weights, rule)


def best_fixed(
    accuracy: Float[np.ndarray, "strategy budget problem"],
    folds: Bool[np.ndarray, "repeat problem"],
    weights: Float[np.ndarray, "resample problem"] | None = None,
) -> Choice:
    """Control: one strategy for all questions, the best on the other fold at each budget.

    Raises:
        ValueError: as `compute_optimal`.
    """
    return _cross_validate(accuracy, np.ones(folds.shape, dtype=np.int64), 1, folds, weights, argmax)


def shuffled_bins(
    accuracy: Float[np.ndarray, "strategy budget problem"],
    bins: Int[np.ndarray, " problem"],
    n_bins: int,
    folds: Bool[np.ndarray, "repeat problem"],
    rng: np.random.Generator,
    weights: Float[np.ndarray, "resample problem"] | None = None,
) -> Choice:
    """Control: compute-optimal with the bins exchanged at random among each fold's questions, anew per repeat.

    Raises:
        ValueError: as `compute_optimal`.
    """
    shuffled = np.empty(folds.shape, dtype=np.int64)
    for row, fold in zip(shuffled, folds, strict=True):
        row[fold], row[~fold] = rng.permutation(bins[fold]), rng.permutation(bins[~fold])
    return _cross_validate(accuracy, shuffled, n_bins, folds, weights, shrunken)


def random_choice(accuracy: Float[np.ndarray, "strategy budget problem"]) -> Float[np.ndarray, "problem budget"]:
    """Control: expected accuracy of a strategy drawn uniformly from those defined at the budget.

    Raises:
        ValueError: as `compute_optimal`.
    """
    defined = known_somewhere(accuracy)
    return (np.where(defined[:, :, None], accuracy, 0.0).sum(axis=0) / defined.sum(axis=0)[:, None]).T


def _cross_validate(
    accuracy: Float[np.ndarray, "strategy budget problem"],
    bins: Int[np.ndarray, "repeat problem"],
    n_bins: int,
    folds: Bool[np.ndarray, "repeat problem"],
    weights: Float[np.ndarray, "resample problem"] | None,
    rule: Rule,
) -> Choice:
    if bins.min() < 1 or bins.max() > n_bins:
        raise ValueError(f"bins run from {bins.min()} to {bins.max()}: allowed is 1..{n_bins}")
    if (folds.all(axis=1) | ~folds.any(axis=1)).any():
        raise ValueError("a fold has no questions to choose a strategy on")
    attained, shares = _on_the_other_fold(accuracy, bins, n_bins, folds, rule)
    some = slice(REPEATS_REMADE)
    if weights is None:
        return Choice(attained, shares)
    taken = _taken_anew(accuracy, bins[some], n_bins, folds[some], weights, rule)
    return Choice(attained, shares, Remade(accuracy, bins[some] - 1 + n_bins * folds[some], taken))


def _on_the_other_fold(
    accuracy: Accuracy,
    bins: Int[np.ndarray, "repeat problem"],
    n_bins: int,
    folds: Bool[np.ndarray, "repeat problem"],
    rule: Rule,
) -> tuple[Float[np.ndarray, "problem budget"], Float[np.ndarray, "bin budget strategy"]]:
    """Accuracy of each question, chosen on the other fold; how often each strategy was chosen."""
    n_strategies, n_budgets, n_problems = accuracy.shape
    choose, names = chooser(accuracy, rule), np.arange(1, n_bins + 1)[:, None]
    choices = np.zeros((2, len(folds), n_bins, n_budgets), dtype=np.int64)
    training = np.stack([folds, ~folds])
    different, which = np.unique(bins, axis=0, return_inverse=True)
    for number, of_problem in enumerate(different):  # repeats with the same bins are resamples of one another
        repeats = which == number
        drawn = training[:, repeats].reshape(-1, n_problems).astype(np.float64)
        choices[:, repeats] = choose(drawn, of_problem == names).reshape(2, -1, n_bins, n_budgets)
    shares = (choices[..., None] == np.arange(n_strategies)).mean(axis=(0, 1))
    repeat, budget = np.arange(len(folds))[:, None, None], np.arange(n_budgets)[:, None]
    made = choices[folds[:, None].astype(np.int64), repeat, bins[:, None] - 1, budget]  # (repeat, budget, problem)
    attained = accuracy[made, budget, np.arange(n_problems)]
    return attained.sum(axis=0).T / len(folds), shares


def _taken_anew(
    accuracy: Accuracy,
    bins: Int[np.ndarray, "repeat problem"],
    n_bins: int,
    folds: Bool[np.ndarray, "repeat problem"],
    weights: Float[np.ndarray, "resample problem"],
    rule: Rule,
) -> Int[np.ndarray, "repeat resample cell budget"]:
    """What is best on the other fold in each resample, for each bin: first outside the fold, then in it."""
    choose, names = chooser(accuracy, rule), np.arange(1, n_bins + 1)[:, None]
    drawn, taken = weights * accuracy.shape[2], []
    for fold, bins_now in zip(folds, bins, strict=True):
        halves = []
        for training in (fold, ~fold):
            lacking = drawn @ training == 0
            counts = np.where(lacking[:, None], 1.0, drawn) if lacking.any() else drawn
            halves.append(choose(counts, (bins_now == names) & training))
        taken.append(np.concatenate(halves, axis=1).astype(np.int16))
    return np.stack(taken)
