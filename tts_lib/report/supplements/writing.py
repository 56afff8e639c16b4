"""Writes a supplement's folder into the report that it belongs to."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from tts_lib.common import paths, tables
from tts_lib.common.files import replacing_folder
from tts_lib.plots import style
from tts_lib.report.claims import registered
from tts_lib.report.figures.figure import Drawing
from tts_lib.report.pages import rendering
from tts_lib.report.pages.about import About
from tts_lib.report.pages.supplements import FOLDER, fingerprint
from tts_lib.report.summary import figure_list
from tts_lib.report.supplements.declared import Collected


def write(root: Path, name: str, collected: Collected, said: About) -> None:
    """Write the folder of a supplement in the report of the study in `root`, in the place of an older one.

    Raises:
        WriteError: disk full, no permission; the older one stays.
    """
    belongs = fingerprint(root, registered.fingerprint())
    record = {"title": collected.title, "lead": collected.lead, "belongs": belongs}
    record |= {"beside": collected.beside} if collected.beside else {}
    record |= {"claims": dict(collected.claims), "left_out": dict(collected.left_out)}
    record |= {"figures": figure_list(collected.figures), **collected.facts}
    with replacing_folder(root / paths.REPORTS / FOLDER / name) as folder:
        for table, frame in collected.tables.items():
            tables.write_csv(frame, folder / f"{table}.csv")
        drawn = [_drawn(folder, drawing) for drawing in collected.figures]
        tables.write_json(record, folder / "summary.json")
        page = rendering.environment().get_template("supplement.html.j2")
        shown = {table: _cells(frame) for table, frame in collected.tables.items()}
        text = page.render(collected=collected, tables=shown, figures=drawn, said=said)
        tables.write_text(text, folder / "index.html")
        tables.write_text(_markdown(collected), folder / "README.md")


def _markdown(collected: Collected) -> str:
    """What a code host shows of the folder."""
    pictures = [f"![{one.title}](figure-{one.name}.png)\n\n{one.caption}" for one in collected.figures]
    files = ", ".join(f"[{name}.csv]({name}.csv)" for name in collected.tables)
    return "\n\n".join([f"# {collected.title}", collected.lead, *pictures, f"Tables: {files}."]) + "\n"


def _drawn(folder: Path, drawing: Drawing) -> dict[str, str]:
    """The figure's files, beside its data, and what the page holds of it."""
    tables.write_csv(drawing.data, folder / f"figure-{drawing.name}.csv")
    fig, ax = plt.subplots(figsize=style.TALL)
    drawing.draw(drawing.data, ax)
    style.save_figure(fig, folder / f"figure-{drawing.name}")
    svg = (folder / f"figure-{drawing.name}.svg").read_bytes()
    source = f"data:image/svg+xml;base64,{b64encode(svg).decode()}"
    return {"name": drawing.name, "title": drawing.title, "caption": drawing.caption, "source": source}


def _cells(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """A table as text: three digits, an empty cell where there is no number."""
    written = frame.map(lambda value: f"{value:.3g}" if isinstance(value, float) and value == value else value)
    return {"headings": list(written.columns), "rows": written.fillna("").astype(str).to_numpy().tolist()}
