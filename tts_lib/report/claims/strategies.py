"""Claims 13-17, 28-30: the compute-optimal choice, what predicted difficulty costs, the large model (§3, §5.3, §7).

Judged on the tables of the analysis. The strategies to choose from are the paper's (ICLR), best-of-N weighted and beam
search with M = 4; in a study without that search, all there are.
"""

from typing import Any, Literal

import pandas as pd

from tts_lib.common.strategy import (
    BEST_FIXED,
    COMPUTE_OPTIMAL,
    FLIPPED,
    MAJORITY,
    ORACLE,
    PREDICTED,
    WEIGHTED,
    Strategy,
)
from tts_lib.estimators.intervals import Interval
from tts_lib.report.claims.claim import FEW, MANY, MIDDLE, Check, Claim
from tts_lib.report.claims.findings import EQUAL, LESS, MORE, Demand, Finding, from_interval, from_ratio, points
from tts_lib.report.results import NotMeasured, Results

_LEVEL = Strategy(COMPUTE_OPTIMAL, binning="level")
_PROBE = 8  # samples spent on the difficulty of a question
Against = Literal["easy", "medium", "hard", "all"]


def cheaper(
    choice: Strategy,
    threshold: float,
    strategy_set: str = "",
    baseline: Strategy = WEIGHTED,
    called: str = "best-of-N",
) -> Check:
    """Times fewer generations than the baseline for its accuracy at N = 64; "" = the set of searches."""

    def check(results: Results) -> Finding:
        among = strategy_set or results.strategy_set
        where = {"strategy_set": among, "strategy": choice.name, "baseline": baseline.name, "unit": "generations"}
        frame = results.rows("compute_optimal/iso", **where)
        row = _nearest(frame, "at", MIDDLE)
        bounds = (row["bound"], row["low_bound"], row["high_bound"])
        others = [f"{r['ratio']:.2g}× at {r['at']}" for r in frame.to_dict("records") if r["at"] != row["at"]]
        note = "by N: " + ", ".join(others) if others else ""
        label = f"{called} at N = {row['at']}"
        return from_ratio(row["ratio"], row["low"], row["high"], bounds, label, threshold, note)

    return check


def _gain(choice: Strategy, baseline: Strategy, demand: Demand, flip: bool = False) -> Check:
    """Accuracy of one choice minus another at N = 64 (of the baseline minus the choice with `flip`)."""

    def check(results: Results) -> Finding:
        where = {"strategy_set": results.strategy_set, "strategy": choice.name, "baseline": baseline.name}
        frame = results.rows("compute_optimal/gains", **where)
        frame = frame.loc[frame["complete"]]
        row, sign = _nearest(frame, "budget", MIDDLE), -1 if flip else 1
        low, high = sorted((sign * row["low"], sign * row["high"]))
        shown = frame.loc[frame["budget"].isin([4, FEW, MIDDLE, MANY]) & (frame["budget"] != row["budget"])]
        others = [f"{points(sign * r['gain'])} at {r['budget']}" for r in shown.to_dict("records")]
        note = "by N: " + ", ".join(others) if others else ""
        gain = _interval(sign * row["gain"], low, high)
        return from_interval(gain, row["n_questions"], f"N = {row['budget']}", demand, note)

    return check


def _after_probe(results: Results) -> Finding:
    """Gain over best-of-N weighted given as many generations, the samples spent on difficulty charged."""
    frame = results.rows("compute_optimal/probe", strategy_set=results.strategy_set, reuse=True)
    frame = frame.loc[frame["complete"] & frame["gain"].notna()]
    n_probe = _nearest(frame, "n_probe", _PROBE)["n_probe"]
    row = _nearest(frame.loc[frame["n_probe"] == n_probe], "budget", MIDDLE)
    at = f"probe of {n_probe}, {row['charged_budget']:.0f} generations in all"
    note = ""
    if pd.notna(row["gain_fixed"]):
        value, low, high = (points(row[f"gain_fixed{end}"]) for end in ("", "_low", "_high"))
        note = f"over the best fixed strategy {value} [{low}, {high}]"
    gain = _interval(row["gain"], row["gain_low"], row["gain_high"])
    return from_interval(gain, results.n_questions, at, MORE, note)


def _against_large(small: Strategy, group: Against, r_label: str, demand: Demand, strategy_set: str = "") -> Check:
    """Small model at matched FLOPs against the large model's greedy answers; judged on the difference, shown in %."""

    def check(results: Results) -> Finding:
        (row,) = results.rows(
            "flops_matched/stars",
            strategy_set=strategy_set or results.strategy_set,
            strategy=small.name,
            large=results.large_answer,
            accounting="v1",
            r_source="v1",
            r_label=r_label,
            grouping="oracle",
            group=group,
        ).to_dict("records")
        relative = _interval(row["relative"], row["relative_low"], row["relative_high"])
        known = not any(pd.isna(value) for value in (relative.estimate, relative.low, relative.high))
        at = f"R = {row['r']:g}, k = {row['k']:.0f}"
        note = f"{row['small_accuracy']:.1%} vs {row['large_accuracy']:.1%}"
        if row["capped"]:
            note += "; k is above the largest budget, which is shown"
        difference = _interval(row["difference"], row["low"], row["high"])
        return from_interval(difference, row["n_questions"], at, demand, note, relative if known else None)

    return check


