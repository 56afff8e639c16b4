"""What a claim may be about: the base of all contrasts, and those that most claims share, of two strategies."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from tts_lib.common.section import Section
from tts_lib.common.strategy import Strategy
from tts_lib.report.claims.findings import Demand, Finding, paired, points
from tts_lib.report.results import Results

Budget = int | Literal["largest", "matched"]  # generations, or attempts of a chain
LARGEST = 2**16  # of any grid
SHOWN = (4, 16, 64, 256)  # budgets of a note


class Of(Section):
    """A strategy by its fields (`tts_lib.common.strategy`)."""

    rule: str
    score: str = ""
    length: int = 0
    binning: str = ""
    frozen: bool = False
    at: float = 0.0

    @property
    def strategy(self) -> Strategy:
        return Strategy(**self.model_dump())


class Contrast(Section, ABC):
    """A figure that a claim is judged on."""

    @abstractmethod
    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        """The figure at this budget, judged.

        Raises:
            NotMeasured: the study has no data on it.
        """


class Difference(Contrast):
    """Accuracy of a minus that of b at equal budget, on all questions or some oracle bins.

    At the budget named, or the next smaller one that both know; with `average` the mean over all that both know.
    """

    kind: Literal["difference"]
    a: Of
    b: Of
    bins: list[int] = Field(default_factory=list[int])
    average: bool = False

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        a, b = self.a.strategy, self.b.strategy
        budgets, members, place = results.budgets(a, b), *chosen(results, self.bins)
        by_budget = {n: (results.of(a, n) - results.of(b, n))[members] for n in budgets}
        if self.average:
            mean = np.mean(list(by_budget.values()), axis=0)
            at = f"mean over N = {budgets[0]}..{budgets[-1]}{place}"
            return paired(mean, at, demand, note=elsewhere(by_budget, budgets))
        n = results.budget(generations(budget), a, b)
        note = elsewhere(by_budget, [other for other in SHOWN if other in by_budget and other != n])
        reference = float(results.of(b, n)[members].mean())
        return paired(by_budget[n], f"N = {n}{place}", demand, note, comparator=reference)


class Growth(Contrast):
    """How much a's accuracy, or its lead over b, changes from the budget `since` on."""

    kind: Literal["growth"]
    a: Of
    b: Of | None = None
    since: int
    bins: list[int] = Field(default_factory=list[int])

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        a, b = self.a.strategy, None if self.b is None else self.b.strategy
        low, high = results.span(self.since, generations(budget), *([a] if b is None else [a, b]))
        members, place = chosen(results, self.bins)

        def lead(n: int) -> Float[np.ndarray, " question"]:
            return results.of(a, n) - (0.0 if b is None else results.of(b, n))

        return paired((lead(high) - lead(low))[members], f"N = {low} to {high}{place}", demand)


def generations(budget: Budget) -> int:
    """The budget as a number; the largest of a grid is no larger than this."""
    return budget if isinstance(budget, int) else LARGEST


def chosen(results: Results, bins: Sequence[int]) -> tuple[np.ndarray, str]:
    """Which questions lie in these oracle bins (all, if none are named), and words for it."""
    if not bins:
        return np.ones(results.n_questions, dtype=bool), ""
    return results.in_bins(bins), f" in bins {bins[0]}-{bins[-1]}"


def elsewhere(by_budget: dict[int, Float[np.ndarray, " question"]], budgets: Sequence[int]) -> str:
    """The same difference at other budgets, in points, without intervals."""
    if not budgets:
        return ""
    return "by N: " + ", ".join(f"{points(by_budget[n].mean())} at {n}" for n in budgets)
