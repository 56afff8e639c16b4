"""Claims 13-17, 28-30: the compute-optimal strategy, what predicted difficulty costs, the large model (§3, §5.3, §7).

Judged on the tables of the analysis. The strategies to choose from are the paper's (ICLR), best-of-N weighted and beam
search with M = 4; in a study without that search, all there are.
"""

from typing import Literal

import pandas as pd

from tts_lib.report.claims.claim import FEW, MANY, MIDDLE, Check, Claim
from tts_lib.report.claims.findings import EQUAL_MARGIN, Finding, Rule, from_interval, from_ratio, points
from tts_lib.report.results import NotMeasured, Results

_ORACLE, _PREDICTED = "compute_optimal_oracle", "compute_optimal_predicted"
_PROBE = 8  # samples spent on the difficulty of a question
_BASELINES = {"best_of_n_weighted": "best-of-N", "revise_1": "parallel"}
Against = Literal["easy", "medium", "hard", "all"]


def cheaper(curve: str, threshold: float, strategy_set: str = "", baseline: str = "best_of_n_weighted") -> Check:
    """Times fewer generations than the baseline for its accuracy at N = 64; "" = the set of searches."""

    def check(results: Results) -> Finding:
        where = {
            "strategy_set": strategy_set or results.strategy_set,
            "curve": curve,
            "baseline": baseline,
            "unit": "generations",
        }
        frame = _rows(results, "compute_optimal/iso", **where)
        at = _nearest(frame["at"], MIDDLE)
        row = frame[frame["at"] == at].iloc[0]
        bounds = (row["bound"], row["low_bound"], row["high_bound"])
        others = [f"{r['ratio']:.2g}× at {r['at']}" for _, r in frame.iterrows() if r["at"] != at]
        note = "by N: " + ", ".join(others) if others else ""
        label = f"{_BASELINES[baseline]} at N = {at}"
        return from_ratio(row["ratio"], row["low"], row["high"], bounds, label, threshold, note)

    return check


def _gain(curve: str, baseline: str, wanted: int, rule: Rule, margin: float = 0.0, flip: bool = False) -> Check:
    """Accuracy of one policy minus another at equal budget (of the baseline minus the curve with `flip`)."""

    def check(results: Results) -> Finding:
        frame = _rows(
            results, "compute_optimal/gains", strategy_set=results.strategy_set, curve=curve, baseline=baseline
        )
        frame = frame[frame["complete"]]
        n = _nearest(frame["budget"], wanted)
        row, sign = frame[frame["budget"] == n].iloc[0], -1 if flip else 1
        low, high = sorted((sign * row["low"], sign * row["high"]))
        shown = frame[frame["budget"].isin([4, FEW, MIDDLE, MANY]) & (frame["budget"] != n)]
        others = [f"{points(sign * r['gain'])} at {r['budget']}" for _, r in shown.iterrows()]
        note = "by N: " + ", ".join(others) if others else ""
        size = int(row["n_questions"])
        return from_interval(sign * row["gain"], low, high, size, f"N = {n}", rule, margin=margin, note=note)

    return check


def _after_probe(results: Results) -> Finding:
    """Gain over best-of-N weighted given as many generations, the samples spent on difficulty charged."""
    frame = _rows(results, "compute_optimal/probe", strategy_set=results.strategy_set, reuse=True)
    frame = frame[frame["complete"] & frame["gain"].notna()]
    n_probe = _nearest(frame["n_probe"], _PROBE)
    frame = frame[frame["n_probe"] == n_probe]
    row = frame[frame["budget"] == _nearest(frame["budget"], MIDDLE)].iloc[0]
    at = f"probe of {n_probe}, {row['charged_budget']:.0f} generations in all"
    note = ""
    if pd.notna(row["gain_fixed"]):
        value, low, high = (points(row[f"gain_fixed{end}"]) for end in ("", "_low", "_high"))
        note = f"over the best fixed strategy {value} [{low}, {high}]"
    return from_interval(row["gain"], row["gain_low"], row["gain_high"], results.n_questions, at, "more", note=note)


def _against_large(small: str, group: Against, r_label: str, rule: Rule, strategy_set: str = "") -> Check:
    """Small model at matched FLOPs against the large model's greedy answers; judged on the difference, shown in %."""

    def check(results: Results) -> Finding:
        row = results.row(
            "flops_matched/stars",
            strategy_set=strategy_set or results.strategy_set,
            small=small,
            large=results.large_answer,
            accounting="v1",
            r_source="v1",
            r_label=r_label,
            grouping="oracle",
            group=group,
        )
        shown = tuple(float(row[name]) for name in ("relative", "relative_low", "relative_high"))
        percent = (shown[0], shown[1], shown[2]) if not any(pd.isna(value) for value in shown) else None
        at = f"R = {row['r']:g}, k = {row['k']:.0f}"
        note = f"{row['small_accuracy']:.1%} vs {row['large_accuracy']:.1%}"
        if row["capped"]:
            note += "; k is above the largest budget, which is shown"
        return from_interval(
            row["difference"], row["low"], row["high"], int(row["n_questions"]), at, rule, note=note, percent=percent
        )

    return check


