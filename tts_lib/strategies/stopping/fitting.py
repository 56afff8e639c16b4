"""Stopping rules fitted on validation questions: budgets by bin, Bellman's recursion, conformal risk control."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from tts_lib.common.errors import StudyError
from tts_lib.estimators.difficulty import quantile_binning
from tts_lib.strategies.stopping.rules import Bellman, Budgets, Cells
from tts_lib.strategies.stopping.walks import States

LEAST = 30  # questions that a rule is fitted on
PRICES = tuple(0.064 * 2.0 ** (-k / 2) for k in range(25))  # accuracy a sample: from .064 down to .000016


def too_few(n_questions: int) -> str:
    """What is wrong with so few questions to fit on, and what to change; empty if nothing is."""
    if n_questions >= LEAST:
        return ""
    return (
        f"a stopping rule needs at least {LEAST} validation questions to be fitted on, and there are {n_questions}: "
        "raise their number (n_val), or do with the rules that need no fit"
    )


def fit_budgets(fit: States, prices: Sequence[float], n_bins: int) -> list[Budgets]:
    """For each price the budgets that are best in bins of the prior: highest mean accuracy less the samples' price.

    As Lagrangian relaxation does for single questions (Zhai et al. 2604.14853), by bins (Damani et al. 2410.04707).

    Raises:
        StudyError: too few questions.
    """
    _check(fit.right.shape[1])
    prior = np.zeros(fit.right.shape[1]) if fit.prior is None else fit.prior
    binning = quantile_binning(prior, n_bins)
    bins, curve = binning.assign(prior), fit.curve
    there = [bins == number if (bins == number).any() else bins > 0 for number in range(1, n_bins + 1)]
    curves = np.stack([curve[members].mean(axis=0) for members in there])
    places = [worth(curves, fit.n, price) for price in prices]
    return [Budgets(tuple(fit.n[place] for place in row), binning.edges) for row in places]


def worth(curves: Float[np.ndarray, "row budget"], budgets: Sequence[int], price: float) -> Int[np.ndarray, " row"]:
    """Of each row the place of the budget of most accuracy less its price; of equal ones the smallest."""
    return np.argmax(curves - price * np.array(budgets), axis=1)


def fit_bellman(fit: States, prices: Sequence[float]) -> list[Bellman]:
    """For each price the rule that is optimal on these walks, as far as cells of what is seen tell them apart.

    Backwards from the last number of samples, with the walks that are in a cell: their mean of being right if they stop
    against that of what they come to if they go on, less the price of the samples more, V = max(right, E V' - price).
    E V' is taken over what the walks themselves come to under the rule found so far (Longstaff and Schwartz 2001), and
    not over the cells that they go to, which forget what kind of question it was. What is seen is cut at quartiles of
    these questions; in a cell that none of their walks was in the rule stops.

    Raises:
        StudyError: too few questions.
    """
    _check(fit.right.shape[1])
    known = np.zeros(fit.right.shape[1]) if fit.prior is None else fit.prior
    prior = np.broadcast_to(known[:, None], fit.right.shape[1:])
    of_prior = np.array([]) if fit.prior is None else _cuts(fit.prior)
    pairs = list(zip(fit.share, fit.score, strict=True))
    cells = tuple(Cells(_cuts(share), _cuts(score), of_prior) for share, score in pairs)
    seen = [cell.of(share, score, prior).ravel() for cell, (share, score) in zip(cells, pairs, strict=True)]
    right = fit.right.reshape(len(fit.n), -1).astype(np.float64)
    stop = [np.bincount(at, of, minlength=cell.n) for at, of, cell in zip(seen, right, cells, strict=True)]
    rules: list[Bellman] = []
    for price in prices:
        comes_to, goes_on = right[-1], [np.zeros(cells[-1].n, bool)]
        for place in range(len(fit.n) - 2, -1, -1):
            further = comes_to - price * (fit.n[place + 1] - fit.n[place])
            goes_on.append(np.bincount(seen[place], further, minlength=cells[place].n) > stop[place] + 1e-9)
            comes_to = np.where(goes_on[-1][seen[place]], further, right[place])
        rules.append(Bellman(price, fit.n, cells, tuple(reversed(goes_on))))
    return rules


def within_risk(losses: Float[np.ndarray, "rule question"], risk: float) -> int:
    """The last rule whose risk is controlled (conformal risk control, Angelopoulos et al. 2208.02814).

    Rules stand from the most careful on. A question's loss, 0..1, is taken as the largest of the rules up to each, so
    that it never falls. The expected loss of the chosen rule on a new question is then at most `risk`.

    Args:
        losses: of questions that the rules were not fitted on. The first rule must lose nothing.

    Raises:
        ValueError: the first rule loses something.
    """
    if losses[0].any():
        raise ValueError("the most careful rule must lose nothing: let it never stop early")
    n = losses.shape[1]
    means = np.maximum.accumulate(losses, axis=0).mean(axis=1)
    return int(np.flatnonzero((n * means + 1) / (n + 1) <= risk).max(initial=0))


def _cuts(values: np.ndarray) -> Float[np.ndarray, " cut"]:
    """Quartiles, as nearly as equal values allow."""
    return np.unique(quantile_binning(values.ravel(), 4).edges)


def _check(n_questions: int) -> None:
    if wrong := too_few(n_questions):
        raise StudyError(wrong[0].upper() + wrong[1:] + ".")
