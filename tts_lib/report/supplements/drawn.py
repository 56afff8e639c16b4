"""Figures of supplements that have a row for each claim on a difference of accuracy."""

import pandas as pd
from matplotlib.axes import Axes


def rows_of_claims(data: pd.DataFrame, ax: Axes) -> dict[str, int]:
    """Label a row for each claim (`number`), the first on top, and draw where there is no difference; y of each row."""
    numbers = list(dict.fromkeys(data["number"]))
    place = {number: row for row, number in enumerate(reversed(numbers))}
    ax.axvline(0, color="0.3", linewidth=0.8)
    ax.set(xlabel="points", ylabel="claim", yticks=list(place.values()), yticklabels=list(place))
    ax.tick_params(axis="y", labelsize="x-small")
    return place


def draw_each(data: pd.DataFrame, ax: Axes, by: str, own: str) -> None:
    """A dot an estimate of a claim, filled where column `by` says `own`, and a bar from `low` to `high` over all."""
    place, once = rows_of_claims(data, ax), data.drop_duplicates("number")
    rows = [place[number] for number in once["number"]]
    ax.hlines(rows, 100 * once["low"], 100 * once["high"], color="0.6", linewidth=3, zorder=1)
    for filled, part in data.groupby(data[by] == own):
        looks = {"facecolors": "C0" if filled else "white", "edgecolors": "C0", "zorder": 3 if filled else 2}
        ax.scatter(100 * part["estimate"], [place[number] for number in part["number"]], s=18, **looks)
