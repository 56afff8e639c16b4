"""Tidy tables of the FLOPs-matched comparison (§7): a small model that spends test-time compute against a large one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from tts_lib.common.strategy import ORACLE, STRATEGY_COLUMNS
from tts_lib.estimators.flops import Sizes
from tts_lib.estimators.iso_accuracy import MeanCurve, iso_accuracy_ratio
from tts_lib.estimators.per_question import PerQuestion
from tts_lib.strategies.bins import COARSE_LABELS, Bins
from tts_lib.strategies.curves import Curve
from tts_lib.strategies.exchange.budgets import FORMULAS, LargeModel, Setting
from tts_lib.strategies.exchange.matched import Accounting, compare_matched, matched_ratio
from tts_lib.strategies.tables.groups import ALL, Group, Row, everyone, groups_of

_SELECTORS = [
    *("strategy_set", *STRATEGY_COLUMNS, "large", "large_generations", "accounting", "r_source", "r_label", "r", "k"),
    *("grouping", "group", "n_questions", "small_accuracy", "large_accuracy", "difference", "low", "high"),
    *("relative", "relative_low", "relative_high"),
]


@dataclass(frozen=True, eq=False)
class Grouping:
    """The test questions as a whole, by bin, and as easy/medium/hard."""

    bins: Bins
    weights: Float[np.ndarray, "resample problem"]

    @property
    def name(self) -> str:
        return self.bins.binning

    @cached_property
    def groups(self) -> list[Group]:
        """All questions, each bin, each coarse bin."""
        fine, coarse = groups_of(self.bins, self.weights), groups_of(self.bins.coarse, self.weights)
        return [everyone(self.weights), *fine, *coarse]

    def compare(self, curve: Curve, large: LargeModel, ks: Sequence[float]) -> dict[tuple[float, str], Row]:
        """Small against large model at each k in each group (`compare_matched`)."""
        budgets, attained = curve.open()
        ascending = sorted(set(map(float, ks)))
        found: dict[tuple[float, str], Row] = {}
        for bins in (self.bins, self.bins.coarse):
            for row in compare_matched(attained, budgets, large.accuracy, bins.of_problem, ascending, self.weights):
                values = vars(row) | {"small_accuracy": row.small, "large_accuracy": row.large}
                label = bins.labels[row.group] if row.group else ALL
                values = {n: v for n, v in values.items() if n not in ("group", "small", "large", "questions_needed")}
                found[row.k, label] = values | {"questions_needed": row.questions_needed}
        return found


def setting_table(curve: Curve, large: LargeModel, settings: Sequence[Setting], grouping: Grouping) -> pd.DataFrame:
    """The comparison at each setting in each group (Fig. 1 right, the stars of Fig. 9)."""
    compared = grouping.compare(curve, large, [setting.k for setting in settings])
    rows: list[Row] = []
    for setting in settings:
        for group in grouping.groups:
            row = _key(curve, large) | vars(setting) | {"grouping": grouping.name, "group": group.label}
            rows.append(row | compared[setting.k, group.label])
    return pd.DataFrame(rows)


def ratio_table(curve: Curve, large: LargeModel, m: float, grouping: Grouping) -> pd.DataFrame:
    """The comparison at each budget of the grid, with the R at which that budget is the matched one."""
    budgets = curve.open()[0]
    compared = grouping.compare(curve, large, budgets)
    rows: list[Row] = []
    for budget in budgets:
        ratios = {f"r_{accounting}": _ratio(m, budget, accounting, large.generations) for accounting in FORMULAS}
        for group in grouping.groups:
            row = _key(curve, large) | {"grouping": grouping.name, "group": group.label} | ratios
            rows.append(row | compared[budget, group.label])
    return pd.DataFrame(rows).drop(columns=["capped", "questions_needed"])


def break_even_table(curve: Curve, large: LargeModel, m: float, grouping: Grouping) -> pd.DataFrame:
    """Least budget k at which the small model is as accurate as the large one, and the R below which it is affordable.

    An empty R: the large model is never reached on the grid, or k is affordable at any R.
    """
    budgets, attained = curve.open()
    rows: list[Row] = []
    for group in grouping.groups:
        small = MeanCurve.of(budgets, attained, group.weights, group.members)
        answer = MeanCurve.of([1], PerQuestion(large.accuracy[:, None]), group.weights, group.members)
        least = iso_accuracy_ratio(small, answer, 1).inverse
        limits = {
            "k": (least.estimate, least.bound),
            "k_low": (least.low, least.low_bound),
            "k_high": (least.high, least.high_bound),
        }
        row = _key(curve, large) | {"group": group.label}
        for name, (k, bound) in limits.items():
            row |= {name: k, f"{name}_bound": bound}
        never = limits["k"][1] == "at_least"
        for accounting in FORMULAS:
            # A k that is only a lower bound affords no R; a large k goes with a small R.
            found = {
                r: math.nan if limits[k][1] == "at_least" else _ratio(m, limits[k][0], accounting, large.generations)
                for r, k in (("r", "k"), ("r_low", "k_high"), ("r_high", "k_low"))
            }
            verdicts: Row = {"always_wins": not never and math.isnan(found["r"]), "never_wins": never}
            rows.append(row | {"accounting": accounting} | found | verdicts)
    return pd.DataFrame(rows)


def line_table(curve: Curve, sizes: Sizes, grouping: Grouping) -> pd.DataFrame:
    """Accuracy over inference FLOPs per question in each group (the lines of Fig. 9)."""
    flops, with_verifier = (curve.flops(sizes, counted) for counted in (False, True))
    rows: list[Row] = []
    for group in grouping.groups:
        budgets, attained = curve.open()
        for budget, mean in zip(budgets, group.means(attained), strict=True):
            i = curve.budgets.index(budget)
            row: Row = curve.columns | {"grouping": grouping.name}
            row |= {"group": group.label, "n_questions": group.n_questions, "budget": budget}
            row |= mean
            costs = {"flops": flops, "flops_with_verifier": with_verifier}
            rows.append(row | {name: float(cost[group.members, i].mean()) for name, cost in costs.items()})
    return pd.DataFrame(rows)


def large_table(large: LargeModel, grouping: Grouping) -> pd.DataFrame:
    """Accuracy and cost of the large model in each group (the height of the stars)."""
    rows: list[Row] = []
    for group in grouping.groups:
        row: Row = {"large": large.name, "large_generations": large.generations, "grouping": grouping.name}
        row |= {"group": group.label, "n_questions": group.n_questions} | group.mean(large.attained)
        costs = {"tokens": large.tokens, "flops": large.flops}
        rows.append(row | {name: float(cost[group.members].mean()) for name, cost in costs.items()})
    return pd.DataFrame(rows)


def ladder_table(ladder: Sequence[Curve], grouping: Grouping) -> pd.DataFrame:
    """Each verifier of the ladder minus each weaker one, weakest first, at each budget (ICLR Fig. 17)."""
    rows: list[Row] = []
    for stronger, weaker in ((a, b) for j, b in enumerate(ladder) for a in ladder[j + 1 :]):
        paired = stronger.attained - weaker.attained
        settled = {group: group.differences(paired) for group in grouping.groups}
        for i, budget in enumerate(stronger.budgets):
            for group, differences in settled.items():
                row: Row = {"a": stronger.strategy.name, "b": weaker.strategy.name, "budget": budget}
                row |= {"grouping": grouping.name, "group": group.label, "n_questions": group.n_questions}
                rows.append(row | differences[i])
    return pd.DataFrame(rows, columns=None if rows else ["a", "b", "budget", "grouping", "group", "difference"])


def stacked(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The tables one below the other; of none at all an empty one with the columns that readers select by."""
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_SELECTORS)


