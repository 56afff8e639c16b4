"""Expected accuracy of a selection rule at every budget, from one pool of samples per question.

Arrays are (problem, sample). Every figure is an average over *all* subsets of a given size of a question's pool:
in closed form for pass@k and best-of-N, by enumeration or by many resamples (with their Monte-Carlo error) for votes.
Pools may be ragged: entries of row q from n_samples[q] on are never read. Problem order changes no result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import comb, prod

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from scipy.sparse import coo_array

ENUMERATE_UP_TO = 4096  # subsets of one pool that are enumerated rather than resampled
_SUMS_AT_ONCE = 1_000_000  # of votes: of several methods, so long as that is no more memory than a cache
_SCORE_BITS = 40  # vote weights are kept to 2^-40 of the question's largest, so that their sums are exact


@dataclass(frozen=True, eq=False)
class VoteEstimate:
    """Expected accuracy of a vote, with the Monte-Carlo standard errors of the resampling (0 where enumerated)."""

    accuracy: Float[np.ndarray, "problem budget"]
    standard_error: Float[np.ndarray, "problem budget"]
    mean_standard_error: Float[np.ndarray, " budget"]  # of the mean over problems


@dataclass(frozen=True)
class _Draw:
    """Subsets of one pool: column s holds the samples of subset s, the first `budgets[b]` of them for budget b."""

    columns: list[int]  # position of each budget in the caller's list
    budgets: list[int]  # ascending
    subsets: Int[np.ndarray, "position subset"]
    first: Int[np.ndarray, " position"]  # the first budget that reaches the position
    resampled: bool


def pass_at_k(
    n_correct: Int[np.ndarray, " problem"], n_samples: int | Int[np.ndarray, " problem"], k: int
) -> Float[np.ndarray, " problem"]:
    """Unbiased pass@k per problem (Chen et al. 2021, Eq. 1): 1 - C(n - c, k) / C(n, k).

    Probability that k of the n_samples drawn without replacement contain a correct one.

    Raises:
        ValueError: k < 1; k > n_samples (the estimate is undefined, not 1); n_correct outside 0..n_samples.
    """
    n = np.broadcast_to(np.asarray(n_samples), n_correct.shape)
    _check_budget(k, n)
    if (n_correct < 0).any() or (n_correct > n).any():
        raise ValueError("n_correct must lie between 0 and n_samples for every problem")
    drawn = np.arange(k)
    factors = np.maximum(n[:, None] - n_correct[:, None] - drawn, 0) / (n[:, None] - drawn)
    return 1.0 - factors.prod(axis=1)


def coverage(
    n_correct: Int[np.ndarray, " problem"], n_samples: int | Int[np.ndarray, " problem"], budgets: Sequence[int]
) -> Float[np.ndarray, "problem budget"]:
    """pass@k at each budget: the accuracy of a perfect verifier. Its mean over problems is the coverage.

    Raises:
        ValueError: as `pass_at_k`.
    """
    return np.stack([pass_at_k(n_correct, n_samples, k) for k in budgets], axis=1)


def best_of_n(
    correct: Bool[np.ndarray, "problem sample"],
    scores: Float[np.ndarray, "problem sample"],
    budgets: Sequence[int],
    n_samples: Int[np.ndarray, " problem"] | None = None,
) -> Float[np.ndarray, "problem budget"]:
    """Expected correctness of the highest-scored of N samples, over all subsets of size N of each pool (§5.1).

    Raises:
        ValueError: a budget < 1 or above a problem's number of samples; a score that is not a number.
    """
    return _of_the_highest(correct.astype(np.float64), scores, budgets, n_samples)


def longest(
    lengths: Float[np.ndarray, "problem sample"],
    budgets: Sequence[int],
    n_samples: Int[np.ndarray, " problem"] | None = None,
) -> Float[np.ndarray, "problem budget"]:
    """Expected tokens of the longest of N samples, over all subsets of size N of each pool.

    Raises:
        ValueError: a budget < 1 or above a problem's number of samples; a length that is not a number.
    """
    return _of_the_highest(lengths, lengths, budgets, n_samples)


def _of_the_highest(
    values: Float[np.ndarray, "problem sample"],
    scores: Float[np.ndarray, "problem sample"],
    budgets: Sequence[int],
    n_samples: Int[np.ndarray, " problem"] | None,
) -> Float[np.ndarray, "problem budget"]:
    """Expected value of the highest-scored of N samples, over all subsets of size N of each pool.

    With scores in ascending order, at most m samples lie at or below the chosen one in C(m, N) of the C(n, N) subsets;
    the sample of rank m is chosen in C(m, N) - C(m - 1, N) of them. Equal scores share their chance uniformly.
    """
    n = _pool_sizes(values, n_samples)
    for budget in budgets:
        _check_budget(budget, n)
    used = np.arange(values.shape[1]) < n[:, None]
    if np.isnan(scores[used]).any():
        raise ValueError("scores must not be NaN within n_samples")
    ordered = np.where(used, scores, np.inf)
    order = np.lexsort((~used, ordered), axis=1)  # unused entries last, also behind scores of +inf
    ordered = np.take_along_axis(ordered, order, axis=1)
    hits = np.take_along_axis(np.where(used, values, 0.0), order, axis=1)
    # Mean value within each group of equal scores (a group never crosses a problem or the end of its pool).
    new_group = np.ones_like(used)
    new_group[:, 1:] = (ordered[:, 1:] != ordered[:, :-1]) | (used[:, 1:] != used[:, :-1])
    starts = np.flatnonzero(new_group)
    sizes = np.diff(np.append(starts, new_group.size))
    group_mean = np.add.reduceat(hits.ravel(), starts) / sizes
    hit_rate = np.repeat(group_mean, sizes).reshape(hits.shape)

    rank = np.arange(1, values.shape[1] + 1)
    result = np.empty((len(values), len(budgets)))
    sizes, size_of = np.unique(n, return_inverse=True)  # of pools: most are as large as the others
    for column, budget in enumerate(budgets):
        # reach[m] = C(m, N) / C(n, N) by the recurrence C(m - 1, N) = C(m, N) (m - N) / m, from m = n downwards.
        within = rank <= sizes[:, None]
        shrink = np.where(within, np.maximum(rank - budget, 0) / rank, 1.0)
        reach = np.ones_like(shrink)
        reach[:, :-1] = np.cumprod(shrink[:, :0:-1], axis=1)[:, ::-1]
        chosen = np.where(within, reach * np.minimum(budget / rank, 1.0), 0.0)
        result[:, column] = (chosen[size_of] * hit_rate).sum(axis=1)
    return result


def vote(
    correct: Bool[np.ndarray, "problem sample"],
    answers: Int[np.ndarray, "problem sample"],
    weights: Mapping[str, Float[np.ndarray, "problem sample"] | None],
    budgets: Sequence[int],
    rng: np.random.Generator,
    n_resamples: int = 200,
    n_samples: Int[np.ndarray, " problem"] | None = None,
) -> dict[str, VoteEstimate]:
    """Expected accuracy of majority (weights None) and weighted votes over subsets of size N of each pool (§5.1).

    A vote sums the weights of the samples that share an answer and takes the answer of the largest sum; equal sums
    share it uniformly. Answer -1 (none) does not vote, and a subset without a vote is wrong. Weights count to 2^-40 of
    the question's largest and at least that much, so equal sums are found exactly.

    Where a pool has at most 4096 (or n) subsets of size N, all are enumerated. Elsewhere n_resamples permutations are
    drawn, whose first N entries are the subset for budget N: one set for all budgets, methods and problems, so that
    methods are compared on the same subsets. `mean_standard_error` takes this sharing into account.

    Args:
        weights: per method the samples' scores (>= 0), or None for one vote each.

    Raises:
        ValueError: a budget < 1 or above a problem's number of samples; n_resamples < 2; a negative or undefined
            weight; samples of one answer of which some are correct and some are not; a correct sample without answer.
    """
    n = _pool_sizes(correct, n_samples)
    for budget in budgets:
        _check_budget(budget, n)
    if n_resamples < 2:
        raise ValueError(f"n_resamples is {n_resamples}: at least 2 are needed for a Monte-Carlo error")
    keys = rng.random((n_resamples, correct.shape[1]))
    draws = {int(size): _draws(int(size), budgets, keys) for size in np.unique(n)}
    shape = (len(correct), len(budgets), len(weights))
    accuracy, error = np.zeros(shape), np.zeros(shape)
    totals = np.zeros((len(budgets), n_resamples, len(weights)))
    for problem, size in enumerate(n.tolist()):
        classes, n_right, votes = _classes(correct[problem, :size], answers[problem, :size], problem)
        if n_right == 0:
            continue  # no subset can be right
        ballots = [
            votes if scores is None else _exact_weights(scores[problem, :size], votes, problem)
            for scores in weights.values()
        ]
        for draw in draws[size]:
            outcome = _outcomes(draw, classes, n_right, np.stack(ballots, axis=1))
            accuracy[problem, draw.columns] = outcome.mean(axis=1)
            if draw.resampled:
                error[problem, draw.columns] = outcome.std(axis=1, ddof=1) / np.sqrt(n_resamples)
                totals[draw.columns] += outcome / len(n)
    of_mean = totals.std(axis=1, ddof=1) / np.sqrt(n_resamples)
    return {
        name: VoteEstimate(accuracy[..., method], error[..., method], of_mean[:, method])
        for method, name in enumerate(weights)
    }


def _draws(n: int, budgets: Sequence[int], keys: Float[np.ndarray, "resample sample"]) -> list[_Draw]:
    """The subsets of a pool of n samples: all of them for a budget that has few, permutations for the others."""
    draws: list[_Draw] = []
    ordered = sorted((budget, column) for column, budget in enumerate(budgets))
    sampled = [pair for pair in ordered if comb(n, pair[0]) > max(n, ENUMERATE_UP_TO)]
    for budget, column in ordered:
        if (budget, column) not in sampled:
            subsets = np.array(list(combinations(range(n), budget)), dtype=np.intp).T
            draws.append(_Draw([column], [budget], subsets, np.zeros(budget, dtype=np.intp), resampled=False))
    if sampled:
        sizes, columns = [budget for budget, _ in sampled], [column for _, column in sampled]
        subsets = np.ascontiguousarray(np.argsort(keys[:, :n], axis=1)[:, : sizes[-1]].T)
        first = np.searchsorted(sizes, np.arange(sizes[-1]), side="right")
        draws.append(_Draw(columns, sizes, subsets, first, resampled=True))
    return draws


def _outcomes(
    draw: _Draw,
    classes: Int[np.ndarray, " sample"],
    n_right: int,
    ballots: Float[np.ndarray, "sample method"],
) -> Float[np.ndarray, "budget subset method"]:
    """Expected correctness of the vote of each subset: the correct share of the answers with the largest sum.

    Args:
        n_right: so many classes are correct, the first ones.
    """
    n_subsets, n_classes, samples = draw.subsets.shape[1], int(classes.max()) + 1, draw.subsets.ravel()
    # Where each sample of each subset is counted: by the first budget that reaches it, its answer, the subset.
    cells = (draw.first[:, None] * n_classes + classes[draw.subsets]) * n_subsets + np.arange(n_subsets)
    shape = (len(draw.budgets), n_classes, n_subsets)
    counted = coo_array((np.ones(len(samples)), (cells.ravel(), samples)), shape=(prod(shape), len(ballots)))
    at_once = max(1, _SUMS_AT_ONCE // prod(shape))
    outcomes = []
    for start in range(0, ballots.shape[1], at_once):
        sums = (counted @ ballots[:, start : start + at_once]).reshape(*shape, -1)
        for less, more in pairwise(sums):
            more += less
        right, wrong = sums[:, :n_right].max(axis=1), sums[:, n_right:].max(axis=1, initial=0.0)
        outcome = (right > wrong).astype(np.float64)
        tied = np.nonzero((right == wrong) & (right > 0))
        leads = sums[tied[0], :, tied[1], tied[2]] == right[tied][:, None]
        outcome[tied] = leads[:, :n_right].sum(axis=1) / leads.sum(axis=1)
        outcomes.append(outcome)
    return np.concatenate(outcomes, axis=2)


def _classes(
    correct: Bool[np.ndarray, " sample"], answers: Int[np.ndarray, " sample"], problem: int
) -> tuple[Int[np.ndarray, " sample"], int, Float[np.ndarray, " sample"]]:
    """Answers as 0..n_classes-1, correct ones first; how many those are; one vote a sample (0 without an answer)."""
    voting = answers >= 0
    names, classes = np.unique(answers, return_inverse=True)
    n_correct = np.bincount(classes, correct, minlength=len(names))
    if (mixed := (n_correct > 0) & (n_correct < np.bincount(classes))).any():
        raise ValueError(
            f"problem {problem}, answer class {names[np.argmax(mixed)]}: some of its samples are correct and some are "
            "not; equivalent answers must be graded alike"
        )
    if (correct & ~voting).any():
        raise ValueError(f"problem {problem}: a sample without an answer (class -1) is marked correct")
    places = np.argsort(np.argsort(n_correct == 0, kind="stable"))
    return places[classes], int((n_correct > 0).sum()), voting.astype(np.float64)


def _exact_weights(
    scores: Float[np.ndarray, " sample"], votes: Float[np.ndarray, " sample"], problem: int
) -> Float[np.ndarray, " sample"]:
    """Scores as whole multiples of 2^-40 of the largest (at least one): their sums are exact in any order."""
    if not (np.isfinite(scores).all() and (scores >= 0).all()):
        raise ValueError(f"problem {problem}: vote weights must be finite and >= 0")
    exponent = np.frexp(scores.max())[1]
    return votes * np.maximum(np.rint(np.ldexp(scores.astype(np.float64), _SCORE_BITS - exponent)), 1.0)


def _pool_sizes(
    values: Shaped[np.ndarray, "problem sample"], n_samples: Int[np.ndarray, " problem"] | None
) -> Int[np.ndarray, " problem"]:
    """Samples of each problem, checked against the array's width."""
    n = np.full(len(values), values.shape[1]) if n_samples is None else n_samples
    if (n < 1).any() or (n > values.shape[1]).any():
        raise ValueError(f"n_samples must lie in 1..{values.shape[1]}, the width of the pool, for every problem")
    return n


def _check_budget(budget: int, n: Int[np.ndarray, " problem"]) -> None:
    if budget < 1 or (len(n) and budget > n.min()):
        smallest = int(n.min()) if len(n) else 0
        raise ValueError(f"budget {budget} is outside 1..{smallest}, the samples of the smallest pool")
