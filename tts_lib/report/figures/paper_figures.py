"""The figures of the report: the paper's, redrawn from our data with its values as hollow markers, and some more."""

from functools import partial

import pandas as pd
from matplotlib.axes import Axes

from tts_lib.plots import bars, curves, style
from tts_lib.report.figures import paper_values, revisions
from tts_lib.report.figures.figure import HOLLOW, ReportFigure, draw_curves, strategy_curves, with_paper
from tts_lib.report.results import NotMeasured, Results

_LINES = (
    "Lines: the small model, compute-optimal, by oracle bin. Stars: one answer of the large model, at the budget that "
    "costs as many FLOPs, for three ratios R of inference to pretraining."
)
_NAMES = {"weighted:prm_last": "best_of_n_weighted"}
_STARS = {
    "small": "compute_optimal_oracle",
    "accounting": "v1",
    "r_source": "v1",
    "grouping": "oracle",
}


def _search(results: Results) -> pd.DataFrame:
    return strategy_curves(results, ["majority", "weighted:prm_last", *results.search], at_least=1).replace(_NAMES)


def _by_bin(results: Results) -> pd.DataFrame:
    """Best-of-N weighted and beam search (or the first search there is) in the oracle bins, at the search budgets."""
    searches = [name for name in ("beam_4", *results.search) if name in results.search][:1]
    frame = results.tables["compute_optimal/bins"]
    frame = frame[(frame["difficulty"] == "oracle") & frame["strategy"].isin(["best_of_n_weighted", *searches])]
    budgets = results.budgets("weighted:prm_last", *searches)
    return frame[frame["budget"].isin(budgets)].drop(columns=["difficulty"]).reset_index(drop=True)


def _compute_optimal(results: Results) -> pd.DataFrame:
    frame = results.tables["compute_optimal/accuracy"]
    chosen = frame["curve"].isin(["compute_optimal_predicted", "compute_optimal_oracle"])
    frame = frame[chosen & (frame["strategy_set"] == results.strategy_set) & frame["complete"]].rename(
        columns={"curve": "strategy"}
    )
    base = strategy_curves(results, ["majority", "best_of_n:orm", "weighted:prm_last"]).replace(_NAMES)
    return pd.concat([base, frame[list(base.columns)]], ignore_index=True)


def _gain(results: Results) -> pd.DataFrame:
    frame = results.tables["compute_optimal/gains"]
    chosen = frame["curve"].isin(["compute_optimal_predicted", "compute_optimal_oracle"])
    frame = frame[chosen & (frame["strategy_set"] == "all") & (frame["baseline"] == "best_fixed") & frame["complete"]]
    return frame[["curve", "budget", "gain", "low", "high"]].reset_index(drop=True)


def _shares(results: Results) -> pd.DataFrame:
    frame = results.tables["compute_optimal/shares"]
    chosen = (frame["difficulty"] == "oracle") & (frame["policy"] == "cross_validated")
    frame = frame[chosen & (frame["strategy_set"] == "all") & frame["complete"]]
    return frame[["bin", "budget", "strategy", "share"]].reset_index(drop=True)


def _iso(results: Results) -> pd.DataFrame:
    frame = results.tables["compute_optimal/iso"]
    names = {
        "compute_optimal_oracle": "oracle bins",
        "compute_optimal_predicted": "predicted",
        "best_fixed": "best fixed",
    }
    chosen = frame["curve"].isin(list(names)) & (frame["baseline"] == "best_of_n_weighted")
    frame = frame[chosen & (frame["strategy_set"] == results.strategy_set) & (frame["unit"] == "generations")]
    frame = frame.assign(label=frame["curve"].map(names) + ", N = " + frame["at"].astype(str))
    return frame[["label", "ratio", "bound", "low", "low_bound", "high", "high_bound"]].reset_index(drop=True)


def _flops(results: Results, strategy_set: str = "") -> pd.DataFrame:
    """Lines (kind line), stars (star) and for revisions the paper's values (paper) by bin; x is the budget."""
    strategy_set = strategy_set or results.strategy_set
    lines = results.tables["flops_matched/lines"]
    chosen = (lines["strategy_set"] == strategy_set) & (lines["curve"] == _STARS["small"])
    chosen &= lines["grouping"] == "oracle"
    bins = sorted(set(results.difficulty["oracle_bin"].astype(str)))
    lines = lines[chosen & lines["group"].isin(bins)]
    stars = _stars(results, strategy_set)
    stars = stars[stars["group"].isin(bins)]
    theirs = paper_values.values("9").rename(columns={"series": "group", "value": "accuracy"})
    theirs = theirs if strategy_set == "revisions" and len(lines) else theirs.head(0)
    stars = stars.drop(columns=["low", "high"]).rename(columns={"k": "budget", "large_accuracy": "accuracy"})
    parts = {"line": lines, "star": stars, "paper": theirs}
    found = pd.concat([part.assign(kind=kind) for kind, part in parts.items()], ignore_index=True)
    return found[["kind", "group", "budget", "accuracy", "low", "high", "r"]]


def _stars(results: Results, strategy_set: str) -> pd.DataFrame:
    """The comparisons that are drawn: the compute-optimal small model against one answer of the large one."""
    frame = results.tables["flops_matched/stars"]
    for column, value in (_STARS | {"strategy_set": strategy_set, "large": results.large_answer}).items():
        frame = frame[frame[column] == value]
    return frame