def headline(table: pd.DataFrame, break_even: pd.DataFrame, large: str) -> dict[str, Any]:
    """The figures to quote: compute-optimal in oracle bins against the large model; undefined ones are None."""
    groups = [ALL, *COARSE_LABELS.values()]
    quoted = ["relative", "relative_low", "relative_high", "difference", "low", "high", "k"]
    relative: dict[str, Any] = {}
    chosen = (table["strategy"] == ORACLE.name) & (table["large"] == large)
    chosen &= (table["r_source"] == "v1") & table["group"].isin(groups)
    for row in table.loc[chosen].to_dict("records"):
        place = relative
        for column in ("strategy_set", "accounting", "r_label"):
            place = place.setdefault(row[column], {})
        place.setdefault(row["group"], {column: _or_none(row[column]) for column in quoted})
    even: dict[str, dict[str, float | None]] = {}
    chosen = (break_even["strategy"] == ORACLE.name) & (break_even["large"] == large)
    chosen &= (break_even["accounting"] == "v1") & break_even["group"].isin(groups)
    for row in break_even.loc[chosen].to_dict("records"):
        even.setdefault(row["strategy_set"], {})[row["group"]] = _or_none(row["r"])
    return {"relative": relative, "break_even_r": even}


def _key(curve: Curve, large: LargeModel) -> Row:
    return curve.columns | {"large": large.name, "large_generations": large.generations}


def _ratio(m: float, k: float, accounting: Accounting, large_generations: int) -> float:
    """R at which k is the matched budget; NaN where k is affordable at any R."""
    try:
        return matched_ratio(m, k, accounting, large_generations)
    except ValueError:
        return math.nan


def _or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
