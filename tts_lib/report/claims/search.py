"""Contrasts of claims 11 and 12: the hardest bin, and what searching does to solutions (§5.2-5.3)."""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from tts_lib.common.strategy import COVERAGE, MAJORITY, WEIGHTED, Strategy
from tts_lib.estimators.intervals import normal_interval
from tts_lib.estimators.per_question import PerQuestion
from tts_lib.report.claims.contrast import Budget, Contrast, generations
from tts_lib.report.claims.findings import Demand, Finding, from_interval, paired
from tts_lib.report.results import NotMeasured, Results
from tts_lib.strategies import choice
from tts_lib.strategies.curves import REMADE

_BEAM = Strategy("beam_4")
_SPLITS = 20  # of the hardest bin's questions into halves


class HardestBin(Contrast):
    """Gain over pass@1, in the hardest bin, of whatever does best there: chosen on one half, judged on the other."""

    kind: Literal["hardest_bin"]
    threshold: float

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        members = results.in_bins([max(results.difficulty["oracle_bin"])])
        known = [one for one in (WEIGHTED, MAJORITY, *map(Strategy, results.search)) if one in results.accuracy]
        n = results.budget(generations(budget), *known)
        accuracy = np.stack([results.of(strategy, n)[members] for strategy in known])[:, None, :]
        weights = results.weights(int(members.sum()))[:REMADE]
        folds = choice.split_folds(np.ones(accuracy.shape[2], dtype=int), _SPLITS, results.generator("hardest-bin"))
        best = choice.best_fixed(accuracy, folds, weights)
        one = results.of(COVERAGE, 1)[members]
        gain = PerQuestion.of(best.accuracy, best.remade).at(0) - PerQuestion(one)
        note = f"chosen most often of {len(known)}: {known[int(best.shares[0, 0].argmax())].name}; "
        note += f"pass@1 {one.mean():.1%}"
        interval = normal_interval(float(gain.each.mean()), float(gain.replicates(weights).std(ddof=1)))
        demand = Demand(demand.direction, demand.margin, self.threshold)
        found = from_interval(interval, len(one), f"N = {n} in the hardest bin", demand, note)
        if 1 - one.mean() <= self.threshold + demand.margin:
            return found.withheld("pass@1 leaves no room for progress")
        return found


class Repetition(Contrast):
    """Change of the share of repeated lines in the solution that beam search chooses."""

    kind: Literal["repetition"]
    since: int

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        low, high, few, many, known = _diagnostic(results, "repetition", self.since, budget)
        note = f"{few[known].mean():.2f} at N = {low}, {many[known].mean():.2f} at {high}"
        return paired((many - few)[known], f"N = {low} to {high}", demand, note + _left_out(known))


class Brevity(Contrast):
    """Change of the share of questions whose finished candidates have on average no more than so many steps."""

    kind: Literal["brevity"]
    since: int
    steps: int

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        low, high, few, many, known = _diagnostic(results, "mean_steps", self.since, budget)
        short = (many[known] <= self.steps).astype(float) - (few[known] <= self.steps)
        note = f"{few[known].mean():.2f} steps at N = {low}, {many[known].mean():.2f} at {high}"
        return paired(short, f"N = {low} to {high}", demand, note + _left_out(known))


def _diagnostic(
    results: Results, column: str, since: int, budget: Budget
) -> tuple[int, int, Float[np.ndarray, " question"], Float[np.ndarray, " question"], Bool[np.ndarray, " question"]]:
    """Two budgets of beam search, the diagnostic at each, and the questions that know both."""
    low, high = results.span(since, generations(budget), _BEAM)
    few, many = (results.diagnostic(_BEAM.rule, column, n) for n in (low, high))
    known = ~np.isnan(few) & ~np.isnan(many)
    if known.sum() < 2:
        raise NotMeasured(f"{column} of {_BEAM.name} is undefined")
    return low, high, few, many, known


def _left_out(known: Bool[np.ndarray, " question"]) -> str:
    n = int((~known).sum())
    return f"; {n} questions without a finished candidate left out" if n else ""
