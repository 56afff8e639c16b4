"""How everything looks: one colour, marker and name per strategy for the whole project, axes of budgets, saving.

The colours are those of Okabe and Ito (2008), which stay apart for colour-blind readers; strategies of one colour
differ in marker and line.
"""

import io
import zlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator, PercentFormatter

from tts_lib.common.files import write_atomically

mpl.rc_file(str(files("tts_lib.plots") / "matplotlibrc"))  # and nothing of the reader's own

SMALL = (5.2, 3.9)  # inches: one panel, readable at the width of a phone
WIDE = (10.5, 4.1)  # two or three panels side by side
TALL = (5.2, 4.7)  # one panel with a long legend
BAND_NOTE = "Bands and bars: 95% bootstrap over questions."

INK, FAINT = "#333333", "#8c8c8c"
BLACK, ORANGE, SKY, GREEN = "#222222", "#e69f00", "#56b4e9", "#009e73"
YELLOW, BLUE, RED, PINK = "#c9b400", "#0072b2", "#d55e00", "#cc79a7"
# Chains of 1, 2, 4, ... attempts: dark to light, through hues that stay apart.
_BY_LENGTH = ("#0d0887", "#46039f", "#7201a8", "#9c179e", "#bd3786", "#d8576b", "#ed7953", "#fb9f3a", "#e6bf00")


@dataclass(frozen=True)
class Look:
    """How one strategy is drawn and what it is called."""

    color: str
    marker: str
    line: str
    label: str
    short: str = ""  # what fits into a tile


STRATEGIES: dict[str, Look] = {
    # replayed from the pool
    "majority": Look(FAINT, "s", "-", "majority", "majority"),
    "best_of_n": Look(GREEN, "o", "--", "best-of-N", "best-of-N"),
    "best_of_n_weighted": Look(BLUE, "o", "-", "best-of-N weighted", "weighted"),
    "best_of_n_weighted_flipped": Look(BLUE, "X", ":", "best-of-N weighted, 20% flipped"),
    "coverage": Look(BLACK, ".", ":", "any correct (coverage)"),
    "weighted:prm_last": Look(BLUE, "o", "-", "weighted, PRM last"),
    "weighted:prm_min": Look(GREEN, "v", "-", "weighted, PRM min"),
    "weighted:prm_prod": Look(ORANGE, "p", "-", "weighted, PRM product"),
    "weighted:prm_mean": Look(SKY, "D", "-", "weighted, PRM mean"),
    "weighted:orm": Look(RED, "P", "-", "weighted, ORM"),
    "weighted:orm_matched": Look(PINK, "X", "-", "weighted, label-matched ORM"),
    "weighted:prm_flipped": Look(BLUE, "X", ":", "weighted, PRM 20% flipped"),
    "best_of_n:prm_last": Look(BLUE, "o", "--", "best-of-N, PRM last"),
    "best_of_n:prm_min": Look(GREEN, "v", "--", "best-of-N, PRM min"),
    "best_of_n:prm_prod": Look(ORANGE, "p", "--", "best-of-N, PRM product"),
    "best_of_n:prm_mean": Look(SKY, "D", "--", "best-of-N, PRM mean"),
    "best_of_n:orm": Look(RED, "P", "--", "best-of-N, ORM"),
    "best_of_n:orm_matched": Look(PINK, "X", "--", "best-of-N, label-matched ORM"),
    "best_of_n:prm_flipped": Look(BLUE, "X", "-.", "best-of-N, PRM 20% flipped"),
    # searches
    "beam_4": Look(ORANGE, "^", "-", "beam search, M = 4", "beam 4"),
    "beam_sqrt": Look(RED, "v", "-", "beam search, M = √N", "beam √N"),
    "lookahead_1": Look(PINK, "<", "-", "lookahead k = 1, M = √N", "look. 1"),
    "lookahead_3": Look(SKY, ">", "-", "lookahead k = 3, M = 4", "look. 3"),
    "dvts": Look(YELLOW, "D", "-", "DVTS, M = 4", "DVTS"),
    # revisions: first attempts, one chain, or a mixture, by the way their answer is chosen
    "parallel:orm": Look(SKY, "<", "-", "parallel, verifier"),
    "sequential:orm": Look(GREEN, "^", "-", "sequential, verifier"),
    "mixed:orm": Look(ORANGE, "X", "-", "mixed, verifier"),
    "parallel:majority": Look(SKY, "<", ":", "parallel, majority"),
    "sequential:majority": Look(GREEN, "^", ":", "sequential, majority"),
    "sequential:orm_alone": Look(PINK, "d", "-", "sequential, verifier without history"),
    "sequential:prm": Look(RED, "8", "-", "sequential, base PRM"),
    "edit_distance": Look(GREEN, "H", "-", "by edit distance (paper)"),
    "random": Look(BLUE, "<", "-", "random"),
    "none": Look(FAINT, "D", "-", "no history"),
    "shuffled": Look(ORANGE, "s", "-", "shuffled"),
    "rest_em": Look(RED, "v", "--", "ReST-EM"),
    **{
        f"revise_{1 << i}": Look(color, marker, "-", f"revisions, chains of {1 << i}", f"L = {1 << i}")
        for i, (color, marker) in enumerate(zip(_BY_LENGTH, "ov^<>sDpX", strict=True))
    },
    "searches": Look(BLUE, "s", "-", "searches"),
    "revisions": Look(GREEN, "v", ":", "revisions"),
    "both mechanisms": Look(BLACK, "*", "-", "both"),
    # choices among strategies
    "compute_optimal_oracle": Look(GREEN, "*", "-", "compute-optimal, oracle bins"),
    "compute_optimal_predicted": Look(PINK, "P", "-", "compute-optimal, predicted bins"),
    "compute_optimal_oracle_frozen": Look(GREEN, "*", "--", "compute-optimal, oracle, from validation"),
    "compute_optimal_predicted_frozen": Look(PINK, "P", "--", "compute-optimal, predicted, from validation"),
    "compute_optimal_level": Look(SKY, "h", "-", "compute-optimal, by level"),
    "compute_optimal_subject": Look(YELLOW, "p", "-", "compute-optimal, by subject"),
    "compute_optimal_absolute": Look(RED, "d", "-", "compute-optimal, absolute bins"),
    "best_fixed": Look(BLACK, "D", "--", "best fixed strategy"),
    "best_fixed_frozen": Look(BLACK, "d", ":", "best fixed, from validation"),
    "random_choice": Look(FAINT, "x", ":", "random choice"),
    "shuffled_bins": Look(FAINT, "+", "--", "shuffled bins"),
    # end to end, difficulty predicted from few samples
    "probe of 1": Look("#d9b3ff", "o", "-", "with a probe of 1 sample"),
    "probe of 4": Look("#b37fe6", "v", "-", "with a probe of 4 samples"),
    "probe of 8": Look("#8c4fc6", "s", "-", "with a probe of 8 samples"),
    "probe of 16": Look("#66299c", "^", "-", "with a probe of 16 samples"),
    "probe of 32": Look("#3f0a6b", "D", "-", "with a probe of 32 samples"),
    # the large model
    "large": Look(RED, "*", "-", "large model"),
    "greedy": Look(RED, "*", "-", "large model, greedy"),
    # ways to choose among the final candidates of a search
    "correct": Look(BLUE, "o", "-", "best-of-N weighted"),
    "correct_majority": Look(FAINT, "s", "-", "majority"),
    "correct_best": Look(ORANGE, "^", "-", "best-of-N"),
}
_OWN = [(color, marker) for marker in "hdp8" for color in (SKY, GREEN, YELLOW, RED, PINK, ORANGE)]

