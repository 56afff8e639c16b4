"""Every table that sets a curve against the large models (§7): curve by curve, as what a choice attains in each
resample of the questions is then found once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from tts_lib.common.processes import on_cores
from tts_lib.common.strategy import FLIPPED, MAJORITY, ORACLE, PREDICTED, WEIGHTED, Strategy
from tts_lib.estimators.flops import Sizes
from tts_lib.strategies.curves import Curve
from tts_lib.strategies.exchange import comparison
from tts_lib.strategies.exchange.budgets import (
    NO_VERIFIER,
    LargeModel,
    Training,
    exact_settings,
    formula_settings,
    with_making,
)
from tts_lib.strategies.exchange.comparison import Grouping

TABLES = ("stars", "r", "break_even", "lines")


@dataclass(frozen=True, eq=False)
class Against:
    """What curves are set against, and how.

    Attributes:
        larges: the first is that of the paper; against the others stand best-of-N and the choice in oracle bins alone.
        training: of `base` and `large`.
        made: FLOPs of what was made for a strategy (`model_sizes.making`).
        sets: members of each set of strategies.
        m: how many times larger the large model is.
        r_values: tokens of inference per token of pretraining.
        groupings: of the questions, by name of the difficulty; `oracle` is one of them.
    """

    larges: Sequence[LargeModel]
    training: Mapping[str, Training]
    made: Mapping[str, float]
    sets: Mapping[str, Sequence[Strategy]]
    sizes: Sizes
    m: float
    r_values: Sequence[float]
    groupings: Mapping[str, Grouping]

    def tables(self, curves: Sequence[Curve]) -> dict[str, pd.DataFrame]:
        """`stars` at the matched budgets, `r` over the whole grid, `break_even`, and `lines` of accuracy over FLOPs."""
        found = on_cores(self._tables, curves)
        order = [large.name for large in self.larges]
        return {name: _by_large([tables[name] for tables in found], order) for name in TABLES}

    def _tables(self, curve: Curve) -> dict[str, pd.DataFrame]:
        strategy, oracle = curve.strategy, self.groupings["oracle"]
        beside = self.larges if strategy in (ORACLE, WEIGHTED) else self.larges[:1]
        swept = [] if strategy.frozen or strategy == FLIPPED else self.larges
        ratios = [comparison.ratio_table(curve, large, self.m, oracle) for large in swept]
        even = [comparison.break_even_table(curve, large, self.m, oracle) for large in swept]
        return {
            "stars": comparison.stacked([self._stars(curve, large) for large in beside]),
            "r": comparison.stacked(ratios),
            "break_even": comparison.stacked(even),
            "lines": comparison.line_table(curve, self.sizes, oracle),
        }

    def _stars(self, curve: Curve, large: LargeModel) -> pd.DataFrame:
        small = with_making(self.training["base"], self.made, self.sets.get(curve.strategy_set, (curve.strategy,)))
        settings = formula_settings(self.m, self.r_values, large.generations)
        settings += exact_settings(curve, self.sizes, large, small, self.training["large"], self.r_values)
        if curve.strategy == MAJORITY:
            settings = [setting for setting in settings if setting.accounting in NO_VERIFIER]
        binned_by = self.groupings.values() if curve.strategy == PREDICTED else [self.groupings["oracle"]]
        tables = [comparison.setting_table(curve, large, settings, grouping) for grouping in binned_by]
        return comparison.stacked(tables)


def _by_large(tables: Sequence[pd.DataFrame], order: Sequence[str]) -> pd.DataFrame:
    """The tables one below the other, all rows of a large model before those of the next."""
    table = comparison.stacked([table for table in tables if len(table)])
    if "large" not in table or table.empty:
        return table
    return table.sort_values("large", key=lambda names: names.map(order.index), kind="stable", ignore_index=True)