def _ladder(a: Strategy, b: Strategy) -> Check:
    """Accuracy of the better verifier minus the weaker one on all questions."""

    def check(results: Results) -> Finding:
        where = {"a": a.name, "b": b.name, "grouping": "oracle", "group": "all"}
        row = _nearest(results.rows("flops_matched/ladder", **where), "budget", MIDDLE)
        difference = _interval(row["difference"], row["low"], row["high"])
        return from_interval(difference, row["n_questions"], f"N = {row['budget']}", MORE)

    return check


def _interval(estimate: float, low: float, high: float) -> Interval:
    """From a table, all of whose intervals are of 95%."""
    return Interval(estimate, low, high, 0.95)


def _nearest(frame: pd.DataFrame, column: str, wanted: int) -> dict[str, Any]:
    """The first row with the largest value up to `wanted` in the column, or else with the smallest."""
    values = sorted(set(frame[column]))
    if not values:
        raise NotMeasured("no budget at which all strategies of the choice are known")
    nearest = max((value for value in values if value <= wanted), default=values[0])
    return frame.loc[frame[column] == nearest].to_dict("records")[0]


_ISO = "iso-accuracy ratio, best-of-N at N = 64"
_RELATIVE = "relative difference at equal FLOPs"

CLAIMS = (
    Claim(
        "13a",
        "Compute-optimal search is cheaper than best-of-N (oracle bins)",
        _ISO + " above 1",
        "4 (16 vs 64, “nearly”)",
        cheaper(ORACLE, 1.0),
    ),
    Claim(
        "13b",
        "… and needs 4 times fewer generations (oracle bins)",
        _ISO + " above 4",
        "4 (16 vs 64, “nearly”)",
        cheaper(ORACLE, 4.0),
    ),
    Claim(
        "13c",
        "Compute-optimal search is cheaper than best-of-N (predicted bins)",
        _ISO + " above 1",
        "less than 4 at high N (Fig. 4)",
        cheaper(PREDICTED, 1.0),
    ),
    Claim(
        "14",
        "Predicted bins do about as well as oracle bins",
        "paired difference within 2 points",
        "overlap, weaker at high N (Fig. 4)",
        _gain(PREDICTED, ORACLE, EQUAL),
    ),
    Claim(
        "15",
        "Difficulty bins serve better than hand-given levels",
        "paired difference, oracle bins minus levels",
        "stated, no number",
        _gain(_LEVEL, ORACLE, MORE, flip=True),
    ),
    Claim(
        "16",
        "The compute-optimal strategy beats the best fixed one",
        "paired difference",
        "not reported",
        _gain(ORACLE, BEST_FIXED, MORE),
    ),
    Claim(
        "17",
        "The gain survives paying for the difficulty",
        "paired difference from best-of-N at equal total",
        "not reported",
        _after_probe,
    ),
    Claim(
        "28a",
        "Revisions beat the large model on easy questions, R ≪ 1",
        _RELATIVE,
        "+21.6% (Fig. 1)",
        _against_large(ORACLE, "easy", "low", MORE, "revisions"),
    ),
    Claim(
        "28b",
        "… and on medium questions, R ≪ 1",
        _RELATIVE,
        "+27.8% (Fig. 1)",
        _against_large(ORACLE, "medium", "low", MORE, "revisions"),
    ),
    Claim(
        "28c",
        "Search beats the large model on easy questions, R ≪ 1",
        _RELATIVE,
        "wins (Fig. 9)",
        _against_large(ORACLE, "easy", "low", MORE),
    ),
    Claim(
        "28d",
        "… and on medium questions, R ≪ 1",
        _RELATIVE,
        "wins (Fig. 9)",
        _against_large(ORACLE, "medium", "low", MORE),
    ),
    Claim(
        "28e",
        "So does the choice among both mechanisms, on medium questions, R ≪ 1",
        _RELATIVE,
        "not tested",
        _against_large(ORACLE, "medium", "low", MORE, "both"),
    ),
    Claim(
        "29a",
        "The large model wins against revisions on hard questions, R ≫ 1",
        _RELATIVE,
        "−37.2% (Fig. 1)",
        _against_large(ORACLE, "hard", "high", LESS, "revisions"),
    ),
    Claim(
        "29b",
        "… and against search",
        _RELATIVE,
        "wins (Fig. 9)",
        _against_large(ORACLE, "hard", "high", LESS),
    ),
    Claim(
        "30a",
        "A PRM with 20% flipped scores beats no verifier",
        "paired difference, best-of-N weighted minus majority",
        "B above A (ICLR Fig. 17)",
        _ladder(FLIPPED, MAJORITY),
    ),
    Claim(
        "30b",
        "The PRM beats itself with 20% flipped scores",
        "paired difference, best-of-N weighted",
        "C above B (ICLR Fig. 17)",
        _ladder(WEIGHTED, FLIPPED),
    ),
    Claim(
        "30c",
        "Majority voting alone loses to the large model, R ≈ 1",
        _RELATIVE,
        "mostly loses (ICLR Fig. 17)",
        _against_large(MAJORITY, "all", "one", LESS, "single"),
    ),
)
