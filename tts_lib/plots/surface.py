"""The exchange surface from its tidy tables: trainings, accuracy by parameters and samples, rates, break-even sizes."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from tts_lib.plots import looks, style
from tts_lib.plots.looks import Look

_SELECTORS = {
    "coverage": Look(looks.BLACK, ".", ":", "any right (coverage)"),
    "weighted": Look(looks.BLUE, "o", "-", "best-of-N weighted"),
    "majority": Look(looks.FAINT, "s", "-", "majority"),
}
_BEYOND = {"exact": "o", "at_least": "^", "at_most": "v"}
_GROUPS = {"all": looks.BLACK, "easy": looks.GREEN, "medium": looks.ORANGE, "hard": looks.RED}


def trainings(df: pd.DataFrame, ax: Axes) -> None:
    """Greedy accuracy over size, a line for each number of tokens; a dot is one training, the line their mean.

    Columns parameters, tokens, greedy.
    """
    shades = (looks.FAINT, looks.BLUE, looks.BLACK)
    for number, tokens in enumerate(np.unique(df["tokens"])[::-1]):
        part, color = df.loc[df["tokens"] == tokens], shades[-1 - number % len(shades)]
        means = part.groupby("parameters", as_index=False)["greedy"].mean()
        ax.plot(means["parameters"], means["greedy"], color=color, label=f"{tokens / 1e6:.3g} million tokens")
        ax.plot(part["parameters"], part["greedy"], "o", color=color, markersize=4)
    ax.set_xscale("log")
    sizes = np.unique(df["parameters"])
    ax.set_xticks(sizes, [f"{value / 1e6:.2g}" for value in sizes])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("parameters without embeddings, millions")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    ax.set_ylabel("right, greedy decoding")
    style.legend_below(ax, 3)


def contours(df: pd.DataFrame, ax: Axes) -> None:
    """Accuracy as filled contours, lines of equal FLOPs, and the cheapest path.

    Columns parameters, samples, accuracy, flops, kind (grid, or path: in the order of rising FLOPs).
    """
    whole, path = (df.loc[df["kind"] == kind] for kind in ("grid", "path"))
    accuracy, flops = (whole.pivot_table(name, "samples", "parameters") for name in ("accuracy", "flops"))
    x, y = accuracy.columns.to_numpy(float), accuracy.index.to_numpy(float)
    filled = ax.contourf(x, y, accuracy.to_numpy(), levels=np.arange(0, 1.01, 0.05), cmap="viridis")
    shades = ax.figure.colorbar(filled, ax=ax, format=FuncFormatter(lambda value, _: f"{value:.0%}"))
    shades.set_label("accuracy")
    logs = np.log10(flops.to_numpy())
    ax.contour(x, y, logs, levels=np.linspace(logs.min(), logs.max(), 8)[1:-1], colors="white", linewidths=0.8)
    ax.plot(path["parameters"], path["samples"], color=looks.RED, marker="o", markersize=4)
    ax.set_xscale("log")
    ax.set_xticks(x, [f"{value:.2g}" for value in x / 1e6])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("parameters without embeddings, millions")
    ax.set_yscale("log", base=2)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_ylabel("samples a question")


def rates(df: pd.DataFrame, ax: Axes) -> None:
    """ε over accuracy with its band, a line a selector. Columns selector, accuracy, rate, low, high."""
    for selector, look in _SELECTORS.items():
        part = df.loc[df["selector"] == selector].sort_values("accuracy")
        shown = {"color": look.color, "marker": look.marker, "linestyle": look.line, "markersize": 4}
        if len(part):
            ax.plot(part["accuracy"], part["rate"], label=look.label, **shown)
            ax.fill_between(part["accuracy"], part["low"], part["high"], color=look.color, alpha=0.15, linewidth=0)
    ax.axhline(1, color=looks.FAINT, linewidth=0.8)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    ax.set_xlabel("accuracy a")
    ax.set_ylabel("exchange rate ε(a)")
    style.legend_below(ax)


def break_even(df: pd.DataFrame, ax: Axes) -> None:
    """M* over R, a line a group of questions; a triangle points to where it lies beyond the sizes.

    Columns group, r, multiple, low, high, bound.
    """
    for number, (group, color) in enumerate(_GROUPS.items()):
        part = df.loc[df["group"] == group].sort_values("r")
        x = part["r"].to_numpy(float) * 1.07 ** (number - 1.5)
        center, low, high = (part[name].to_numpy(float) for name in ("multiple", "low", "high"))
        ends = np.abs(np.stack([low, high]) - center)
        ax.errorbar(x, center, ends, color=color, linewidth=1, capsize=2, label=group)
        for bound, marker in _BEYOND.items():
            at = (part["bound"] == bound).to_numpy()
            ax.plot(x[at], center[at], marker, color=color, markersize=5)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(style.Powers())
    ax.set_yscale("log", base=2)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel("R, tokens of inference per token of pretraining")
    ax.set_ylabel("M*, parameters over the base's")
    style.legend_below(ax, 4)
