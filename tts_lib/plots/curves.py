"""Lines and points from tidy tables: accuracy against budget, training, calibration, difficulty, the large model.

Each function draws a DataFrame on an Axes and touches no file. Columns `low` and `high`, where there are any, become
a band or a bar. Budgets stand on a log2 axis.
"""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from tts_lib.plots import looks, style
from tts_lib.plots.looks import Look

_EXACT, _AT_LEAST, _AT_MOST = "exact", "at_least", "at_most"

_LAWS = {"law": "-", "power_law": "--"}


def accuracy_by_budget(df: pd.DataFrame, ax: Axes, by: str = "strategy", x: str = "budget") -> None:
    """One line a strategy. Columns {by}, {x}, accuracy[, low, high]; {x} other than a budget is a cost (log10)."""
    for look, rows in looks.lines(df, by):
        _line(rows, ax, x, "accuracy", look)
    _x_axis(ax, x)
    style.share_axis(ax)
    style.legend_below(ax)


def forecasts(df: pd.DataFrame, ax: Axes) -> None:
    """Coverage as laws forecast it. Columns law (law, power_law), budget, accuracy."""
    for law, part in df.groupby("law"):
        ax.plot(part["budget"], part["accuracy"], color=looks.RED, linewidth=1, linestyle=_LAWS[str(law)])


def accuracy_by_position(df: pd.DataFrame, ax: Axes) -> None:
    """Fig. 6 left: accuracy of each attempt of a chain. Columns strategy, position, accuracy[, low, high]."""
    for look, rows in looks.lines(df, "strategy"):
        _line(rows, ax, "position", "accuracy", look)
    ax.set_xlabel("attempt of a chain")
    style.share_axis(ax)
    style.legend_below(ax)


def accuracy_by_checkpoint(df: pd.DataFrame, step: str, chosen: int, ax: Axes) -> None:
    """Validation accuracy of attempt `step` along training. Columns checkpoint, 1 (first attempts) and {step}."""
    for column, name in (("1", "first attempts"), (step, f"attempts after {int(step) - 1} others")):
        ax.plot(df["checkpoint"], df[column], marker="o", markersize=4, label=name)
    ax.axvline(chosen, color=looks.INK, linewidth=0.8, linestyle=":", label="chosen")
    ax.set_xlabel("checkpoint")
    style.share_axis(ax)
    style.legend_below(ax)


def accuracy_by_ratio(df: pd.DataFrame, ax: Axes, by: str = "budget") -> None:
    """Fig. 7: accuracy against sequential : parallel, a line each. Columns {by}, budget, length, accuracy[, low, high].

    A chain of L attempts among N / L stands at L^2 / N: to the right all is sequential.
    """
    names = list(dict.fromkeys(df[by]))
    for name, shade in zip(names, mpl.colormaps["viridis"](np.linspace(0.0, 0.85, len(names))), strict=True):
        part = df.loc[df[by] == name].sort_values("length")
        ratio = part["length"] ** 2 / part["budget"]
        label = f"N = {name}" if by == "budget" else str(name)
        ax.plot(ratio, part["accuracy"], marker="o", markersize=4, color=shade, label=label)
        if "low" in part:
            ax.fill_between(ratio, part["low"], part["high"], color=shade, alpha=0.15, linewidth=0)
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(style.Powers(base=2))
    ax.set_xlabel("sequential : parallel")
    style.share_axis(ax)
    style.legend_below(ax)


def paper_markers(df: pd.DataFrame, ax: Axes, by: str = "strategy") -> None:
    """The paper's values as hollow markers in the strategy's colour. Columns {by}, budget, value."""
    for look, rows in looks.lines(df, by):
        marker = {"s": 30, "color": "none", "edgecolors": look.color, "marker": look.marker, "linewidths": 1.1}
        ax.scatter(rows["budget"], rows["value"], zorder=3, **marker)
    ax.scatter([], [], s=30, color="none", edgecolors=looks.INK, marker="o", label="hollow: paper (chart reading)")
    style.legend_below(ax)


