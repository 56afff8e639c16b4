"""The record behind the explorer: numbers of the study's tables, names and groups; nothing that a model wrote."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tts_lib.common import paths, tables
from tts_lib.common.strategy import COVERAGE, ORACLE, Strategy
from tts_lib.plots import looks
from tts_lib.strategies import fitted_choice
from tts_lib.strategies.tables.saved import read_csv

ALL = "all"
UNITS = {"generations": "generations", "tokens": "tokens", "flops": "FLOPs", "bytes": "bytes moved", "money": "money"}
_TABLES = ("accuracy", "bins", "costs", "shares")
_BINNINGS = ("oracle", "predicted")
_SWEEP = ("k", "small_accuracy", "difference", "low", "high")
_END = {"at_least": ">", "at_most": "<", "exact": ""}
Triple = list[float]  # estimate, low, high
# Means of a question: generations, tokens of policy and verifier, FLOPs of both, serial rounds, bytes that move for a
# question alone and for one of many (0 where they are not known).
Costs = list[float]


@dataclass
class Record:
    """All that is looked up. Groups are `all` and BINNING:BIN; budgets, as keys too, are generations."""

    units: dict[str, str] = field(default_factory=dict)  # in which a budget may stand, in words
    groups: dict[str, tuple[str, int]] = field(default_factory=dict)  # in words, and questions
    strategies: dict[str, tuple[str, str]] = field(default_factory=dict)  # in words, and colour
    costs: dict[str, dict[int, Costs]] = field(default_factory=dict)  # strategy, budget
    attained: dict[str, dict[str, dict[int, Triple]]] = field(default_factory=dict)  # group, strategy, budget
    # group, budget: strategy, its budget, share of the splits that chose it (None: not known), what it attains
    chosen: dict[str, dict[int, tuple[str, int, float | None, Triple]]] = field(default_factory=dict)
    large: dict[str, Any] | None = None  # m, words, generations, tokens, flops; attained: group -> triple
    # group: [k, small, difference, low, high] by ascending k, and k of equal accuracy with both ends, each with a sign
    exchange: dict[str, dict[str, Any]] = field(default_factory=dict)
    r_values: list[float] = field(default_factory=list)  # of the study

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def load(reports: Path = paths.REPORTS) -> Record:
    """The record of the study whose results lie in `reports`.

    Raises:
        TableError, StudyError: a table is missing or damaged.
    """
    found = {name: read_csv(_results(reports, "compute_optimal", name)) for name in _TABLES}
    record, shares = Record(), found["shares"]
    sizes = {name: rows["strategy"].nunique() for name, rows in shares.groupby("strategy_set")}
    largest = str(max(sizes, key=lambda name: sizes[name])) if sizes else ""
    single = _where(found["accuracy"], strategy_set="single", complete=True)
    among = sorted({*_where(shares, strategy_set=largest)["strategy"]} or {*single["strategy"]} - {COVERAGE.name})
    _take_strategies(record, single.loc[single["strategy"].isin(among)], found["costs"])
    bins = found["bins"].loc[found["bins"]["strategy"].isin(among)]
    for binning in _BINNINGS:
        _take_bins(record, binning, _where(bins, binning=binning, frozen=False))
    halves = _where(shares, strategy_set=largest, frozen=False)
    _take_fixed(record, reports, _where(halves, binning=ALL))
    _take_choices(record, halves)
    _take_large(record, reports)
    return record


def _results(reports: Path, stage: str, name: str) -> Path:
    return reports / (paths.results(stage) / f"{name}.csv").relative_to(paths.REPORTS)


def _where(frame: pd.DataFrame, **values: str | int | bool) -> pd.DataFrame:
    """The rows with these values."""
    for column, value in values.items():
        frame = frame.loc[frame[column] == value]
    return frame


def _take_strategies(record: Record, single: pd.DataFrame, costs: pd.DataFrame) -> None:
    """Every strategy on all questions: what it attains, and what it costs."""
    moved = costs.assign(alone=costs["weight_bytes"] + costs["cache_bytes"])
    record.units = {
        unit: words
        for unit, words in UNITS.items()
        if unit != "bytes" or not np.isnan(moved["alone"].to_numpy(float)).any()
    }
    names = ("rounds", "alone", "cache_bytes")
    beside = {(row["strategy"], row["budget"]): row for row in moved.fillna(0.0).to_dict("records")}
    record.attained[ALL] = {}
    for name, rows in single.groupby("strategy", sort=False):
        strategy = Strategy.of(rows.iloc[0].to_dict())
        look = looks.of_strategy(strategy)
        record.strategies[str(name)] = (look.label, look.area)
        record.attained[ALL][str(name)] = _triples(rows)
        record.costs[str(name)] = {
            int(row["budget"]): [
                float(strategy.generations(int(row["budget"]))),
                *(float(row[part]) for part in ("policy_tokens", "verifier_tokens", "flops_with_verifier")),
                *(float(beside[name, row["budget"]][part]) for part in names),
            ]
            for row in rows.to_dict("records")
        }
    record.groups[ALL] = ("all questions", max(map(int, single["n_questions"])))


def _take_bins(record: Record, binning: str, bins: pd.DataFrame) -> None:
    n_bins = len({*bins["bin"]})
    for label, rows in bins.groupby("bin"):
        group = _group(binning, label)
        words = f"{binning} difficulty, {looks.named(str(label), n_bins).label}"
        record.groups[group] = (words, int(rows["n_questions"].iloc[0]))
        record.attained[group] = {str(name): _triples(part) for name, part in rows.groupby("strategy", sort=False)}


def _take_fixed(record: Record, reports: Path, shares: pd.DataFrame) -> None:
    """Of questions of unknown difficulty: the choice that is handed on, made on validation questions.

    Its share is of the random halves of the test questions that make it.
    """
    choice = fitted_choice.load(reports / paths.STRATEGY_TABLE.name)
    if (table := choice.tables.get(fitted_choice.FIXED)) is None:
        return
    picks = dict(zip(table.budgets, table.bins[0], strict=True))
    taken = {(row["strategy"], row["budget"]): float(row["share"]) for row in shares.to_dict("records")}
    record.chosen[ALL] = {
        budget: (
            pick.strategy,
            pick.budget,
            taken.get((pick.strategy, pick.budget)),
            [pick.accuracy, pick.low, pick.high],
        )
        for budget, pick in picks.items()
        if pick.accuracy is not None and pick.low is not None and pick.high is not None
    }


def _take_choices(record: Record, shares: pd.DataFrame) -> None:
    """In a bin: what most of the random halvings of its questions chose, and what that attains there."""
    most = shares.sort_values("share", ascending=False, kind="stable").drop_duplicates(["binning", "bin", "budget"])
    for row in most.sort_values("budget").to_dict("records"):
        group, name, budget = _group(row["binning"], row["bin"]), row["strategy"], int(row["budget"])
        attained = record.attained.get(group, {}).get(name, {})
        if known := [n for n in attained if n <= budget]:
            chosen = (name, max(known), float(row["share"]), attained[max(known)])
            record.chosen.setdefault(group, {})[budget] = chosen


def _take_large(record: Record, reports: Path) -> None:
    """The large model's one answer, and a compute-optimal choice against it at equal FLOPs, pretraining included.

    The choice is that among the strategies which were all measured with the most generations.
    """
    found = {name: read_csv(_results(reports, "flops_matched", name)) for name in ("large", "r", "break_even", "stars")}
    single = _where(found["large"], large_generations=1)
    if single.empty:
        return
    name = str(single["large"].iloc[0])
    at = {table: _where(frame, large=name) for table, frame in found.items()}
    heights = {row["group"]: row for row in _where(at["large"], grouping="oracle").to_dict("records")}
    bins = {label: _group("oracle", label) for label in heights}
    groups = {ALL: ALL} | {label: group for label, group in bins.items() if group in record.groups}
    place = reports / paths.metrics("flops_matched").relative_to(paths.REPORTS)
    record.large = {
        "m": float(tables.read_json(place, ["m"])["m"]),
        "words": f"large model, {name.replace('_', ' ')}",
        "generations": int(heights[ALL]["large_generations"]),
        "tokens": float(heights[ALL]["tokens"]),
        "flops": float(heights[ALL]["flops"]),
        "attained": {group: _triple(heights[label]) for label, group in groups.items()},
    }
    record.r_values = sorted({float(r) for r in _where(at["stars"], accounting="v1", r_source="v1")["r"]})
    sweep = _where(at["r"], strategy=ORACLE.name, grouping="oracle").sort_values("k", kind="stable")
    if sweep.empty:
        return
    sweep = _where(sweep, strategy_set=str(sweep["strategy_set"].iloc[-1]))
    even = _where(at["break_even"], strategy=ORACLE.name, accounting="v1")
    even = _where(even, strategy_set=str(sweep["strategy_set"].iloc[-1]))
    for label, group in groups.items():
        rows, ends = (_where(frame, group=label).to_dict("records") for frame in (sweep, even))
        if rows and ends:
            record.exchange[group] = {
                "rows": [[float(row[name]) for name in _SWEEP] for row in rows],
                "even": [[_END[ends[0][f"{name}_bound"]], float(ends[0][name])] for name in ("k", "k_low", "k_high")],
            }


def _group(binning: str, label: object) -> str:
    return f"{binning}:{label}"


def _triples(rows: pd.DataFrame) -> dict[int, Triple]:
    known = rows.dropna(subset=["accuracy", "low", "high"]).sort_values("budget")
    return {int(row["budget"]): _triple(row) for row in known.to_dict("records")}


def _triple(row: Mapping[Any, Any]) -> Triple:
    return [float(row[name]) for name in ("accuracy", "low", "high")]
