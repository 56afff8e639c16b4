"""The figure of a supplement that has a row for each claim on a difference of accuracy."""

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