# Difficulty bins from easy to hard: dark to light in print, and apart without colour vision.
GROUPS: dict[str, Look] = {
    "1": Look("#2b3a8c", "o", "-", "bin 1 (easiest)"),
    "2": Look("#2a788e", "s", "-", "bin 2"),
    "3": Look("#22a884", "^", "-", "bin 3"),
    "4": Look("#b08a00", "D", "-", "bin 4"),
    "5": Look("#d1495b", "v", "-", "bin 5 (hardest)"),
    "easy": Look("#2b3a8c", "o", "-", "easy (bins 1-2)"),
    "medium": Look("#22a884", "^", "-", "medium (bin 3)"),
    "hard": Look("#d1495b", "v", "-", "hard (bins 4-5)"),
    "all": Look(BLACK, "D", "--", "all questions"),
}


def look(name: str) -> Look:
    """The look of a strategy or difficulty group; a method of the reader's own gets a fixed one made from its name."""
    if known := STRATEGIES.get(name) or GROUPS.get(name):
        return known
    color, marker = _OWN[zlib.crc32(name.encode()) % len(_OWN)]
    return Look(color, marker, "-", name.replace("_", " "))


def budget_axis(ax: Axes, label: str = "budget (generations per question)") -> None:
    """Doublings at equal distances, written as plain numbers."""
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_locator(LogLocator(base=2, numticks=12))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(label)


def cost_axis(ax: Axes, label: str) -> None:
    """Powers of ten: FLOPs, tokens."""
    ax.set_xscale("log")
    ax.set_xlabel(label)


def share_axis(ax: Axes, label: str = "accuracy") -> None:
    """Shares 0..1 on the y axis, written in %."""
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_ylabel(label)


def legend_below(ax: Axes, n_columns: int = 2) -> None:
    """The legend under the axes, where it hides no data."""
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        ax.legend(
            handles,
            labels,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.17),
            ncols=n_columns,
            fontsize="small",
            handlelength=2.4,
            columnspacing=1.2,
        )


@dataclass(frozen=True)
class Picture:
    """A saved figure, as a notebook shows it."""

    png: bytes

    def _repr_png_(self) -> bytes:
        return self.png


def save_figure(fig: Figure, path: Path) -> Picture:
    """Write `path`.png and `path`.svg, and close the figure: same figure, same bytes, on any day and in any folder.

    What is returned shows the saved picture, as the last line of a notebook's cell, so that it is drawn only once.

    Raises:
        WriteError: disk full, no permission; the old file stays.
    """
    drawn = {}
    for suffix, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        buffer = io.BytesIO()
        with mpl.rc_context({"svg.hashsalt": path.name, "svg.fonttype": "none"}):
            fig.savefig(buffer, format=suffix, metadata=metadata, dpi=130)
        fig.set_layout_engine("none")  # it is laid out: the second need not find it again
        drawn[suffix] = buffer.getvalue()
        write_atomically(path.with_name(f"{path.name}.{suffix}"), drawn[suffix])
    plt.close(fig)
    return Picture(drawn["png"])
