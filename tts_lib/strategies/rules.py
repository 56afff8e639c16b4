"""What is best in a bin (§3.1, Eq. 1): two rules from what strategies attain on some questions to the value of each.

An accuracy array (strategy, budget, problem) holds expected accuracy per question, NaN for all questions where a
strategy is not defined at a budget. The caller puts each strategy at its true cost (lookahead: N(k+1)). Of equally good
strategies the first wins, so list them from the simplest on. Bins count from 1 (easiest).

The paper's rule takes the strategy of highest mean in the bin (`argmax`): with many strategies and few questions a bin
it picks luck, and can lose to one strategy for all. The default (`shrunken`) believes a bin only as far as its
difference from the others is larger than noise.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

Counts = Float[np.ndarray, "resample problem"]  # how often each question was drawn
Members = Bool[np.ndarray, "bin problem"]  # the questions of each bin to choose on
Values = Float[np.ndarray, "resample bin strategy budget"]
Accuracy = Float[np.ndarray, "strategy budget problem"]
Rule = Callable[[Accuracy], Callable[[Counts, Members], Values]]  # of these strategies, on questions that were drawn


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


def known_somewhere(accuracy: Float[np.ndarray, "strategy budget problem"]) -> Bool[np.ndarray, "strategy budget"]:
    """As `known`, where every budget has a strategy to choose."""
    found = known(accuracy)
    if not found.any(axis=0).all():
        raise ValueError("a budget has no strategy that is defined (not NaN)")
    return found


def argmax(accuracy: Accuracy) -> Callable[[Counts, Members], Values]:
    """The paper's rule: mean accuracy of each strategy in each bin; in an empty bin that over all bins."""
    columns = _by_question(np.nan_to_num(accuracy))

    def values(counts: Counts, members: Members) -> Values:
        means, _ = _means(columns, counts, members)
        return means.reshape(*means.shape[:2], *accuracy.shape[:2])

    return values


def shrunken(accuracy: Accuracy) -> Callable[[Counts, Members], Values]:
    """The default rule: each strategy's mean in a bin, drawn towards its mean over all bins by empirical Bayes.

    With D a strategy's mean lead over the average of all strategies on the same questions, m its value over all bins,
    R = D - m that of one bin and V the variance of D over questions (runs of a search included), the variance of a
    strategy's true R is tau^2 = max(0, mean R^2 B/(B - 1) - mean V) over its budgets and the B bins, and its value is
    m + R tau^2 / (tau^2 + V). Where no strategy depends on difficulty this chooses the best fixed one.
    """
    defined = known_somewhere(accuracy)
    filled = np.where(defined[:, :, None], accuracy, 0.0)
    lead = np.where(defined[:, :, None], filled - filled.sum(axis=0) / defined.sum(axis=0)[:, None], 0.0)
    columns = np.hstack([_by_question(lead), _by_question(lead**2)])

    def values(counts: Counts, members: Members) -> Values:
        both, n = _means(columns, counts, members)
        means, squares = np.moveaxis(both.reshape(*both.shape[:2], 2, *accuracy.shape[:2]), 2, 0)
        n = n[..., None]
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


def chooser(accuracy: Accuracy, rule: Rule) -> Callable[[Counts, Members], Int[np.ndarray, "resample bin budget"]]:
    """Finds the best strategy of each bin; values equal to 1e-12 count as equal."""
    defined, values = known_somewhere(accuracy), rule(accuracy)

    def choose(counts: Counts, members: Members) -> Int[np.ndarray, "resample bin budget"]:
        if not members.any():
            raise ValueError("a fold has no questions to choose a strategy on")
        return np.where(defined, np.round(values(counts, members), 12), -np.inf).argmax(axis=2)

    return choose


def _by_question(values: Accuracy) -> Float[np.ndarray, "problem column"]:
    """The same with each question's values side by side, as sums over some questions read them."""
    return np.ascontiguousarray(values.reshape(-1, values.shape[2]).T)


def _means(
    columns: Float[np.ndarray, "problem column"], counts: Counts, members: Members
) -> tuple[Float[np.ndarray, "resample bin column"], Float[np.ndarray, "resample bin 1"]]:
    """Mean of each column in each bin, in an empty bin that over all bins; and how many questions were drawn there."""
    drawn = [counts.T[row] for row in members]
    sums = np.stack([each.T @ columns[row] for each, row in zip(drawn, members, strict=True)], axis=1)
    n = np.stack([each.sum(axis=0) for each in drawn], axis=1)[..., None]
    of_all, empty = n.sum(axis=1, keepdims=True), n == 0
    if empty.any():
        sums = np.where(empty, sums.sum(axis=1, keepdims=True), sums)
    return sums / np.where(empty, of_all, n), n
