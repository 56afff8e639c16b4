"""Simulated pools and strategy tables with known success probabilities: closed-form answers for the tests."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Pools:
    """Pools of samples; class 0 is the right answer, 1..n_wrong are wrong ones, -1 is none."""

    success: np.ndarray  # float (problem,): true pass@1
    correct: np.ndarray  # bool (problem, sample)
    answers: np.ndarray  # int (problem, sample)
    scores: np.ndarray  # float (problem, sample), in (0, 1)


def pools(
    n_problems: int,
    n_samples: int,
    rng: np.random.Generator,
    n_wrong: int = 5,
    separation: float = 1.0,
    silent: float = 0.1,
) -> Pools:
    """Success ~ Beta(0.6, 1); wrong answers Zipf-like; score = sigmoid(separation * correct + normal noise)."""
    success = rng.beta(0.6, 1.0, n_problems)
    correct = rng.random((n_problems, n_samples)) < success[:, None]
    frequency = 1.0 / np.arange(1, n_wrong + 1)
    wrong = rng.choice(np.arange(1, n_wrong + 1), size=correct.shape, p=frequency / frequency.sum())
    wrong[rng.random(correct.shape) < silent] = -1
    logit = separation * correct + rng.normal(size=correct.shape)
    return Pools(success, correct, np.where(correct, 0, wrong), 1.0 / (1.0 + np.exp(-logit)))


@dataclass(frozen=True, eq=False)
class Planted:
    """Strategy accuracies of which the best is known for each bin and budget."""

    probability: np.ndarray  # float (strategy, budget, problem): true expected accuracy
    accuracy: np.ndarray  # float (strategy, budget, problem): measured with n_draws draws each
    bins: np.ndarray  # int (problem,), 1..n_bins
    best: np.ndarray  # int (bin, budget): the strategy with the highest true accuracy


def planted(
    n_per_bin: int,
    best: np.ndarray,
    n_strategies: int,
    rng: np.random.Generator,
    gain: float = 0.2,
    n_draws: int = 1,
) -> Planted:
    """Every strategy succeeds with 0.4 - 0.05 * bin, the best one of (bin, budget) with `gain` more."""
    n_bins, n_budgets = best.shape
    bins = np.repeat(np.arange(1, n_bins + 1), n_per_bin)
    probability = np.broadcast_to(0.4 - 0.05 * bins, (n_strategies, n_budgets, len(bins))).copy()
    for column in range(n_budgets):
        probability[best[bins - 1, column], column, np.arange(len(bins))] += gain
    accuracy = rng.binomial(n_draws, probability) / n_draws
    return Planted(probability, accuracy, bins, best)
