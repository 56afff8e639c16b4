"""What a figure of the report is: data (saved as CSV beside the picture), a drawing of exactly that data, and what is
said of it, which may depend on what was run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from tts_lib.common import tables
from tts_lib.common.strategy import STRATEGY_COLUMNS, Strategy
from tts_lib.plots import curves, style
from tts_lib.report.figures import paper_values
from tts_lib.report.results import NotMeasured, Results

CURVE_COLUMNS = [*STRATEGY_COLUMNS, "budget", "accuracy", "low", "high"]
SHARE_COLUMNS = ["bin", "budget", "strategy", "rule", "score", "length", "share"]
HOLLOW = "Hollow markers: the paper's values for PaLM 2-S* on MATH, read off its charts (±1-2 points)."
Words = str | Callable[[Results], str]


@dataclass(frozen=True)
class ReportFigure:
    """One figure: what it shows, the tidy data, and how that is drawn."""

    name: str  # of its files
    title: Words
    see: str  # what to look for, said before how it was made
    caption: Words
    data: Callable[[Results], pd.DataFrame]
    draw: Callable[..., None]  # data, axes, and with `by_bin` the number of difficulty bins
    by_bin: bool = False  # names difficulty bins
    hollow: str = HOLLOW  # said where the data hold values of the paper

    def of(self, results: Results) -> "Drawing":
        """The figure of one study.

        Raises:
            NotMeasured: the study has no data for it.
        """
        data = self.data(results)
        if data.empty:
            raise NotMeasured(f"there is nothing to draw in {self.name}")
        caption = " ".join(
            filter(None, (self.see, _said(self.caption, results), self.hollow if _holds_paper(data) else ""))
        )
        draw = partial(self.draw, n_bins=results.n_bins) if self.by_bin else self.draw
        return Drawing(self.name, _said(self.title, results), caption, data, draw)

    def shown(self, results: Results, folder: Path) -> "Shown | None":
        """The figure of one study, drawn and written; None where there is no data for it.

        Raises:
            WriteError: disk full, no permission.
        """
        try:
            drawing = self.of(results)
        except NotMeasured:
            return None
        return Shown(drawing.name, drawing.title, drawing.caption, drawing.saved(folder))


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure of one study, with its data."""

    name: str
    title: str
    caption: str
    data: pd.DataFrame
    draw: Callable[[pd.DataFrame, Axes], None]

    def saved(self, folder: Path) -> style.Picture:
        """Draw it, and write data and picture.

        Raises:
            WriteError: disk full, no permission.
        """
        tables.write_csv(self.data, folder / f"{self.name}.csv")
        fig, ax = plt.subplots(figsize=style.TALL)
        self.draw(self.data, ax)
        return style.save_figure(fig, folder / self.name)


@dataclass(frozen=True)
class Shown:
    """What a reader sees of a figure."""

    name: str
    title: str
    caption: str
    picture: style.Picture


def strategy_curves(results: Results, strategies: Sequence[Strategy], at_least: int = 2) -> pd.DataFrame:
    """Mean accuracy of strategies at every budget with intervals, columns as CURVE_COLUMNS.

    Empty where fewer than `at_least` of them are known: there is nothing to compare.
    """
    known = [strategy for strategy in strategies if strategy in results.accuracy]
    rows = []
    for strategy in known if len(known) >= at_least else []:
        for budget in results.budgets(strategy):
            mean = results.attained(strategy, budget)
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
    """The data with the paper's values of the same strategies: a further column `paper`, empty for ours.

    None are added to a study that reaches none of the paper's budgets: they would only squeeze its curves.
    """

    def combined(results: Results) -> pd.DataFrame:
        ours = data(results)
        theirs = paper_values.values(figure).loc[:, ["series", "budget", "value"]]
        theirs = theirs.rename(columns={"series": "strategy", "value": "paper"})
        theirs = theirs.merge(ours.loc[:, STRATEGY_COLUMNS].drop_duplicates(), on="strategy")
        if theirs.empty or ours["budget"].max() < theirs["budget"].min():
            return ours
        return pd.concat([ours, theirs], ignore_index=True)

    return combined


def _holds_paper(data: pd.DataFrame) -> bool:
    """Whether values of the paper stand in a column of their own, or in rows of their own kind."""
    return ("paper" in data and bool(data["paper"].notna().any())) or ("kind" in data and "paper" in set(data["kind"]))


def _said(words: Words, results: Results) -> str:
    return words if isinstance(words, str) else words(results)
