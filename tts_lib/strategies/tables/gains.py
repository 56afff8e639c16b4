"""Tidy tables of curves: accuracy and cost against the budget, gains between curves, iso-accuracy ratios, choices."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from tts_lib.answers.cost import LEDGER
from tts_lib.estimators.flops import Sizes
from tts_lib.estimators.iso_accuracy import Bound, iso_accuracy_ratio
from tts_lib.strategies.curves import SINGLE, Curve
from tts_lib.strategies.outcomes import BEST_OF_N, MAJORITY, PARALLEL, Outcomes
from tts_lib.strategies.tables.groups import Group, Row

UNITS = ("generations", "flops", "flops_with_verifier")
SIGNS: dict[Bound, str] = {"exact": "", "at_least": "at least ", "at_most": "at most "}
_PLAIN = (BEST_OF_N, MAJORITY, PARALLEL, "best_fixed", "random_choice", "shuffled_bins")
BASELINES = {  # what each policy's gain is measured over
    "compute_optimal_oracle": _PLAIN,
    **{f"compute_optimal_{name}": (*_PLAIN, "compute_optimal_oracle") for name in ("predicted", "absolute", "level")},
    "compute_optimal_subject": (*_PLAIN, "compute_optimal_oracle"),
    "compute_optimal_oracle_frozen": (BEST_OF_N, MAJORITY, "best_fixed_frozen"),
    "compute_optimal_predicted_frozen": (BEST_OF_N, MAJORITY, "best_fixed_frozen"),
}


def find(curves: Sequence[Curve], strategy_set: str, name: str) -> Curve:
    """The curve of this set, or the single strategy of this name.

    Raises:
        KeyError: there is none.
    """
    for curve in curves:
        if curve.name == name and curve.strategy_set in (strategy_set, SINGLE):
            return curve
    raise KeyError(f"there is no curve {name} of the set {strategy_set}")


def accuracy_table(curves: Sequence[Curve], group: Group, sizes: Sizes) -> pd.DataFrame:
    """Accuracy of each curve at each budget where it is defined, with mean tokens and FLOPs per question."""
    rows: list[Row] = []
    for curve in curves:
        flops = {name: curve.flops(sizes, name == "flops_with_verifier") for name in UNITS[1:]}
        costs = {"policy_tokens": curve.policy_tokens, "verifier_tokens": curve.verifier_tokens} | flops
        for i, budget in enumerate(curve.budgets):
            if np.isnan(curve.accuracy[:, i]).any():
                continue
            row: Row = {"strategy_set": curve.strategy_set, "curve": curve.name, "budget": budget}
            row |= {"complete": curve.complete[i], "n_questions": group.n_questions}
            row |= group.mean(curve.accuracy[:, i])
            rows.append(row | {name: float(cost[group.members, i].mean()) for name, cost in costs.items()})
    return pd.DataFrame(rows)


def bin_table(curves: Sequence[Curve], groups: Sequence[Group]) -> pd.DataFrame:
    """Accuracy of each single strategy in each bin (Fig. 3 right)."""
    rows: list[Row] = []
    for group in groups:
        key: Row = {"difficulty": group.grouping, "bin": group.label, "n_questions": group.n_questions}
        for curve in curves:
            for i, budget in enumerate(curve.budgets):
                if not np.isnan(curve.accuracy[:, i]).any():
                    place: Row = {"strategy": curve.name, "budget": budget}
                    rows.append(key | place | group.mean(curve.accuracy[:, i]))
    return pd.DataFrame(rows)


def contrast_table(
    curves: Sequence[Curve], pairs: Sequence[tuple[str, int, str, int]], groups: Sequence[Group]
) -> pd.DataFrame:
    """Single strategy `a` at its budget minus `b` at its own, in each group; undefined pairs are left out."""
    rows: list[Row] = []
    for a, a_budget, b, b_budget in pairs:
        first, second = find(curves, SINGLE, a), find(curves, SINGLE, b)
        x = first.accuracy[:, first.budgets.index(a_budget)]
        y = second.accuracy[:, second.budgets.index(b_budget)]
        if np.isnan(x).any() or np.isnan(y).any():
            continue
        for group in groups:
            key: Row = {"difficulty": group.grouping, "bin": group.label}
            key |= {"a": a, "a_budget": a_budget, "b": b, "b_budget": b_budget, "n_questions": group.n_questions}
            rows.append(key | group.difference(x, y))
    return pd.DataFrame(rows)


def strategy_pairs(
    known: Sequence[str], options: Mapping[str, Mapping[str, Any]], budgets: Sequence[int]
) -> list[tuple[str, int, str, int]]:
    """The contrasts of claims 5-10: against best-of-N, lookahead against its beam, largest against smallest budget."""
    methods = [name for name in known if name in options]
    names = [MAJORITY, *methods]
    pairs = [(name, budget, BEST_OF_N, budget) for name in names for budget in budgets if BEST_OF_N in known]
    for name in methods:
        if not options[name].get("depth"):
            continue
        beam = {"kind": "beam", "width": options[name]["width"]}
        pairs += [(name, b, other, b) for other in methods if options[other] == beam for b in budgets]
    return pairs + [(name, budgets[-1], name, budgets[0]) for name in [*names, BEST_OF_N] if name in known]


def gain_table(curves: Sequence[Curve], baselines: Mapping[str, Sequence[str]], group: Group) -> pd.DataFrame:
    """Gain of each policy over those of its baselines (curve name -> names) that its set has, paired."""
    rows: list[Row] = []
    for curve in curves:
        names = {known.name for known in curves if known.strategy_set in (curve.strategy_set, SINGLE)}
        for name in (name for name in baselines.get(curve.name, ()) if name in names):
            baseline = find(curves, curve.strategy_set, name)
            for i, budget in enumerate(curve.budgets):
                other = baseline.accuracy[:, baseline.budgets.index(budget)]
                if np.isnan(other).any():
                    continue
                key: Row = {"strategy_set": curve.strategy_set, "curve": curve.name, "baseline": name}
                key |= {"budget": budget, "complete": curve.complete[i], "n_questions": group.n_questions}
                rows.append(key | group.difference(curve.accuracy[:, i], other, "gain"))
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
    for curve in curves:
        for baseline in (baseline for baseline in baselines if baseline.name != curve.name):
            for unit in UNITS:
                x_a, a = _on_axis(curve, unit, sizes)
                x_b, b = _on_axis(baseline, unit, sizes)
                for at in (at for at in budgets if at in baseline.open()[0]):
                    cost = _cost(baseline, unit, sizes)[baseline.budgets.index(at)]
                    ratio = iso_accuracy_ratio(a, x_a, b, x_b, float(cost), weights)
                    key: Row = {"strategy_set": curve.strategy_set, "curve": curve.name, "baseline": baseline.name}
                    rows.append(key | {"unit": unit, "at": at} | vars(ratio))
    return pd.DataFrame(rows).drop(columns="level")


def share_table(
    curves: Sequence[Curve],
    sets: Mapping[str, Sequence[str]],
    labels: Mapping[str, Mapping[int, str]],
    groups: Sequence[Group],
) -> pd.DataFrame:
    """How often each strategy was chosen, per bin and budget; `labels` name the bins of each binning."""
    sizes = {(group.grouping, group.label): group.n_questions for group in groups}
    rows: list[Row] = []
    for curve in curves:
        name = curve.name.removeprefix("compute_optimal_")
        policy = "frozen" if name.endswith("_frozen") else "cross_validated"
        if curve.shares is None or name not in labels:
            continue
        for number, label in labels[name].items():
            for i, budget in enumerate(curve.budgets):
                key: Row = {"strategy_set": curve.strategy_set, "difficulty": name.removesuffix("_frozen")}
                key |= {"policy": policy, "bin": label, "n_questions": sizes.get((name, label), 0)}
                key |= {"budget": budget, "complete": curve.complete[i]}
                shares = zip(sets[curve.strategy_set], curve.shares[number - 1, i].tolist(), strict=True)
                rows += [key | {"strategy": strategy, "share": share} for strategy, share in shares]
    return pd.DataFrame(rows)


def cost_table(outcomes: Outcomes, sizes: Sizes) -> pd.DataFrame:
    """Mean ledger per question of each strategy at each budget where it is defined."""
    rows: list[Row] = []
    for s, name in enumerate(outcomes.strategies):
        for b, budget in enumerate(outcomes.budgets):
            entries = outcomes.ledger[s, b].mean(axis=0)
            if np.isnan(entries).any():
                continue
            policy, verifier = float(entries[0] + entries[1]), float(entries[2] + entries[3])
            row: Row = {"strategy": name, "budget": budget} | dict(zip(LEDGER, entries.tolist(), strict=True))
            row |= {name: sizes.flops(policy, verifier, name == "flops_with_verifier") for name in UNITS[1:]}
            rows.append(row)
    return pd.DataFrame(rows)


def headline(
    accuracy: pd.DataFrame, gains: pd.DataFrame, iso: pd.DataFrame, budgets: Sequence[int]
) -> dict[str, dict[str, Any]]:
    """The figures to quote, by set and budget, from the tables; undefined ones are None."""
    ours = [f"compute_optimal_{name}" for name in ("oracle", "predicted")]
    sets = {name: {} for name in accuracy["strategy_set"].unique() if name != SINGLE}
    result = {"sets": sets, "iso": {n: {} for n in sets}, "gain_over_best_fixed": {n: {} for n in sets}}
    result["gap_predicted_minus_oracle"] = {n: {} for n in sets}
    for (name, curve), part in accuracy[accuracy["strategy_set"] != SINGLE].groupby(["strategy_set", "curve"]):
        sets[name][curve] = _by(part, "budget", budgets, "accuracy")
    of_gain = ["gain", "low", "high", "questions_needed"]
    for (name, curve, baseline), part in gains.groupby(["strategy_set", "curve", "baseline"]):
        if curve in ours and baseline == "best_fixed":
            short = curve.removeprefix("compute_optimal_")
            result["gain_over_best_fixed"][name][short] = _by(part, "budget", budgets, of_gain)
        if (curve, baseline) == (ours[1], ours[0]):
            result["gap_predicted_minus_oracle"][name] = _by(part, "budget", budgets, of_gain)
    chosen = iso[(iso["baseline"] == BEST_OF_N) & (iso["unit"] == UNITS[0]) & iso["curve"].isin(ours)]
    of_iso = ["ratio", "bound", "low", "low_bound", "high", "high_bound"]
    for (name, curve), part in chosen.groupby(["strategy_set", "curve"]):
        result["iso"][name][curve] = _by(part, "at", budgets, of_iso)
    return result


def _cost(curve: Curve, unit: str, sizes: Sizes) -> Float[np.ndarray, " budget"]:
    """Mean cost per question at each budget, undefined ones included (NaN)."""
    if unit == "generations":
        return np.array(curve.budgets, dtype=np.float64)
    return curve.flops(sizes, unit == "flops_with_verifier").mean(axis=0)


def _on_axis(curve: Curve, unit: str, sizes: Sizes) -> tuple[list[float], Float[np.ndarray, "problem budget"]]:
    """The curve over its cost, without points that cost no more than an earlier one."""
    budgets, accuracy = curve.open()
    cost = _cost(curve, unit, sizes)[[curve.budgets.index(b) for b in budgets]]
    rising = cost > np.append(-np.inf, np.maximum.accumulate(cost)[:-1])
    return cost[rising].tolist(), accuracy[:, rising]


def _by(frame: pd.DataFrame, key: str, values: Sequence[int], columns: str | list[str]) -> dict[str, Any]:
    """One value, or a record of several, for each of the values of `key` that the frame has."""
    indexed = frame.set_index(key)
    indexed = indexed.loc[[value for value in values if value in indexed.index]].astype(object)
    indexed = indexed.where(indexed.notna(), None)
    picked = indexed[columns]
    records = picked.to_dict(orient="index") if isinstance(columns, list) else picked.to_dict()
    return {str(value): record for value, record in records.items()}
