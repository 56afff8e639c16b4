"""What a figure of the report is: data (saved as CSV beside the picture) and a drawing of exactly that data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from tts_lib.common.strategy import STRATEGY_COLUMNS, Strategy
from tts_lib.estimators import intervals
from tts_lib.plots import curves
from tts_lib.report.figures import paper_values
from tts_lib.report.results import Results

CURVE_COLUMNS = [*STRATEGY_COLUMNS, "budget", "accuracy", "low", "high"]
SHARE_COLUMNS = ["bin", "budget", "strategy", "rule", "score", "length", "share"]
HOLLOW = "Hollow markers: the paper's values for PaLM 2-S* on MATH, read off its charts (±1-2 points)."


@dataclass(frozen=True)
class ReportFigure:
    """One figure: what it shows, the tidy data, and how that is drawn."""

    name: str  # of its files
    title: str
    caption: str
    data: Callable[[Results], pd.DataFrame]
    draw: Callable[[pd.DataFrame, Axes], None]


def strategy_curves(results: Results, strategies: Sequence[Strategy], at_least: int = 2) -> pd.DataFrame:
    """Mean accuracy of strategies at every budget with intervals, columns as CURVE_COLUMNS.

    Empty where fewer than `at_least` of them are known: there is nothing to compare.
    """
    weights = results.weights(results.n_questions)
    known = [strategy for strategy in strategies if strategy in results.accuracy]
    rows = []
    for strategy in known if len(known) >= at_least else []:
        for budget in results.budgets(strategy):
            mean = intervals.mean_interval(results.of(strategy, budget), weights)
            values = {"budget": budget, "accuracy": mean.estimate, "low": mean.low, "high": mean.high}
            rows.append(strategy.columns | values)
    return pd.DataFrame(rows, columns=CURVE_COLUMNS)


def draw_curves(data: pd.DataFrame, ax: Axes) -> None:
    """Lines of ours; a column `paper` becomes hollow markers."""
    theirs = data["paper"].notna() if "paper" in data else pd.Series(False, index=data.index)
    curves.accuracy_by_budget(data.loc[~theirs], ax)
    if any(theirs):
        curves.paper_markers(data.loc[theirs].rename(columns={"paper": "value"}), ax)


def with_paper(data: Callable[[Results], pd.DataFrame], figure: str) -> Callable[[Results], pd.DataFrame]:
    """The data with the paper's values of the same strategies: a further column `paper`, empty for ours."""

    def combined(results: Results) -> pd.DataFrame:
        ours = data(results)
        theirs = paper_values.values(figure).loc[:, ["series", "budget", "value"]]
        theirs = theirs.rename(columns={"series": "strategy", "value": "paper"})
        theirs = theirs.merge(ours.loc[:, STRATEGY_COLUMNS].drop_duplicates(), on="strategy")
        return pd.concat([ours, theirs], ignore_index=True)

    return combined
