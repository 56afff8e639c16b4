"""The results that the explorer reads, of a made study: two strategies, two bins, a large model."""

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.fitted_choices import PRICE, RECORD, changed
from tts_lib.common import tables
from tts_lib.common.strategy import ORACLE, WEIGHTED, Strategy
from tts_lib.estimators.intervals import Interval
from tts_lib.strategies.exchange.matched import matched_ratio

BEAM, CONTROL = Strategy("beam_4"), Strategy("coverage")
BUDGETS = {WEIGHTED: (1, 4, 16), BEAM: (4, 16), CONTROL: (1, 4, 16)}
M = 14.0


def write_results(reports: Path) -> None:
    """Tables of the stages compute_optimal and flops_matched, and strategy.json; numbers drawn from a fixed seed."""
    rng = np.random.default_rng(0)
    accuracy, bins, costs = [], [], []
    for strategy, budgets in BUDGETS.items():
        for budget in budgets:
            where = strategy.columns | {"budget": budget}
            spent = {"policy_tokens": 9.5 * budget, "verifier_tokens": 3.0 * budget * (strategy == BEAM)}
            flops = {"flops": 2e6 * budget, "flops_with_verifier": 3e6 * budget + 1e5 * (strategy == BEAM)}
            accuracy.append(
                where | {"strategy_set": "single", "complete": True, "n_questions": 40} | _estimate(rng) | spent | flops
            )
            costs.append(where | {"rounds": 1.0 + (strategy == BEAM), "weight_bytes": 7e5, "cache_bytes": 3e4 * budget})
            bins += [
                where | {"binning": name, "bin": label, "n_questions": 20} | _estimate(rng)
                for name in ("oracle", "predicted")
                for label in ("1", "2")
            ]
    shares = [
        strategy.columns | {"binning": "oracle", "bin": label, "strategy_set": "all", "budget": budget, "share": share}
        for label in ("1", "2")
        for budget in (4, 16)
        for strategy, share in ((WEIGHTED, 0.25), (BEAM, 0.75))
    ]
    of_all = {"binning": "all", "bin": "all", "strategy_set": "all", "budget": 16}
    shares += [strategy.columns | of_all | {"share": share} for strategy, share in ((WEIGHTED, 0.4), (BEAM, 0.6))]
    _write(reports, "compute_optimal", accuracy=accuracy, bins=bins, costs=costs, shares=shares)
    choice = ORACLE.columns | {"strategy_set": "all", "large": "greedy", "large_generations": 1, "grouping": "oracle"}
    groups = ("all", "1", "2")
    large = [choice | {"group": group, "tokens": 33.0, "flops": 1.5e8} | _estimate(rng) for group in groups]
    sweep = [
        choice | {"group": group, "k": k, "small_accuracy": 0.4, "difference": -0.1, "low": -0.2, "high": 0.01 * k}
        for group in groups
        for k in (1, 4, 16)
    ]
    even = [
        choice
        | {"group": group, "accounting": "v1", "k": 15.0, "k_low": 8.0, "k_high": 16.0, "r": matched_ratio(M, 15.0)}
        | {"k_bound": "exact", "k_low_bound": "exact", "k_high_bound": "at_least"}
        for group in groups
    ]
    stars = [choice | {"group": "all", "accounting": "v1", "r_source": "v1", "r": r} for r in (0.16, 22.0)]
    _write(reports, "flops_matched", large=large, r=sweep, break_even=even, stars=stars)
    tables.write_json({"m": M}, reports / "metrics/flops_matched.json")
    pick = {"strategy": "beam_4", "budget": 4, "expected": 0.4, "accuracy": 0.5, "low": 0.4, "high": 0.6}
    picks = [pick | {"n_questions": 40, "price": PRICE, "budget": n} for n in (4, 16)]
    table = {"n_scored": 0, "edges": [], "budgets": [4, 16], "bins": [picks], "cross_validated": 0.3}
    record = changed({"tables": RECORD["tables"] | {"fixed": table}})
    tables.write_json(record, reports / "strategy.json")


def _estimate(rng: np.random.Generator) -> dict[str, float]:
    value = Interval(float(rng.uniform(0.2, 0.8)), 0.1, 0.9, 0.95)
    return {"accuracy": value.estimate, "low": value.low, "high": value.high}


def _write(reports: Path, stage: str, **frames: list[dict[str, object]]) -> None:
    for name, rows in frames.items():
        tables.write_csv(pd.DataFrame(rows), reports / "results" / stage / f"{name}.csv")