def _ladder(a: str, b: str) -> Check:
    """Accuracy of the better verifier minus the weaker one on all questions."""

    def check(results: Results) -> Finding:
        frame = _rows(results, "flops_matched/ladder", a=a, b=b, grouping="oracle", group="all")
        n = _nearest(frame["budget"], MIDDLE)
        row = frame[frame["budget"] == n].iloc[0]
        size = int(row["n_questions"])
        return from_interval(row["difference"], row["low"], row["high"], size, f"N = {n}", "more")

    return check


def _rows(results: Results, table: str, **where: str | int | bool) -> pd.DataFrame:
    if (frame := results.tables.get(table)) is None:
        raise NotMeasured(f"there is no table {table}")
    for column, value in where.items():
        frame = frame[frame[column] == value]
    if frame.empty:
        raise NotMeasured(f"{table} has no rows with {', '.join(str(value) for value in where.values())}")
    return frame


def _nearest(values: pd.Series, wanted: int) -> int:
    """The largest of the values up to `wanted`, or else the smallest."""
    if values.empty:
        raise NotMeasured("no budget at which all strategies of the choice are known")
    at_most = values[values <= wanted]
    return int(at_most.max() if len(at_most) else values.min())


_ISO = "iso-accuracy ratio, best-of-N at N = 64"
_RELATIVE = "relative difference at equal FLOPs"

CLAIMS = (
    Claim(
        "13a",
        "Compute-optimal search is cheaper than best-of-N (oracle bins)",
        _ISO + " above 1",
        "4 (16 vs 64, “nearly”)",
        cheaper(_ORACLE, 1.0),
    ),
    Claim(
        "13b",
        "… and needs 4 times fewer generations (oracle bins)",
        _ISO + " above 4",
        "4 (16 vs 64, “nearly”)",
        cheaper(_ORACLE, 4.0),
    ),
    Claim(
        "13c",
        "Compute-optimal search is cheaper than best-of-N (predicted bins)",
        _ISO + " above 1",
        "less than 4 at high N (Fig. 4)",
        cheaper(_PREDICTED, 1.0),
    ),
    Claim(
        "14",
        "Predicted bins do about as well as oracle bins",
        "paired difference within 2 points",
        "overlap, weaker at high N (Fig. 4)",
        _gain(_PREDICTED, _ORACLE, MIDDLE, "equal", EQUAL_MARGIN),
    ),
    Claim(
        "15",
        "Difficulty bins serve better than hand-given levels",
        "paired difference, oracle bins minus levels",
        "stated, no number",
        _gain("compute_optimal_level", _ORACLE, MIDDLE, "more", flip=True),
    ),
    Claim(
        "16",
        "The compute-optimal strategy beats the best fixed one",
        "paired difference",
        "not reported",
        _gain(_ORACLE, "best_fixed", MIDDLE, "more"),
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
        _against_large(_ORACLE, "easy", "low", "more", "revisions"),
    ),
    Claim(
        "28b",
        "… and on medium questions, R ≪ 1",
        _RELATIVE,
        "+27.8% (Fig. 1)",
        _against_large(_ORACLE, "medium", "low", "more", "revisions"),
    ),
    Claim(
        "28c",
        "Search beats the large model on easy questions, R ≪ 1",
        _RELATIVE,
        "wins (Fig. 9)",
        _against_large(_ORACLE, "easy", "low", "more"),
    ),
    Claim(
        "28d",
        "… and on medium questions, R ≪ 1",
        _RELATIVE,
        "wins (Fig. 9)",
        _against_large(_ORACLE, "medium", "low", "more"),
    ),
    Claim(
        "28e",
        "So does the choice among both mechanisms, on medium questions, R ≪ 1",
        _RELATIVE,
        "not tested",
        _against_large(_ORACLE, "medium", "low", "more", "both"),
    ),
    Claim(
        "29a",
        "The large model wins against revisions on hard questions, R ≫ 1",
        _RELATIVE,
        "−37.2% (Fig. 1)",
        _against_large(_ORACLE, "hard", "high", "less", "revisions"),
    ),
    Claim(
        "29b",
        "… and against search",
        _RELATIVE,
        "wins (Fig. 9)",
        _against_large(_ORACLE, "hard", "high", "less"),
    ),
    Claim(
        "30a",
        "A PRM with 20% flipped scores beats no verifier",
        "paired difference, best-of-N weighted minus majority",
        "B above A (ICLR Fig. 17)",
        _ladder("B_flipped", "A_majority"),
    ),
    Claim(
        "30b",
        "The PRM beats itself with 20% flipped scores",
        "paired difference, best-of-N weighted",
        "C above B (ICLR Fig. 17)",
        _ladder("C_prm", "B_flipped"),
    ),
    Claim(
        "30c",
        "Majority voting alone loses to the large model, R ≈ 1",
        _RELATIVE,
        "mostly loses (ICLR Fig. 17)",
        _against_large("majority", "all", "one", "less", "single"),
    ),
)
