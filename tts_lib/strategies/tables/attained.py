"""Tidy tables of what each curve attains and costs: against the budget, inside bins, beside another, in tokens."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from tts_lib.answers.cost import LEDGER
from tts_lib.common.strategy import MAJORITY, WEIGHTED, Strategy
from tts_lib.estimators.flops import Sizes
from tts_lib.strategies.curves import SINGLE, Curve, find
from tts_lib.strategies.outcomes import Outcomes
from tts_lib.strategies.strategy_table import Method
from tts_lib.strategies.tables.groups import Group, Row

Pair = tuple[Strategy, int, Strategy, int]  # one strategy at its budget, another at its own


def accuracy_table(curves: Sequence[Curve], group: Group, sizes: Sizes) -> pd.DataFrame:
    """Accuracy of each curve at each of its budgets, with mean tokens and FLOPs per question."""
    rows: list[Row] = []
    for curve in curves:
        costs = {"policy_tokens": curve.policy_tokens, "verifier_tokens": curve.verifier_tokens}
        costs |= {"flops": curve.flops(sizes, False), "flops_with_verifier": curve.flops(sizes, True)}
        means = group.means(curve.attained)
        for i, budget in enumerate(curve.budgets):
            row: Row = curve.columns | {"budget": budget, "complete": curve.complete[i]}
            row |= {"n_questions": group.n_questions} | means[i]
            rows.append(row | {name: float(cost[group.members, i].mean()) for name, cost in costs.items()})
    return pd.DataFrame(rows)


def bin_table(singles: Sequence[Curve], groups: Sequence[Group]) -> pd.DataFrame:
    """Accuracy of each single strategy in each bin (Fig. 3 right); `binning` and `frozen` say how they are binned."""
    rows: list[Row] = []
    for group in groups:
        for curve in singles:
            for budget, mean in zip(curve.budgets, group.means(curve.attained), strict=True):
                rows.append(curve.strategy.columns | group.columns | {"budget": budget} | mean)
    return pd.DataFrame(rows)


def strategy_pairs(known: Sequence[Strategy], searches: Mapping[str, Method], budgets: Sequence[int]) -> list[Pair]:
    """The contrasts of claims 5-10: against best-of-N, lookahead against its beam, largest against smallest budget."""
    ran = {strategy: searches[strategy.rule] for strategy in known if strategy.rule in searches}
    compared = [MAJORITY, *ran]
    pairs: list[Pair] = [(a, n, WEIGHTED, n) for a in compared for n in budgets if WEIGHTED in known]
    for strategy, method in ran.items():
        if method.options.get("depth"):
            beam = Method("beam", {"width": method.options["width"], "depth": 0})
            pairs += [(strategy, n, other, n) for other, its in ran.items() if its == beam for n in budgets]
    return pairs + [(a, budgets[-1], a, budgets[0]) for a in [*compared, WEIGHTED] if a in known]


def contrast_table(singles: Sequence[Curve], pairs: Sequence[Pair], groups: Sequence[Group]) -> pd.DataFrame:
    """Single strategy `a` at its budget minus `b` at its own, in each group; pairs that are not known are left out."""
    rows: list[Row] = []
    for a, a_budget, b, b_budget in pairs:
        first, second = find(singles, SINGLE, a), find(singles, SINGLE, b)
        if a_budget in first.budgets and b_budget in second.budgets:
            x, y = first.attained.at(first.budgets.index(a_budget)), second.attained.at(second.budgets.index(b_budget))
            key: Row = {"a": a.name, "a_budget": a_budget, "b": b.name, "b_budget": b_budget}
            rows += [group.columns | key | group.difference(x, y) for group in groups]
    return pd.DataFrame(rows)


def cost_table(outcomes: Outcomes, sizes: Sizes) -> pd.DataFrame:
    """Mean ledger per question of each strategy at each budget where it is known, its FLOPs and memory traffic.

    A question alone moves `weight_bytes` and `cache_bytes`; among many, whose passes share the weights, the latter.
    """
    rows: list[Row] = []
    for s, b in np.argwhere(outcomes.known):
        spent: dict[str, float] = dict(zip(LEDGER, outcomes.ledger[s, b].mean(axis=0).tolist(), strict=True))
        policy = spent["policy_prefill_tokens"] + spent["policy_decode_tokens"]
        verifier = spent["verifier_prefill_tokens"] + spent["verifier_tokens"]
        row: Row = outcomes.strategies[s].columns | {"budget": outcomes.budgets[b]} | spent
        row |= {"flops": sizes.flops(policy, verifier, False)}
        row |= {"flops_with_verifier": sizes.flops(policy, verifier, True)}
        row |= {"weight_bytes": sizes.weight_bytes(spent["policy_passes"], spent["verifier_passes"])}
        rows.append(row | {"cache_bytes": sizes.cache_bytes(spent["policy_cached"], verifier)})
    return pd.DataFrame(rows)
