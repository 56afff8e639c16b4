"""Axes of budgets, costs and shares, legends, and saving a figure."""

import io
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatterSciNotation, LogLocator, NullLocator

from tts_lib.common.files import write_atomically
from tts_lib.common.processes import on_cores

mpl.rc_file(str(files("tts_lib.plots") / "matplotlibrc"))  # and nothing of the reader's own

SMALL = (5.2, 3.9)  # inches: one panel, readable at the width of a phone
WIDE = (10.5, 4.1)  # two or three panels side by side
TALL = (5.2, 4.7)  # one panel with a long legend
DPI = 130  # of saved pictures
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNSAID = {"png": ["Software"], "svg": ["Date", "Creator"]}  # of a file: what differs from day to day
BAND_NOTE = (
    "Bands and bars: 95% over questions, by bootstrap; of a choice 1.96 deviations of its resamples to each side."
)


class _Doublings(LogLocator):
    """Powers of two, as many as there is room to write."""

    def __call__(self) -> Any:
        assert self.axis is not None
        self.set_params(numticks=max(2, self.axis.get_tick_space()))  # pyright: ignore[reportAttributeAccessIssue]
        return super().__call__()


class Powers(LogFormatterSciNotation):
    """Powers of the base as plain text: to set each as a formula takes longer than to draw a figure."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        text = super().__call__(x, pos).removeprefix(r"$\mathdefault{").removesuffix("}$").replace(r"\times", "×")
        base, raised, exponent = text.partition("^{")
        return base + exponent.removesuffix("}").translate(_RAISED) if raised else text


def budget_axis(ax: Axes, label: str = "budget (generations per question)") -> None:
    """Doublings at equal distances, written as plain numbers."""
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_locator(_Doublings(base=2))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(label)


def cost_axis(ax: Axes, label: str) -> None:
    """Powers of ten: FLOPs, tokens, seconds; what lies between is named only where there is none."""
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(Powers())
    ax.xaxis.set_minor_formatter(Powers(minor_thresholds=(0, 0.4)))
    ax.set_xlabel(label)


def share_axis(ax: Axes, label: str = "accuracy") -> None:
    """Shares 0..1 on the y axis, written in %."""
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.6g}%"))
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
    fig.set_dpi(DPI)
    if (layout := fig.get_layout_engine()) is not None:
        layout.execute(fig)
    with mpl.rc_context({"figure.constrained_layout.use": False, "svg.hashsalt": path.name, "svg.fonttype": "none"}):
        fig.set_layout_engine(None)  # it is laid out: saving would draw it once more to find that again
        drawn = dict(zip(_UNSAID, on_cores(partial(_drawn, fig), [*_UNSAID]), strict=True))
    for suffix, picture in drawn.items():
        write_atomically(path.with_name(f"{path.name}.{suffix}"), picture)
    plt.close(fig)
    return Picture(drawn["png"])


def _drawn(fig: Figure, suffix: str) -> bytes:
    buffer = io.BytesIO()
    fig.savefig(buffer, format=suffix, metadata=dict.fromkeys(_UNSAID[suffix]), dpi=DPI)
    return buffer.getvalue()
