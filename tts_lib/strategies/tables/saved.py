"""The tables as they were saved."""

from pathlib import Path

import pandas as pd

from tts_lib.common import tables


def read_csv(path: Path) -> pd.DataFrame:
    """A table of strategies. Bins and groups are text, and so are the parts of a strategy that are empty.

    Raises:
        TableError: it is missing.
    """
    if not path.is_file():
        raise tables.TableError(f"{path} is missing; run `dvc repro`, or the stage that writes it, first")
    frame = pd.read_csv(path, dtype=dict.fromkeys(("bin", "group", "score", "binning"), str))
    return frame.fillna({"score": "", "binning": ""})
