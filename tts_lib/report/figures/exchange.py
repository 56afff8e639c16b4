"""The paper's figures on test-time compute against pretraining (§7): a small model, and one answer of a large one."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
from matplotlib.axes import Axes

from tts_lib.common.strategy import ORACLE
from tts_lib.plots import bars, curves, style
from tts_lib.report.figures import paper_values
from tts_lib.report.figures.figure import ReportFigure
from tts_lib.report.results import Results

_RATIOS = {1: "one ratio", 2: "two ratios", 3: "three ratios"}


def _flops(results: Results, strategy_set: str = "") -> pd.DataFrame:
    """Lines (kind line), stars (star) and for revisions the paper's values (paper) by bin; x is the budget."""
    among = strategy_set or results.strategy_set
    bins = sorted(set(results.difficulty["oracle_bin"].astype(str)))
    drawn = {"strategy_set": among, "strategy": ORACLE.name, "grouping": "oracle", "group": bins}
    lines = results.rows("flops_matched/lines", **drawn)
    stars = _stars(results, among, bins).drop(columns=["low", "high"])
    stars = stars.rename(columns={"k": "budget", "large_accuracy": "accuracy"})
    theirs = paper_values.values("9").rename(columns={"series": "group", "value": "accuracy"})
    theirs = theirs if among == "revisions" else theirs.head(0)
    parts = {"line": lines, "star": stars, "paper": theirs}
    found = pd.concat([part.assign(kind=kind) for kind, part in parts.items()], ignore_index=True)
    return found.loc[:, ["kind", "group", "budget", "accuracy", "low", "high", "r"]]


def _of_lines(results: Results) -> str:
    n_ratios = len(set(results.tables["flops_matched/stars"]["r_label"]))
    return (
        "Lines: the small model, compute-optimal, by oracle bin. Stars: one answer of the large model, at the budget "
        f"that costs as many FLOPs, for {_RATIOS.get(n_ratios, f'{n_ratios} ratios')} R of inference to pretraining. "
        f"{style.BAND_NOTE}"
    )


def _stars(results: Results, strategy_set: str, groups: Sequence[str]) -> pd.DataFrame:
    """The comparisons that are drawn: the compute-optimal small model against one answer of the large one."""
    of_both = {"strategy_set": strategy_set, "strategy": ORACLE.name, "large": results.large_answer}
    counted = {"accounting": "v1", "r_source": "v1", "grouping": "oracle", "group": groups}
    return results.rows("flops_matched/stars", **of_both, **counted)


def _draw_flops(data: pd.DataFrame, ax: Axes, n_bins: int) -> None:
    line, star, theirs = (data.loc[data["kind"] == kind] for kind in ("line", "star", "paper"))
    curves.flops_matched(line, star.rename(columns={"accuracy": "large_accuracy", "budget": "k"}), ax, n_bins)
    if len(theirs):
        curves.paper_markers(theirs.rename(columns={"accuracy": "value"}), ax, by="group")


def _relative(results: Results, strategy_set: str = "") -> pd.DataFrame:
    frame = _stars(results, strategy_set or results.strategy_set, ["easy", "medium", "hard"])
    columns = ["group", "r_label", "r", "k", "relative", "relative_low", "relative_high"]
    return frame.loc[:, columns].reset_index(drop=True)


FIGURES: tuple[ReportFigure, ...] = (
    ReportFigure(
        "accuracy_by_budget_flops_matched",
        lambda results: f"{'Search' if results.search else 'Selection'} against the large model (Figure 9, right)",
        "A star below its line: there test-time compute is the better buy, above it the larger model.",
        _of_lines,
        _flops,
        _draw_flops,
        by_bin=True,
    ),
    ReportFigure(
        "relative_change_by_group",
        "The same, relative to the large model (Figure 1, right)",
        "Above zero test-time compute is the better buy, below it pretraining; a bar whose interval crosses "
        "zero decides nothing.",
        style.BAND_NOTE,
        _relative,
        bars.relative_change,
        by_bin=True,
    ),
    ReportFigure(
        "accuracy_by_budget_flops_matched_revisions",
        "Revisions against the large model (Figure 9, left)",
        "A star below its line: there revising is the better buy, above it the larger model.",
        _of_lines,
        partial(_flops, strategy_set="revisions"),
        _draw_flops,
        by_bin=True,
        hollow="Hollow markers: the paper's values, read off its chart.",
    ),
    ReportFigure(
        "relative_change_by_group_revisions",
        "The same, relative to the large model (Figure 1, right)",
        "Above zero revising is the better buy, below it pretraining; a bar whose interval crosses zero "
        "decides nothing.",
        style.BAND_NOTE,
        partial(_relative, strategy_set="revisions"),
        bars.relative_change,
        by_bin=True,
    ),
)
