"""The page of a supplement: what lies in its folder, with the way to the other pages of the report."""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from tts_lib.common import tables
from tts_lib.report.pages import rendering
from tts_lib.report.pages.about import About
from tts_lib.report.pages.frames import readable
from tts_lib.report.pages.navigation import Way
from tts_lib.report.pages.supplements import Kept

CLAIMS = "claims"  # the table that comes first
_RENAMED = {"rate": "epsilon"}  # of the surface; elsewhere a share
_IN_UNIT = ["estimate", "mean", "low", "high", "spread"]


def render(reports: Path, one: Kept, way: Way, said: About, names: Mapping[str, str]) -> str:
    """The page; it carries its figures and fetches nothing.

    Args:
        names: of strategies -> in words.

    Raises:
        TableError: the record, a table or a figure of it is missing or damaged.
    """
    folder = (reports / one.page).parent
    record = tables.read_json(folder / "summary.json", ["title", "lead", "figures", "left_out"])
    files = [path for path in sorted(folder.glob("*.csv")) if not path.stem.startswith("figure-")]
    files.sort(key=lambda path: path.stem != CLAIMS)
    return (
        rendering.environment()
        .get_template("supplement.html.j2")
        .render(
            record=record,
            figures=[figure | {"source": _inlined(folder, figure["name"])} for figure in record["figures"]],
            tables={path.stem: _shown(path, names) for path in files},
            differs=one.differs,
            way=way,
            said=said,
        )
    )


def _inlined(folder: Path, name: str) -> str:
    path = folder / f"figure-{name}.svg"
    if not path.is_file():
        raise tables.TableError(f"{path} is missing; run the supplement again")
    return f"data:image/svg+xml;base64,{b64encode(path.read_bytes()).decode()}"


def _shown(path: Path, names: Mapping[str, str]) -> Markup:
    frame = pd.read_csv(path).rename(columns=_RENAMED)
    if "unit" in frame:  # of each row; shares are written as points
        scaled = [name for name in _IN_UNIT if name in frame]
        frame.loc[frame["unit"] == "points", scaled] *= 100
    with pd.option_context("display.max_colwidth", None, "display.precision", 12):
        return Markup(readable(frame.to_html(index=False), names))