def _draw_flops(data: pd.DataFrame, ax: Axes) -> None:
    line, star, theirs = (data[data["kind"] == kind] for kind in ("line", "star", "paper"))
    curves.flops_matched(line, star.rename(columns={"accuracy": "large_accuracy"}), ax)
    if len(theirs):
        curves.paper_markers(theirs.rename(columns={"group": "series", "accuracy": "value"}), ax)


def _relative(results: Results, strategy_set: str = "") -> pd.DataFrame:
    frame = _stars(results, strategy_set or results.strategy_set)
    frame = frame[frame["group"].isin(["easy", "medium", "hard"])]
    columns = ["group", "r_label", "r", "k", "relative", "relative_low", "relative_high"]
    return frame[columns].reset_index(drop=True)


def _spectrum(results: Results) -> pd.DataFrame:
    frame = results.difficulty.rename(columns={"oracle": "pass_at_1"}).reset_index()
    return frame[["question_id", "subject", "level", "pass_at_1"]]


FIGURES: tuple[ReportFigure, ...] = (
    ReportFigure(
        "accuracy_by_budget_search",
        "Search against best-of-N (Figure 3, left)",
        f"Each method at equal generations, lookahead charged for its rollouts. {style.BAND_NOTE} {HOLLOW}",
        with_paper(_search, "3 left"),
        draw_curves,
    ),
    ReportFigure(
        "accuracy_by_bin_search",
        "Search inside difficulty bins (Figure 3, right)",
        "Beam search and best-of-N weighted in quintiles of oracle difficulty, by budget. " + style.BAND_NOTE,
        _by_bin,
        bars.accuracy_by_bin,
    ),
    ReportFigure(
        "accuracy_by_budget_compute_optimal",
        "The compute-optimal strategy (Figure 4)",
        "The strategy (in the paper best-of-N weighted or beam search) chosen per bin and budget by two-fold "
        "cross-validation. "
        f"{style.BAND_NOTE} {HOLLOW}",
        with_paper(_compute_optimal, "4"),
        draw_curves,
    ),
    ReportFigure(
        "accuracy_by_budget_flops_matched",
        "Search against the large model (Figure 9, right)",
        f"{_LINES} {style.BAND_NOTE}",
        _flops,
        _draw_flops,
    ),
    ReportFigure(
        "relative_change_by_group",
        "The same, relative to the large model (Figure 1, right)",
        "Above zero test-time compute is the better buy, below it pretraining. " + style.BAND_NOTE,
        _relative,
        bars.relative_change,
    ),
    ReportFigure(
        "accuracy_by_budget_flops_matched_revisions",
        "Revisions against the large model (Figure 9, left)",
        f"{_LINES} {style.BAND_NOTE} Hollow markers: the paper's values, read off its chart.",
        partial(_flops, strategy_set="revisions"),
        _draw_flops,
    ),
    ReportFigure(
        "relative_change_by_group_revisions",
        "The same, relative to the large model (Figure 1, right)",
        "Above zero test-time compute is the better buy, below it pretraining. " + style.BAND_NOTE,
        partial(_relative, strategy_set="revisions"),
        bars.relative_change,
    ),
    ReportFigure(
        "accuracy_by_budget_aggregation",
        "From step scores to a solution's score (Figure 13)",
        "Best-of-N weighted with the PRM's step scores reduced in four ways. " + style.BAND_NOTE,
        partial(strategy_curves, strategies=[f"weighted:prm_{how}" for how in ("min", "prod", "mean", "last")]),
        draw_curves,
    ),
    ReportFigure(
        "accuracy_by_budget_prm_orm",
        "PRM against ORM (Figure 14)",
        "Best-of-N weighted; the label-matched ORM saw as many labels as the PRM. " + style.BAND_NOTE,
        partial(strategy_curves, strategies=["majority", "weighted:orm_matched", "weighted:orm", "weighted:prm_last"]),
        draw_curves,
    ),
    ReportFigure(
        "accuracy_by_budget_weighted_plain",
        "Weighted against plain best-of-N (ICLR Figure 13)",
        "Full lines sum the scores over equal answers, dashed ones take the best single solution. " + style.BAND_NOTE,
        partial(
            strategy_curves,
            strategies=["best_of_n:orm", "weighted:orm", "best_of_n:prm_last", "weighted:prm_last"],
        ),
        draw_curves,
    ),
    ReportFigure(
        "iso_ratio",
        "How many times cheaper",
        "Generations that best-of-N weighted needs, divided by those of the policy, for the accuracy of best-of-N at N."
        " Arrows: the truth lies further that way, off the grid. Bars: 95% bootstrap over questions.",
        _iso,
        curves.iso_ratio,
    ),
    ReportFigure(
        "gain_over_best_fixed_by_budget",
        "What adapting to difficulty adds",
        "Compute-optimal minus the best single strategy, both chosen on the other half of the questions, among all "
        f"strategies. {style.BAND_NOTE}",
        _gain,
        partial(curves.difference_by_budget, by="curve", value="gain"),
    ),
    ReportFigure(
        "strategy_shares",
        "Which strategy is compute-optimal",
        "The strategy chosen most often per oracle bin and budget, and the share of the splits that chose it.",
        _shares,
        bars.strategy_shares,
    ),
    *revisions.FIGURES,
    ReportFigure(
        "pass_at_1_spectrum",
        "How hard the questions are",
        "Share of right samples of the base model, question by question.",
        _spectrum,
        curves.spectrum,
    ),
)


def available(results: Results) -> list[ReportFigure]:
    """The figures this study has data for."""
    return [figure for figure in FIGURES if _has_data(figure, results)]


def _has_data(figure: ReportFigure, results: Results) -> bool:
    try:
        return len(figure.data(results)) > 0
    except NotMeasured:
        return False
