"""What a claim is, and the checks that most of them share: paired contrasts of two strategies on the same questions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tts_lib.common.strategy import Strategy
from tts_lib.report.claims.findings import Demand, Finding, paired, points
from tts_lib.report.results import Results

FEW, MIDDLE, MANY = 16, 64, 256  # generations: the primary budgets
LARGEST = 2**16  # of any grid

Check = Callable[[Results], Finding]


@dataclass(frozen=True)
class Claim:
    """One claim of the paper, how it is measured and judged here, and the paper's own value."""

    number: str  # of the list of claims, with a letter where a claim has parts
    claim: str
    measure: str
    paper: str
    check: Check


def contrast(
    a: Strategy, b: Strategy, wanted: int, demand: Demand, bins: Sequence[int] = (), average: bool = False
) -> Check:
    """Accuracy of a minus that of b at equal budget, on all questions or some oracle bins.

    At the budget `wanted`, or, with `average`, the mean over all budgets at which both were run.
    """

    def check(results: Results) -> Finding:
        budgets = results.budgets(a, b)
        members = results.in_bins(bins) if bins else np.ones(results.n_questions, dtype=bool)
        by_budget = {n: (results.of(a, n) - results.of(b, n))[members] for n in budgets}
        place = f" in bins {bins[0]}-{bins[-1]}" if bins else ""
        if average:
            mean = np.mean(list(by_budget.values()), axis=0)
            at, others = f"mean over N = {budgets[0]}..{budgets[-1]}{place}", budgets
            return paired(results, mean, at, demand, note=elsewhere(by_budget, others))
        n = results.budget(wanted, a, b)
        others = [other for other in (4, FEW, MIDDLE, MANY) if other in by_budget and other != n]
        note = elsewhere(by_budget, others)
        return paired(results, by_budget[n], f"N = {n}{place}", demand, note=note)

    return check


def growth(a: Strategy, b: Strategy | None, first: int, last: int, demand: Demand, bins: Sequence[int] = ()) -> Check:
    """How much a's accuracy, or its lead over b, changes from the budget `first` to `last`."""

    def check(results: Results) -> Finding:
        low, high = results.span(first, last, *([a] if b is None else [a, b]))
        members = results.in_bins(bins) if bins else np.ones(results.n_questions, dtype=bool)

        def lead(n: int) -> Float[np.ndarray, " question"]:
            return results.of(a, n) - (0.0 if b is None else results.of(b, n))

        place = f" in bins {bins[0]}-{bins[-1]}" if bins else ""
        return paired(results, (lead(high) - lead(low))[members], f"N = {low} to {high}{place}", demand)

    return check


def elsewhere(by_budget: dict[int, Float[np.ndarray, " question"]], budgets: Sequence[int]) -> str:
    """The same difference at other budgets, in points, without intervals."""
    if not budgets:
        return ""
    return "by N: " + ", ".join(f"{points(by_budget[n].mean())} at {n}" for n in budgets)
