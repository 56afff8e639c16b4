"""The compute-optimal choice (§3.1, Eq. 1 by difficulty bins): cross-validated, its controls, and frozen.

A choice is the rule from difficulty and budget to a strategy, the paper's θ*. Input is an accuracy array (strategy,
budget, problem): expected accuracy per question, NaN for all questions where a strategy is not defined at a budget. The
caller puts each strategy at its true cost (lookahead: N(k+1)). Of equally good strategies the first wins, so list them
from the simplest on. Bins count from 1 (easiest).

Two rules choose. The paper's takes the strategy of highest mean in the bin (`argmax`): with many strategies and few
questions a bin it picks luck, and can lose to one strategy for all. The default (`shrunken`) believes a bin only as far
as its difference from the others is larger than noise.

With bootstrap weights of the questions the choice is made anew in each resample, on the same folds: a question drawn
twice stays in one of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int

from tts_lib.estimators.per_question import Remade
from tts_lib.strategies.strategy_table import Method, StrategyTable

Counts = Float[np.ndarray, "resample problem"]  # how often each question was drawn
Members = Bool[np.ndarray, "bin problem"]  # the questions of each bin to choose on
Values = Float[np.ndarray, "resample bin strategy budget"]
Accuracy = Float[np.ndarray, "strategy budget problem"]
Rule = Callable[[Accuracy], Callable[[Counts, Members], Values]]  # of these strategies, on questions that were drawn
REPEATS_REMADE = 6  # splits into folds on which a choice is made anew in each resample


@dataclass(frozen=True, eq=False)
class Choice:
    """What a choice attains on each question, made without that question's fold."""

    accuracy: Float[np.ndarray, "problem budget"]  # mean over the repeated splits
    shares: Float[np.ndarray, "bin budget strategy"]  # how often each was chosen, over folds and repeats
    remade: Remade | None = None  # made anew in each resample


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


def argmax(accuracy: Accuracy) -> Callable[[Counts, Members], Values]:
    """The paper's rule: mean accuracy of each strategy in each bin; in an empty bin that over all bins."""
    return partial(_means, _by_question(np.nan_to_num(accuracy)))


def shrunken(accuracy: Accuracy) -> Callable[[Counts, Members], Values]:
    """The default rule: each strategy's mean in a bin, drawn towards its mean over all bins by empirical Bayes.

    With D a strategy's mean lead over the average of all strategies on the same questions, m its value over all bins,
    R = D - m that of one bin and V the variance of D over questions (runs of a search included), the variance of a
    strategy's true R is tau^2 = max(0, mean R^2 B/(B - 1) - mean V) over its budgets and the B bins, and its value is
    m + R tau^2 / (tau^2 + V). Where no strategy depends on difficulty this chooses the best fixed one.
    """
    defined = _known_somewhere(accuracy)
    filled = np.where(defined[:, :, None], accuracy, 0.0)
    lead = np.where(defined[:, :, None], filled - filled.sum(axis=0) / defined.sum(axis=0)[:, None], 0.0)
    leads, squared = _by_question(lead), _by_question(lead**2)

    def values(counts: Counts, members: Members) -> Values:
        n = np.stack([counts[:, row].sum(axis=1) for row in members], axis=1)[..., None, None]  # (resample, bin, 1, 1)
        means, squares = _means(leads, counts, members), _means(squared, counts, members)
        overall = (n * means).sum(axis=1, keepdims=True) / n.sum(axis=1, keepdims=True)
        own, several = means - overall, n > 1.5
        noise = np.maximum(squares - means**2, 0.0) / np.maximum(n - 1, 1)
        n_bins = several.sum(axis=1, keepdims=True)
        excess = np.where(several & defined, own**2 * n_bins / np.maximum(n_bins - 1, 1) - noise, 0.0)
        n_cells = np.maximum(n_bins * defined.sum(axis=1)[:, None], 1)
        spread = np.maximum(excess.sum(axis=(1, 3), keepdims=True) / n_cells, 0.0)
        total = np.where(several, spread + noise, np.inf)
        return overall + own * np.divide(spread, total, out=np.zeros(own.shape), where=total > 0)

    return values


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
    defined = _known_somewhere(accuracy)
    return (np.where(defined[:, :, None], accuracy, 0.0).sum(axis=0) / defined.sum(axis=0)[:, None]).T


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
    choices = _chooser(accuracy, shrunken)(once, members)[0]
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
    choices = _chooser(fit, shrunken)(weights_fit * len(bins_fit), members)
    if not known(accuracy)[choices[:, np.unique(bins) - 1], np.arange(accuracy.shape[1])].all():
        raise ValueError("a resample chooses a strategy that is not defined (NaN) in the accuracy")
    return Remade(accuracy, bins[None] - 1, choices[None])


def _by_question(values: Accuracy) -> Float[np.ndarray, "problem strategy budget"]:
    """The same with each question's values side by side, as sums over some questions read them."""
    return np.ascontiguousarray(np.moveaxis(values, 2, 0))


def _means(values: Float[np.ndarray, "problem strategy budget"], counts: Counts, members: Members) -> Values:
    """Mean in each bin; in an empty bin that over all bins."""
    flat = values.reshape(len(values), -1)
    sums = np.stack([counts[:, row] @ flat[row] for row in members], axis=1)
    n = np.stack([counts[:, row].sum(axis=1) for row in members], axis=1)[..., None]
    empty = n == 0
    sums = np.where(empty, sums.sum(axis=1, keepdims=True), sums)
    n = np.where(empty, n.sum(axis=1, keepdims=True), n)
    return (sums / n).reshape(*sums.shape[:2], *values.shape[1:])


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
    choose, names = _chooser(accuracy, rule), np.arange(1, n_bins + 1)[:, None]
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
    choose, names = _chooser(accuracy, rule), np.arange(1, n_bins + 1)[:, None]
    drawn, taken = weights * accuracy.shape[2], []
    for fold, bins_now in zip(folds, bins, strict=True):
        halves = []
        for training in (fold, ~fold):
            counts = np.where(drawn[:, training].sum(axis=1, keepdims=True) > 0, drawn, 1.0)
            halves.append(choose(counts, (bins_now == names) & training))
        taken.append(np.concatenate(halves, axis=1).astype(np.int16))
    return np.stack(taken)


def _chooser(accuracy: Accuracy, rule: Rule) -> Callable[[Counts, Members], Int[np.ndarray, "resample bin budget"]]:
    """Finds the best strategy of each bin; values equal to 1e-12 count as equal."""
    defined, values = _known_somewhere(accuracy), rule(accuracy)

    def choose(counts: Counts, members: Members) -> Int[np.ndarray, "resample bin budget"]:
        if not members.any():
            raise ValueError("a fold has no questions to choose a strategy on")
        return np.where(defined, np.round(values(counts, members), 12), -np.inf).argmax(axis=2)

    return choose


def _known_somewhere(accuracy: Float[np.ndarray, "strategy budget problem"]) -> Bool[np.ndarray, "strategy budget"]:
    """As `known`, where every budget has a strategy to choose."""
    found = known(accuracy)
    if not found.any(axis=0).all():
        raise ValueError("a budget has no strategy that is defined (not NaN)")
    return found
