"""The paper's own values (v1 numbering of the figures), most of them read off its charts: good to 1-2 points."""

from importlib.resources import files

import pandas as pd

_COLUMNS = ["figure", "series", "budget", "value", "note"]


def values(figure: str) -> pd.DataFrame:
    """What is known of one figure: series (strategy, bin or group), budget in generations, value (a share), note.

    Raises:
        ValueError: a figure without values.
    """
    with (files("tts_lib.report.figures") / "paper_values.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file, dtype={"figure": str, "series": str})
    known = list(dict.fromkeys(table["figure"]))
    if figure not in known:
        raise ValueError(f"no values of figure {figure!r}; there are those of {', '.join(known)}")
    return table.loc[table["figure"] == figure, _COLUMNS].reset_index(drop=True)