def gain_by_budget(df: pd.DataFrame, ax: Axes) -> None:
    """Paired differences with their zero line. Columns of a strategy, budget, gain[, low, high]."""
    ax.axhline(0, color=looks.INK, linewidth=0.8)
    for look, rows in looks.lines(df, "strategy"):
        _line(rows, ax, "budget", "gain", look)
    style.budget_axis(ax)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:+g}" if value else "0"))
    ax.set_ylabel("difference in accuracy (points)")
    style.legend_below(ax)


def flops_matched(lines: pd.DataFrame, stars: pd.DataFrame, ax: Axes, n_bins: int = 5) -> None:
    """Small model with test-time compute (lines) against the large one (stars), per bin; a star below its line loses.

    Fig. 9. Columns of `lines`: group, budget, accuracy[, low, high]; of `stars`: group, k, large_accuracy[, r].
    """
    for look, rows in looks.lines(lines, "group", n_bins):
        _line(rows, ax, "budget", "accuracy", look)
        mine = stars[stars["group"] == rows["group"].iloc[0]]
        ax.scatter(mine["k"], mine["large_accuracy"], s=150, marker="*", color=look.color, edgecolors="white", zorder=4)
    if len(stars):
        ax.scatter([], [], s=120, marker="*", color=looks.FAINT, label="large model, same FLOPs")
    for row in stars.drop_duplicates(["k"]).to_dict("records"):
        ax.axvline(row["k"], color=looks.FAINT, linewidth=0.7, linestyle=":", zorder=0)
        if "r" in stars:
            _beside(ax, row["k"], f"R = {row['r']:g}")
    style.budget_axis(ax)
    style.share_axis(ax)
    style.legend_below(ax)


def iso_ratio(df: pd.DataFrame, ax: Axes) -> None:
    """How many times cheaper, a row each, on a log2 axis; an arrow says that the truth lies further that way.

    Columns label, ratio, bound, low, low_bound, high, high_bound (tts_lib.estimators.iso_accuracy).
    """
    arrows = {_EXACT: "|", _AT_LEAST: ">", _AT_MOST: "<"}
    for place, row in enumerate(df.to_dict("records")):
        y = len(df) - place
        ax.plot([row["low"], row["high"]], [y, y], color=looks.BLUE, linewidth=1.5)
        for end in ("low", "high"):
            ax.plot(row[end], y, arrows[row[f"{end}_bound"]], color=looks.BLUE, markersize=7)
        ax.plot(row["ratio"], y, "o" if row["bound"] == _EXACT else arrows[row["bound"]], color=looks.BLUE)
    ax.axvline(1, color=looks.INK, linewidth=0.8)
    ax.axvline(4, color=looks.FAINT, linewidth=0.8, linestyle="--")
    _beside(ax, 4, "paper: 4×")
    ax.set_yticks(np.arange(len(df), 0, -1), df["label"].tolist())
    ax.set_ylim(0.4, len(df) + 0.6)
    style.budget_axis(ax, "times fewer generations for the same accuracy")


def loss_curve(df: pd.DataFrame, ax: Axes) -> None:
    """Training and validation loss against tokens seen (or steps). Columns tokens or step, loss[, validation]."""
    x = "tokens" if "tokens" in df else "step"
    million = 1e6 if x == "tokens" else 1.0
    ax.plot(df[x] / million, df["loss"], color=looks.FAINT, linewidth=1.2, label="training")
    if "validation" in df:
        ax.plot(df[x] / million, df["validation"], color=looks.BLUE, linewidth=1.8, label="validation")
    ax.set_xlabel("tokens seen (million)" if x == "tokens" else "step")
    ax.set_ylabel("loss (nats per token)")
    ax.set_ylim(bottom=0)
    style.legend_below(ax)


def calibration(df: pd.DataFrame, ax: Axes) -> None:
    """Observed success against the score that predicted it. Columns predicted, observed, standard_error."""
    ax.plot([0, 1], [0, 1], color=looks.FAINT, linewidth=0.9, linestyle="--", label="calibrated")
    error = 1.96 * df["standard_error"]
    ax.errorbar(df["predicted"], df["observed"], yerr=error, color=looks.BLUE, marker="o", capsize=2, label="measured")
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="mean score", ylabel="share correct")
    style.legend_below(ax)


