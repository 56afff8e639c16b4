"""Contrasts of claims 13-17, 23, 28-31: the compute-optimal choice, what difficulty costs, the large model (§3, §5-7).

Judged on the tables of the analysis. A set `primary` is the paper's (ICLR), best-of-N weighted and beam search with
M = 4, or, in a study without that search, all there are.
"""

from dataclasses import replace
from typing import Any, Literal

import pandas as pd

from tts_lib.common.strategy import BEST_FIXED, SHUFFLED_BINS, Strategy
from tts_lib.estimators.intervals import Interval
from tts_lib.report.claims.contrast import SHOWN, Budget, Contrast, Of, generations
from tts_lib.report.claims.findings import Demand, Finding, from_interval, from_ratio, in_points, points
from tts_lib.report.results import NotMeasured, Results

Menu = Literal["primary", "paper", "all", "revisions", "both", "tuned", "single"]
_ROUNDING = 1e-9
_SIGNS = {"exact": "", "at_least": "≥ ", "at_most": "≤ "}


class Cheaper(Contrast):
    """Times fewer generations than the baseline for its accuracy, never without its controls.

    Beside it stand the same ratio of the best fixed strategy and of shuffled bins, in which difficulty says nothing,
    and the difference in points at equal generations, over the baseline and over the best fixed strategy.
    """

    kind: Literal["cheaper"]
    menu: Menu
    choice: Of
    baseline: Of
    threshold: float

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        results.check_bins(self.choice.binning)
        rival, menu = self.baseline.strategy, _menu(results, self.menu)
        where = {"strategy_set": menu, "baseline": rival.name, "unit": "generations"}
        frame = results.rows("compute_optimal/iso", strategy=self.choice.strategy.name, **where)
        row = nearest(frame, "budget", generations(budget))
        bounds, at = (row["bound"], row["low_bound"], row["high_bound"]), row["budget"]
        demand = Demand(demand.direction, demand.margin, self.threshold)
        found = from_ratio(row["ratio"], row["low"], row["high"], bounds, f"{rival.label} at N = {at}", demand)
        if earlier := _earlier(results, rival, at):
            reason = f"{rival.label} is as often right at N = {earlier} already, {at / earlier:.3g}× fewer than itself"
            found = found.withheld(reason)
        others = [f"{r['ratio']:.2g}× at {r['budget']}" for r in frame.to_dict("records") if r["budget"] != at]
        note = "by N: " + ", ".join(others) if others else ""
        return replace(found, note=note, beside=attribution(results, where, self.choice.strategy, rival, at))


class Gain(Contrast):
    """Accuracy of one choice minus another at equal budget (`flip`: of the baseline minus the choice)."""

    kind: Literal["gain"]
    menu: Menu
    choice: Of
    baseline: Of
    flip: bool = False
    baseline_of_ratio: Of | None = None  # to say beside it how many times cheaper each is than this

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        results.check_bins(self.choice.binning, self.baseline.binning)
        menu = _menu(results, self.menu)
        names = {"strategy": self.choice.strategy.name, "baseline": self.baseline.strategy.name}
        frame = results.rows("compute_optimal/gains", strategy_set=menu, **names)
        frame = frame.loc[frame["complete"]]
        row, sign = nearest(frame, "budget", generations(budget)), -1 if self.flip else 1
        low, high = sorted((sign * row["low"], sign * row["high"]))
        shown = frame.loc[frame["budget"].isin(SHOWN) & (frame["budget"] != row["budget"])]
        others = [f"{points(sign * r['gain'])} at {r['budget']}" for r in shown.to_dict("records")]
        note = "by N: " + ", ".join(others) if others else ""
        if self.baseline_of_ratio is not None:
            rival = self.baseline_of_ratio.strategy
            where = {"strategy_set": menu, "baseline": rival.name, "unit": "generations"}
            ratios = _ratios(results, where, [self.choice.strategy, BEST_FIXED, SHUFFLED_BINS], row["budget"])
            note = "; ".join(filter(None, [f"times fewer generations than {rival.label}: {ratios}", note]))
        gain = _interval(sign * row["gain"], low, high)
        return from_interval(gain, row["n_questions"], f"N = {row['budget']}", demand, note)


class AfterProbe(Contrast):
    """Gain over best-of-N weighted given as many generations, the samples spent on difficulty charged."""

    kind: Literal["after_probe"]
    n_probe: int

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        results.check_bins("oracle")
        frame = results.rows("compute_optimal/probe", strategy_set=results.strategy_set, reuse=True)
        frame = frame.loc[frame["complete"] & frame["gain"].notna()]
        n_probe = nearest(frame, "n_probe", self.n_probe)["n_probe"]
        row = nearest(frame.loc[frame["n_probe"] == n_probe], "budget", generations(budget))
        at = f"probe of {n_probe}, {row['charged_budget']:.0f} generations in all"
        note = ""
        if pd.notna(row["gain_fixed"]):
            fixed = (row[f"gain_fixed{end}"] for end in ("", "_low", "_high"))
            note = f"over the best fixed strategy {in_points(*fixed, unit='')}"
        gain = _interval(row["gain"], row["gain_low"], row["gain_high"])
        return from_interval(gain, results.n_questions, at, demand, note)


