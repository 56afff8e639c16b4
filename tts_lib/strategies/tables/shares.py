"""What the compute-optimal choices chose."""

from collections.abc import Mapping, Sequence

import pandas as pd

from tts_lib.common.strategy import BEST_FIXED, COMPUTE_OPTIMAL, Strategy
from tts_lib.strategies.bins import Bins
from tts_lib.strategies.curves import Curve
from tts_lib.strategies.tables.groups import ALL, Group, Row


def share_table(
    curves: Sequence[Curve],
    sets: Mapping[str, Sequence[Strategy]],
    binnings: Sequence[Bins],
    groups: Sequence[Group],
) -> pd.DataFrame:
    """How often each strategy of its set a choice took, per bin and budget; `binning` and `frozen` are the choice's.

    One strategy for all questions is a choice in one bin, `all`.
    """
    sizes = {(group.binning, group.frozen, group.label): group.n_questions for group in groups}
    known = {(bins.binning, bins.frozen): bins.labels for bins in binnings}
    rows: list[Row] = []
    for curve in curves:
        choice, fixed = curve.strategy, curve.strategy.rule == BEST_FIXED.rule
        labels = {1: ALL} if fixed else known.get((choice.binning, choice.frozen))
        if not (fixed or choice.rule == COMPUTE_OPTIMAL) or curve.shares is None or labels is None:
            continue
        binning = ALL if fixed else choice.binning
        for number, label in labels.items():
            where: Row = {"binning": binning, "frozen": choice.frozen, "bin": label}
            where |= {"n_questions": len(curve.accuracy) if fixed else sizes.get((binning, choice.frozen, label), 0)}
            for i, budget in enumerate(curve.budgets):
                key: Row = {"strategy_set": curve.strategy_set, "budget": budget, "complete": curve.complete[i]}
                shares = zip(sets[curve.strategy_set], curve.shares[number - 1, i].tolist(), strict=True)
                rows += [strategy.columns | where | key | {"share": share} for strategy, share in shares]
    return pd.DataFrame(rows)
