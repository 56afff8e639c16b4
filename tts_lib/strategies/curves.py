"""Accuracy and cost of each way to spend a budget, question by question: single strategies and policies over them.

A curve keeps its values per question, so that any two can be compared in pairs and in any group of questions. The
policies: compute-optimal by cross-validation inside bins (§3.2), the same frozen (bins and choice from validation
questions), and the controls best fixed strategy, random choice and shuffled bins.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tts_lib.common.errors import StudyError
from tts_lib.estimators.difficulty import quantile_binning
from tts_lib.estimators.flops import Sizes
from tts_lib.strategies import choice
from tts_lib.strategies.choice import Allocation
from tts_lib.strategies.outcomes import Outcomes
from tts_lib.strategies.strategy_table import Strategy, StrategyTable

SINGLE = "single"
Generators = Callable[[str], np.random.Generator]  # purpose -> its generator


@dataclass(frozen=True, eq=False)
class Bins:
    """Questions in bins 1..n_bins."""

    of_problem: Int[np.ndarray, " problem"]
    n_bins: int


@dataclass(frozen=True, eq=False)
class Curve:
    """One way to spend a budget; NaN where it is undefined."""

    strategy_set: str
    name: str
    budgets: tuple[int, ...]  # generations
    complete: list[bool]  # per budget: see Outcomes.complete
    accuracy: Float[np.ndarray, "problem budget"]
    policy_tokens: Float[np.ndarray, "problem budget"]
    verifier_tokens: Float[np.ndarray, "problem budget"]
    shares: Float[np.ndarray, "bin budget strategy"] | None = None  # how often each strategy was chosen

    def open(self) -> tuple[tuple[int, ...], Float[np.ndarray, "problem budget"]]:
        """The complete budgets at which it is defined, and the accuracy there."""
        keep = np.array(self.complete) & ~np.isnan(self.accuracy).any(axis=0)
        return tuple(b for b, kept in zip(self.budgets, keep, strict=True) if kept), self.accuracy[:, keep]

    def flops(self, sizes: Sizes, count_verifier: bool) -> Float[np.ndarray, "problem budget"]:
        """2 x parameters x tokens (§7)."""
        return sizes.flops(self.policy_tokens, self.verifier_tokens, count_verifier)


def single_curves(outcomes: Outcomes) -> list[Curve]:
    """Each strategy by itself."""
    tokens = zip(outcomes.policy_tokens, outcomes.verifier_tokens, strict=True)
    return [
        Curve(SINGLE, name, outcomes.budgets, [True] * len(outcomes.budgets), outcomes.of(name), policy.T, verifier.T)
        for name, (policy, verifier) in zip(outcomes.strategies, tokens, strict=True)
    ]


def cross_validated_curves(
    strategy_set: str,
    outcomes: Outcomes,
    binnings: Mapping[str, Bins],
    n_repeats: int,
    generator: Generators,
) -> list[Curve]:
    """Compute-optimal in each binning, and the controls, which use the folds of the first binning.

    Raises:
        StudyError: there is no binning, or no strategy is defined at one of the budgets.
    """
    if not binnings:
        raise StudyError("Cross-validated curves need at least one binning.")
    accuracy, curves = outcomes.accuracy, []
    first = next(iter(binnings.values()))
    for name, bins in binnings.items():
        folds = choice.split_folds(bins.of_problem, n_repeats, generator(f"folds-{name}"))
        result = choice.compute_optimal(accuracy, bins.of_problem, bins.n_bins, folds)
        curves.append(_allocated(strategy_set, f"compute_optimal_{name}", outcomes, result, bins.of_problem))
    folds = choice.split_folds(first.of_problem, n_repeats, generator(f"folds-{next(iter(binnings))}"))
    everyone = np.ones_like(first.of_problem)
    fixed = choice.best_fixed(accuracy, folds)
    curves.append(_allocated(strategy_set, "best_fixed", outcomes, fixed, everyone))
    shuffled = choice.shuffled_bins(accuracy, first.of_problem, first.n_bins, folds, generator("shuffle"))
    curves.append(_allocated(strategy_set, "shuffled_bins", outcomes, shuffled, first.of_problem))
    equal = (~np.isnan(accuracy).any(axis=2)).T.astype(np.float64)[None]
    drawn = Allocation(choice.random_choice(accuracy), equal / equal.sum(axis=2, keepdims=True))
    curves.append(_allocated(strategy_set, "random_choice", outcomes, drawn, everyone))
    return curves


def fit_frozen(
    fit: Outcomes,
    score: Float[np.ndarray, " problem"],
    n_bins: int,
    strategies: tuple[Strategy, ...],
    difficulty: str,
    models: Mapping[str, str],
    n_probe: int = 0,
) -> StrategyTable:
    """The strategy table of these (validation) questions, in quantile bins of their difficulty score.

    One bin makes it the best fixed strategy.
    """
    edges = quantile_binning(score, n_bins).edges if n_bins > 1 else ()
    return choice.fit_table(fit.accuracy, score, edges, strategies, fit.budgets, difficulty, models, n_probe)


def frozen_curve(
    strategy_set: str,
    name: str,
    table: StrategyTable,
    outcomes: Outcomes,
    score: Float[np.ndarray, " problem"],
) -> Curve:
    """A table fitted elsewhere, applied to these questions."""
    values = (outcomes.accuracy, outcomes.policy_tokens, outcomes.verifier_tokens)
    accuracy, policy, verifier = (choice.frozen_accuracy(table, array, score) for array in values)
    shares = np.eye(len(table.strategies))[np.array(table.choices)]
    return Curve(strategy_set, name, outcomes.budgets, outcomes.complete(), accuracy, policy, verifier, shares)


def at_budget(
    values: Float[np.ndarray, "problem budget"], budgets: tuple[int, ...], at: float
) -> Float[np.ndarray, " problem"]:
    """Values between the budgets, linear in log budget; NaN outside them."""
    if not budgets[0] <= at <= budgets[-1]:
        return np.full(len(values), np.nan)
    place = float(np.interp(np.log(at), np.log(budgets), np.arange(len(budgets))))
    left = min(int(place), len(budgets) - 2) if len(budgets) > 1 else 0
    right = min(left + 1, len(budgets) - 1)
    return values[:, left] * (1 - (place - left)) + values[:, right] * (place - left)


def _allocated(
    strategy_set: str, name: str, outcomes: Outcomes, result: Allocation, bins: Int[np.ndarray, " problem"]
) -> Curve:
    """A cross-validated policy; a question's expected tokens follow the shares of its bin."""
    shares = result.shares[bins - 1]  # (problem, budget, strategy)
    policy, verifier = (
        np.einsum("pbs,sbp->pb", shares, np.nan_to_num(tokens))
        for tokens in (outcomes.policy_tokens, outcomes.verifier_tokens)
    )
    complete = outcomes.complete()
    return Curve(strategy_set, name, outcomes.budgets, complete, result.accuracy, policy, verifier, result.shares)