class AgainstLarge(Contrast):
    """Small model at matched FLOPs against the large model's greedy answers; judged on the difference, shown in %."""

    kind: Literal["against_large"]
    menu: Menu
    choice: Of
    group: Literal["easy", "medium", "hard", "all"]
    r: Literal["low", "one", "high"]

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        ours = {"strategy_set": _menu(results, self.menu), "strategy": self.choice.strategy.name}
        (row,) = results.rows(
            "flops_matched/stars",
            **ours,
            large=results.large_answer,
            accounting="v1",
            r_source="v1",
            r_label=self.r,
            grouping="oracle",
            group=self.group,
        ).to_dict("records")
        relative = _interval(row["relative"], row["relative_low"], row["relative_high"])
        known = not any(pd.isna(value) for value in (relative.estimate, relative.low, relative.high))
        at = f"R = {row['r']:g}, k = {row['k']:.0f}"
        if row["capped"]:
            at += f", shown at N = {results.rows('flops_matched/lines', **ours)['budget'].max()}"
        note = f"{row['small_accuracy']:.1%} vs {row['large_accuracy']:.1%}, {points(row['difference'])} points"
        difference = _interval(row["difference"], row["low"], row["high"])
        comparator = float(row["large_accuracy"])
        shown = relative if known else None
        found = from_interval(difference, row["n_questions"], at, demand, note, shown, comparator)
        if row["capped"] and not (demand.direction == "more" and found.judged.verdict == "supported"):
            reason = "the grid ends before k; the largest budget is shown"
            return found.withheld(reason)
        return found


class Ladder(Contrast):
    """Accuracy of the better verifier minus the weaker one on all questions."""

    kind: Literal["ladder"]
    a: Of
    b: Of

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        where = {"a": self.a.strategy.name, "b": self.b.strategy.name, "grouping": "oracle", "group": "all"}
        row = nearest(results.rows("flops_matched/ladder", **where), "budget", generations(budget))
        difference = _interval(row["difference"], row["low"], row["high"])
        return from_interval(difference, row["n_questions"], f"N = {row['budget']}", demand)


def attribution(results: Results, where: dict[str, str], choice: Strategy, rival: Strategy, at: int) -> str:
    """Beside a ratio: that of the best fixed strategy and of shuffled bins, and the differences in points."""
    parts = [_ratios(results, where, [BEST_FIXED, SHUFFLED_BINS], at)]
    for other in (rival, BEST_FIXED):
        names = {"strategy_set": where["strategy_set"], "strategy": choice.name, "baseline": other.name, "budget": at}
        (row,) = results.rows("compute_optimal/gains", **names).to_dict("records")
        parts.append(f"{in_points(row['gain'], row['low'], row['high'], unit='')} points over {other.label}")
    return ", ".join(filter(None, parts))


def _ratios(results: Results, where: dict[str, str], strategies: list[Strategy], at: int) -> str:
    """The ratios of some strategies to a baseline at its budget; those that are not known left out."""
    parts = []
    for strategy in strategies:
        try:
            rows = results.rows("compute_optimal/iso", strategy=strategy.name, budget=at, **where).to_dict("records")
        except NotMeasured:
            continue
        parts += [f"{strategy.label} {_SIGNS[row['bound']]}{row['ratio']:.3g}×" for row in rows]
    return ", ".join(parts)


def _earlier(results: Results, baseline: Strategy, at: int) -> int:
    """The smallest budget below `at` at which the baseline is as often right: it saves as much against itself; or 0."""
    if baseline not in results.accuracy:
        return 0
    goal = results.of(baseline, at).mean() - _ROUNDING
    budgets = [n for n in results.budgets(baseline) if n < at]
    return next((n for n in budgets if results.of(baseline, n).mean() >= goal), 0)


def _menu(results: Results, menu: Menu) -> str:
    return results.strategy_set if menu == "primary" else menu


def _interval(estimate: float, low: float, high: float) -> Interval:
    """From a table, all of whose intervals are of 95%."""
    return Interval(estimate, low, high, 0.95)


def nearest(frame: pd.DataFrame, column: str, wanted: int) -> dict[str, Any]:
    """The first row with the largest value up to `wanted` in the column, or else with the smallest.

    Raises:
        NotMeasured: there is no row.
    """
    values = sorted(set(frame[column]))
    if not values:
        raise NotMeasured("no budget at which all strategies of the choice are known")
    nearest = max((value for value in values if value <= wanted), default=values[0])
    return frame.loc[frame[column] == nearest].to_dict("records")[0]
