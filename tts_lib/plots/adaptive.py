"""Budgets per question, and difficulty before the first sample, from their tidy tables."""

import pandas as pd
from matplotlib.axes import Axes

from tts_lib.plots import looks, style
from tts_lib.plots.looks import Look

POLICIES = {
    "uniform": Look(looks.BLACK, "s", "-", "the same for every question"),
    "oracle": Look(looks.FAINT, "*", ":", "each question's own best (limit)"),
    "table_oracle": Look(looks.FAINT, "d", ":", "by bins of pass@1 (limit)"),
    "table": Look(looks.PINK, "P", "--", "by bins of the prediction"),
    "beta": Look(looks.ORANGE, "^", "-", "adaptive consistency, .95"),
    "window": Look(looks.SKY, "<", "-", "window of 5"),
    "share": Look(looks.YELLOW, "D", "-", "share of .75"),
    "bellman": Look(looks.GREEN, "o", "--", "stopping by value"),
    "bellman_prior": Look(looks.GREEN, "o", "-", "stopping by value, with the prediction"),
}
PREDICTORS = {
    "length": Look(looks.FAINT, "s", ":", "length"),
    "tokens": Look(looks.BLUE, "o", "--", "tokens"),
    "subject_level": Look(looks.YELLOW, "D", ":", "subject and level"),
    "hidden": Look(looks.GREEN, "^", "-", "hidden state"),
    "tuned": Look(looks.RED, "v", "-", "scorer from the base"),
    "random": Look(looks.ORANGE, "x", "--", "scorer from random weights"),
}


def accuracy_by_mean_budget(df: pd.DataFrame, ax: Axes) -> None:
    """One line a policy. Columns policy, mean_budget, accuracy."""
    for policy, look in POLICIES.items():
        part = df.loc[df["policy"] == policy].sort_values("mean_budget")
        part = part.loc[~part["mean_budget"].round(2).duplicated()]
        shown = {"color": look.color, "marker": look.marker, "linestyle": look.line, "markersize": 4}
        ax.plot(part["mean_budget"], part["accuracy"], label=look.label, **shown)
    style.budget_axis(ax, "mean budget (generations per question)")
    style.share_axis(ax)
    style.legend_below(ax)


def samples_by_bin(df: pd.DataFrame, ax: Axes) -> None:
    """Inset: who gets the samples. Columns policy, bin (1 easiest), mean_budget."""
    inset = ax.inset_axes((0.09, 0.62, 0.36, 0.3))
    for policy, look in POLICIES.items():
        part = df.loc[df["policy"] == policy].sort_values("bin")
        shown = {"color": look.color, "marker": look.marker, "linestyle": look.line, "markersize": 3, "linewidth": 1}
        inset.plot(part["bin"], part["mean_budget"], **shown)
    inset.set_yscale("log", base=2)
    inset.tick_params(labelsize="x-small")
    inset.set_title("samples by bin", fontsize="x-small")


def prediction_quality(df: pd.DataFrame, ax: Axes) -> None:
    """Rank correlation against the questions learned from, a line each, and that of probes as levels.

    Columns predictor, n_questions (0: a probe), spearman[, low, high].
    """
    df = df.astype(dict.fromkeys(("n_questions", "low", "high", "spearman"), float))  # undefined where all are right
    for name, look in PREDICTORS.items():
        part = df.loc[df["predictor"] == name].sort_values("n_questions")
        ax.fill_between(part["n_questions"], part["low"], part["high"], color=look.color, alpha=0.1, linewidth=0)
        shown = {"color": look.color, "marker": look.marker, "linestyle": look.line, "markersize": 5}
        ax.plot(part["n_questions"], part["spearman"], label=look.label, **shown)
    probes = df.loc[df["n_questions"] == 0]
    for number, row in enumerate(probes.to_dict("records")):
        ax.axhline(row["spearman"], color=looks.INK, linewidth=0.7, linestyle=":")
        words = row["predictor"].replace("_", " of ")
        place = {"xycoords": ("axes fraction", "data"), "fontsize": "x-small", "va": "bottom", "ha": "left"}
        ax.annotate(words, (0.01 + 0.19 * number, row["spearman"]), **place)  # levels may lie close together
    if bool((df["n_questions"] > 0).any()):
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(style.Powers())
    ax.set(xlabel="labelled questions learned from", ylabel="rank correlation with pass@1")
    style.legend_below(ax)


def prediction_by_subject(df: pd.DataFrame, ax: Axes) -> None:
    """Rank correlation inside each subject, one point a predictor. Columns predictor, subject, spearman, low, high."""
    subjects = sorted(set(df["subject"]) - {"all"})
    there = [name for name in PREDICTORS if name in set(df["predictor"])]
    for shift, name in enumerate(there):
        part = df.loc[df["predictor"] == name].set_index("subject").reindex(subjects)
        look, x = PREDICTORS[name], [place + 0.12 * (shift - (len(there) - 1) / 2) for place in range(len(subjects))]
        ax.vlines(x, part["low"], part["high"], color=look.color, linewidth=1.2)
        ax.plot(x, part["spearman"], look.marker, color=look.color, label=look.label)
    ax.axhline(0, color=looks.INK, linewidth=0.8)
    ax.set_xticks(range(len(subjects)), subjects)
    ax.set_ylabel("rank correlation within a subject")
    style.legend_below(ax)
