"""Bars and tiles from tidy tables: accuracy inside difficulty bins, relative change, which strategy was chosen.

Each function draws a DataFrame on an Axes and touches no file.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter

from tts_lib.plots import looks, style

_ORDER = ["easy", "medium", "hard"]
_R_NAMES = {"low": "R ≪ 1", "one": "R ≈ 1", "high": "R ≫ 1"}
_R_SHADES = ("#3a78b5", "#7fb0da", "#c6ddf0")  # between which others lie


def accuracy_by_bin(df: pd.DataFrame, ax: Axes) -> None:
    """A group of bars a bin, a colour a strategy, fuller with the budget (Fig. 3 right).

    Columns bin, budget, accuracy[, low, high] and those of single strategies.
    """
    bins, budgets, drawn = list(dict.fromkeys(df["bin"])), sorted(df["budget"].unique()), looks.areas(df)
    width = 0.84 / (len(drawn) * len(budgets))
    for column, (name, look) in enumerate(drawn.items()):
        for rank, budget in enumerate(budgets):
            part = df[(df["strategy"] == name) & (df["budget"] == budget)].set_index("bin").reindex(bins)
            offset = (column * len(budgets) + rank + 0.5) * width - 0.42
            color = _lighter(look.area, 0.25 + 0.75 * (rank + 1) / len(budgets))
            bars = {"color": color, "width": width * 0.94, "linewidth": 0}
            ax.bar(np.arange(len(bins)) + offset, part["accuracy"], **bars)
            if {"low", "high"} <= set(df.columns):
                ax.vlines(np.arange(len(bins)) + offset, part["low"], part["high"], color=looks.INK, linewidth=0.7)
    ax.set_xticks(np.arange(len(bins)), [str(b) for b in bins])
    ax.set_xlabel("difficulty bin (1 = easiest)")
    ax.grid(visible=False, axis="x")
    style.share_axis(ax)
    handles = [Patch(color=look.area, label=look.label) for look in drawn.values()]
    handles.append(Patch(color="none", label=f"pale to full: N = {', '.join(f'{b:g}' for b in budgets)}"))
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, fontsize="small")


def relative_change(df: pd.DataFrame, ax: Axes, n_bins: int = 5) -> None:
    """Small model with test-time compute against the large one, in % of the large one's accuracy (Fig. 1 right).

    Columns group (easy, medium, hard), r_label (low, one, high, or a number), r, relative[, relative_low,
    relative_high].
    """
    groups = [g for g in _ORDER if g in set(df["group"])] or list(dict.fromkeys(df["group"]))
    labels = list(dict.fromkeys(df.sort_values("r")["r_label"]))
    shades = LinearSegmentedColormap.from_list("R", _R_SHADES, N=257)(np.linspace(0, 1, len(labels)))
    width = 0.8 / len(labels)
    for rank, r in enumerate(labels):
        part = df[df["r_label"] == r].set_index("group").reindex(groups)
        x = np.arange(len(groups)) + (rank + 0.5) * width - 0.4
        ax.bar(x, part["relative"], width * 0.92, color=shades[rank], label=_R_NAMES.get(r, f"R = {r}"))
        if "relative_low" in df:
            ax.vlines(x, part["relative_low"], part["relative_high"], color=looks.INK, linewidth=1)
    ax.axhline(0, color=looks.INK, linewidth=0.8)
    ax.set_xticks(np.arange(len(groups)), [looks.named(g, n_bins).label for g in groups])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}%" if value else "0%"))
    ax.set_ylabel("accuracy against the large model")
    ax.grid(visible=False, axis="x")
    style.legend_below(ax, 3)


def strategy_shares(df: pd.DataFrame, ax: Axes) -> None:
    """Which strategy a (bin, budget) got most often, and how often; paler where the choice was less sure.

    Columns bin, budget, share and those of single strategies, which the legend keeps in their order.
    """
    bins, budgets, known = list(dict.fromkeys(df["bin"])), sorted(df["budget"].unique()), looks.areas(df)
    top = df.sort_values("share", kind="stable").groupby(["bin", "budget"], sort=False).last()
    for row in top.reset_index().to_dict("records"):
        x, y, look = budgets.index(row["budget"]), bins.index(row["bin"]), known[row["strategy"]]
        color = _lighter(look.area, 0.25 + 0.6 * row["share"])
        ax.add_patch(Rectangle((x - 0.48, y - 0.47), 0.96, 0.94, facecolor=color, linewidth=0))
        dark = np.dot(to_rgb(color), (0.299, 0.587, 0.114)) < 0.55
        ink = "white" if dark else looks.BLACK
        words = "\n".join(filter(None, (look.short, f"{row['share']:.0%}")))
        ax.text(x, y, words, ha="center", va="center", fontsize="small", color=ink)
    ax.set(xlim=(-0.5, len(budgets) - 0.5), ylim=(len(bins) - 0.5, -0.5), xlabel="budget (generations per question)")
    ax.set_xticks(np.arange(len(budgets)), [f"{b:g}" for b in budgets])
    ax.set_yticks(np.arange(len(bins)), [f"{b}" for b in bins])
    ax.set_ylabel("difficulty bin (1 = easiest)")
    ax.grid(visible=False)
    ax.tick_params(length=0)
    used = set(top["strategy"])
    handles = [Patch(color=look.area, label=look.label) for name, look in known.items() if name in used]
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, fontsize="small")


def _lighter(color: str, strength: float) -> tuple[float, float, float]:
    """The colour mixed with white: strength 1 is the colour itself."""
    red, green, blue = (strength * part + 1 - strength for part in to_rgb(color))
    return red, green, blue