def spectrum(df: pd.DataFrame, ax: Axes) -> None:
    """Questions from the easiest to the hardest, with the mean of each quintile. Column pass_at_1."""
    ordered = np.sort(df["pass_at_1"].to_numpy())[::-1]
    ax.fill_between(np.arange(len(ordered)) + 0.5, ordered, step="mid", color=looks.SKY, alpha=0.5, linewidth=0)
    quintiles = np.array_split(np.arange(len(ordered)), 5) if len(ordered) >= 5 else []
    for part in quintiles:
        mean = ordered[part].mean()
        ax.plot([part[0], part[-1] + 1], [mean, mean], color=looks.BLUE, linewidth=2)
        middle = (part[0] + part[-1]) / 2
        ax.annotate(f"{mean:.0%}", (middle, mean), xytext=(0, 4), textcoords="offset points", ha="center")
    lines = "; lines: means of quintiles" if quintiles else ""
    ax.set(xlim=(0, len(ordered)), ylim=(0, 1.08), xlabel=f"questions, easiest first{lines}")
    style.share_axis(ax, "pass@1")


def predicted_against_oracle(df: pd.DataFrame, ax: Axes, n_bins: int = 5) -> None:
    """Predicted difficulty (mean verifier score) against pass@1, a point a question, its colour the bin by pass@1.

    Columns oracle, predicted, oracle_bin.
    """
    import seaborn as sns  # takes a second to import, which the other figures need not spend

    named = {number: looks.named(str(number), n_bins) for number in sorted(df["oracle_bin"].unique())}
    points = df.assign(bin=df["oracle_bin"].map(lambda number: named[number].label)).sort_values("oracle_bin")
    colors = {look.label: look.color for look in named.values()}
    look = {"hue": "bin", "palette": colors, "s": 14, "alpha": 0.6, "linewidth": 0}
    sns.scatterplot(points, x="oracle", y="predicted", ax=ax, **look)
    ax.plot([0, 1], [0, 1], color=looks.FAINT, linewidth=0.9, linestyle="--")
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="oracle: pass@1", ylabel="predicted: mean verifier score")
    style.legend_below(ax, 3)


def probe_quality(df: pd.DataFrame, ax: Axes) -> None:
    """How well few samples rank the questions. Columns n_probe, rank_correlation[, low, high]."""
    _line(df, ax, "n_probe", "rank_correlation", Look(looks.BLUE, "o", "-", ""))
    style.budget_axis(ax, "samples spent on predicting difficulty")
    ax.set(ylim=(min([0.0, *df["rank_correlation"]]), 1.02), ylabel="rank correlation with pass@1")


def score_histogram(df: pd.DataFrame, ax: Axes) -> None:
    """Distribution of the verifier's score. Columns verdict (right, wrong), score, share."""
    for verdict, color, line in (("right", looks.BLUE, "-"), ("wrong", looks.RED, "--")):
        part = df[df["verdict"] == verdict]
        ax.step(part["score"], part["share"], where="mid", color=color, linestyle=line, label=f"{verdict} samples")
    ax.set(xlim=(0, 1), xlabel="PRM score of the last step")
    ax.set_ylim(bottom=0)
    style.share_axis(ax, "share of samples")
    style.legend_below(ax)


def _line(part: pd.DataFrame, ax: Axes, x: str, y: str, look: Look) -> None:
    part = part.sort_values(x)
    if {"low", "high"} <= set(part.columns):
        ax.fill_between(part[x], part["low"], part["high"], color=look.color, alpha=0.14, linewidth=0)
    size = 9 if look.marker == "*" else 5
    label = look.label or None
    ax.plot(part[x], part[y], color=look.color, marker=look.marker, linestyle=look.line, markersize=size, label=label)


def _beside(ax: Axes, x: float, text: str) -> None:
    """A word beside a vertical line, at the foot of the axes."""
    place = {"xycoords": ("data", "axes fraction"), "xytext": (-2, 0), "textcoords": "offset points"}
    ax.annotate(text, (x, 0.02), rotation=90, ha="right", va="bottom", fontsize="x-small", color=looks.INK, **place)


def _x_axis(ax: Axes, x: str) -> None:
    words = x.replace("_", " ")
    if x in ("budget", "charged_budget"):
        style.budget_axis(ax, f"{words} (generations per question)")
    else:
        style.cost_axis(ax, f"{words} per question")
