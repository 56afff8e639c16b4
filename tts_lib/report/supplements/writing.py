"""Writes a supplement's folder into the report that it belongs to; its page is written with those of the report."""

import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from tts_lib.common import paths, tables
from tts_lib.common.files import replacing_folder
from tts_lib.plots import style
from tts_lib.report.claims import registered
from tts_lib.report.figures.figure import Drawing
from tts_lib.report.pages import markdown
from tts_lib.report.pages.supplements import fingerprint
from tts_lib.report.summary import figure_list
from tts_lib.report.supplements.declared import Collected

_SAID = {  # columns of a table of claims -> what they are called
    "claim": "claim",
    "search": "search",
    "budget": "generations",
    "equal": "at equal",
    "at": "at",
    "text": "what was found",
    "verdict": "verdict",
}


def write(root: Path, name: str, collected: Collected) -> None:
    """Write the folder of a supplement in the report of the study in `root`, in the place of an older one.

    Raises:
        WriteError: disk full, no permission; the older one stays.
    """
    belongs = fingerprint(root, registered.fingerprint())
    record = {"title": collected.title, "lead": collected.lead, "belongs": belongs}
    record |= {"beside": collected.beside} if collected.beside else {}
    record |= {"claims": dict(collected.claims), "left_out": dict(collected.left_out)}
    record |= {"figures": figure_list(collected.figures), **collected.facts}
    with replacing_folder(root / paths.SUPPLEMENTS / name) as folder:
        for table, frame in collected.tables.items():
            tables.write_csv(frame, folder / f"{table}.csv")
        if collected.metrics is not None:
            shutil.copytree(collected.metrics, folder / "metrics")
        for drawing in collected.figures:
            _draw(folder, drawing)
        tables.write_json(record, folder / "summary.json")
        tables.write_text(_markdown(collected), folder / "README.md")


def _markdown(collected: Collected) -> str:
    """What a code host shows of the folder; the claims with it, where what was found is in words."""
    pictures = [f"![{one.title}](figure-{one.name}.png)\n\n{one.caption}" for one in collected.figures]
    files = ", ".join(f"[{name}.csv]({name}.csv)" for name in collected.tables)
    parts = [f"# {collected.title}", collected.lead, *pictures]
    claims = collected.tables.get("claims", pd.DataFrame())
    if "text" in claims:
        shown = claims.loc[:, [name for name in _SAID if name in claims]].astype(object).fillna("")
        parts.append(markdown.table([_SAID[name] for name in shown], shown.astype(str).to_numpy().tolist()))
    return "\n\n".join([*parts, f"Tables: {files}."]) + "\n"


def _draw(folder: Path, drawing: Drawing) -> None:
    """The figure's files, beside its data."""
    tables.write_csv(drawing.data, folder / f"figure-{drawing.name}.csv")
    fig, ax = plt.subplots(figsize=style.TALL)
    drawing.draw(drawing.data, ax)
    style.save_figure(fig, folder / f"figure-{drawing.name}")
