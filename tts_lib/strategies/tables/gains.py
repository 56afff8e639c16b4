"""Tidy tables of what a choice buys: its gain over others at equal budget, and how much cheaper it is."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from tts_lib.common.strategy import (
    ARGMAX,
    BEST_FIXED,
    COMPUTE_OPTIMAL,
    MAJORITY,
    ORACLE,
    PARALLEL,
    PREDICTED,
    RANDOM_CHOICE,
    SHUFFLED_BINS,
    WEIGHTED,
    WEIGHTED_TUNED,
    Strategy,
)
from tts_lib.estimators.bounded import Bound
from tts_lib.estimators.flops import Sizes
from tts_lib.estimators.iso_accuracy import MeanCurve, iso_accuracy_ratio
from tts_lib.strategies.curves import SINGLE, Curve, find
from tts_lib.strategies.tables.groups import Group, Row

RIVALS = (WEIGHTED, MAJORITY, PARALLEL)  # how many times cheaper than these is asked of searches, choices and these:
COMPARED = (WEIGHTED, WEIGHTED_TUNED, MAJORITY, BEST_FIXED, SHUFFLED_BINS)
UNITS = ("generations", "flops", "flops_with_verifier")
SIGNS: dict[Bound, str] = {"exact": "", "at_least": "at least ", "at_most": "at most "}
FROZEN_FIXED = Strategy(BEST_FIXED.rule, frozen=True)


def baselines(choice: Strategy) -> tuple[Strategy, ...]:
    """What the gain of a choice is measured over."""
    if choice.rule == ARGMAX:
        return WEIGHTED, PARALLEL, BEST_FIXED
    if choice.rule != COMPUTE_OPTIMAL:
        return ()
    if choice.frozen:
        return WEIGHTED, WEIGHTED_TUNED, MAJORITY, FROZEN_FIXED
    others = (WEIGHTED, WEIGHTED_TUNED, MAJORITY, PARALLEL, BEST_FIXED, RANDOM_CHOICE, SHUFFLED_BINS, ORACLE)
    return tuple(other for other in others if other != choice)


def gain_table(curves: Sequence[Curve], group: Group) -> pd.DataFrame:
    """Gain of each choice over those of its baselines that its set has, paired."""
    rows: list[Row] = []
    for curve in curves:
        there = {other.strategy for other in curves if other.strategy_set in (curve.strategy_set, SINGLE)}
        for name in (name for name in baselines(curve.strategy) if name in there):
            baseline = find(curves, curve.strategy_set, name)
            shared = [budget for budget in curve.budgets if budget in baseline.budgets]
            ours, theirs = ([one.budgets.index(budget) for budget in shared] for one in (curve, baseline))
            gains = group.differences(curve.attained.at(ours) - baseline.attained.at(theirs), "gain")
            for i, budget, gain in zip(ours, shared, gains, strict=True):
                key: Row = curve.columns | {"baseline": name.name, "budget": budget, "complete": curve.complete[i]}
                rows.append(key | {"n_questions": group.n_questions} | gain)
    return pd.DataFrame(rows)


def iso_table(
    curves: Sequence[Curve],
    baselines: Sequence[Curve],
    budgets: Sequence[int],
    weights: Float[np.ndarray, "resample problem"],
    sizes: Sizes,
) -> pd.DataFrame:
    """How many times cheaper each curve reaches a baseline's accuracy at a budget, in generations and in FLOPs."""
    rows: list[Row] = []

    @cache
    def on_axis(curve: Curve, unit: str) -> MeanCurve:
        return _on_axis(curve, unit, sizes, weights)

    for curve in curves:
        for baseline in (baseline for baseline in baselines if baseline.strategy != curve.strategy):
            for unit in UNITS:
                a, b, costs = on_axis(curve, unit), on_axis(baseline, unit), _cost(baseline, unit, sizes)
                for at in (at for at in budgets if at in baseline.open()[0]):
                    cost = costs[baseline.budgets.index(at)]
                    ratio = iso_accuracy_ratio(a, b, float(cost))
                    key: Row = curve.columns | {"baseline": baseline.strategy.name, "unit": unit, "budget": at}
                    rows.append(key | {"ratio": ratio.estimate} | vars(ratio))
    return pd.DataFrame(rows).drop(columns=["estimate", "level"])


def headline(
    accuracy: pd.DataFrame, gains: pd.DataFrame, iso: pd.DataFrame, budgets: Sequence[int]
) -> dict[str, dict[str, Any]]:
    """The figures to quote, by set and budget, from the tables; undefined ones are None."""
    ours = [choice.name for choice in (ORACLE, PREDICTED)]
    choices = accuracy.loc[accuracy["strategy_set"] != SINGLE]
    whats = ("sets", "gain_over_best_fixed", "gap_predicted_minus_oracle", "iso")
    result: dict[str, dict[str, Any]] = {what: {name: {} for name in set(choices["strategy_set"])} for what in whats}
    for row in choices.to_dict("records"):
        place = result["sets"][row["strategy_set"]].setdefault(row["strategy"], {})
        if row["budget"] in budgets:
            place[str(row["budget"])] = row["accuracy"]
    for row in gains.to_dict("records"):
        if row["strategy"] in ours and row["baseline"] == BEST_FIXED.name:
            place = result["gain_over_best_fixed"][row["strategy_set"]].setdefault(row["binning"], {})
        elif (row["strategy"], row["baseline"]) == (PREDICTED.name, ORACLE.name):
            place = result["gap_predicted_minus_oracle"][row["strategy_set"]]
        else:
            continue
        _quote(row, "budget", budgets, place, ("gain", "low", "high", "questions_needed"))
    for row in iso.to_dict("records"):
        if row["strategy"] in ours and row["baseline"] == WEIGHTED.name and row["unit"] == UNITS[0]:
            place = result["iso"][row["strategy_set"]].setdefault(row["strategy"], {})
            _quote(row, "budget", budgets, place, ("ratio", "bound", "low", "low_bound", "high", "high_bound"))
    return result


def _cost(curve: Curve, unit: str, sizes: Sizes) -> Float[np.ndarray, " budget"]:
    """Mean cost per question at each budget."""
    if unit == "generations":
        return np.array(curve.budgets, dtype=np.float64)
    return curve.flops(sizes, unit == "flops_with_verifier").mean(axis=0)


def _on_axis(curve: Curve, unit: str, sizes: Sizes, weights: Float[np.ndarray, "resample problem"]) -> MeanCurve:
    """The curve over its cost, without points that cost no more than an earlier one."""
    budgets, attained = curve.open()
    cost = _cost(curve, unit, sizes)[[curve.budgets.index(b) for b in budgets]]
    rising = cost > np.append(-np.inf, np.maximum.accumulate(cost)[:-1])
    return MeanCurve.of(cost[rising].tolist(), attained.at(rising), weights)


def _quote(
    row: Mapping[Any, Any], at: str, budgets: Sequence[int], place: dict[str, Any], names: Sequence[str]
) -> None:
    """Put the figures of a row under its budget, if that is one to be quoted."""
    if row[at] in budgets:
        place[str(row[at])] = {name: None if pd.isna(row[name]) else row[name] for name in names}
