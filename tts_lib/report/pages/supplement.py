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
_RENAMED = {"rate": "epsilon", "tokens": "tokens_seen", "text": "found"}  # a study means other things by these
_NUMBERS = ["estimate", "mean", "difference", "low", "high", "spread"]  # that `text` puts into words


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
            left_out=_by_reason(record["left_out"]),
            differs=one.differs,
            way=way,
            said=said,
        )
    )


def _by_reason(left_out: Mapping[str, str]) -> dict[str, list[str]]:
    """Why nothing is said -> on which claims."""
    found: dict[str, list[str]] = {}
    for number, reason in left_out.items():
        found.setdefault(reason, []).append(number)
    return found


def _inlined(folder: Path, name: str) -> str:
    path = folder / f"figure-{name}.svg"
    if not path.is_file():
        raise tables.TableError(f"{path} is missing; run the supplement again")
    return f"data:image/svg+xml;base64,{b64encode(path.read_bytes()).decode()}"


def _shown(path: Path, names: Mapping[str, str]) -> Markup:
    frame = pd.read_csv(path).drop(columns="sha256", errors="ignore")
    numbers = frame.columns.intersection(_NUMBERS)
    if path.stem == CLAIMS and "text" in frame:
        keys = ["contrast"] if "at" in frame else []  # of the profile
        frame = frame.drop(columns=[*numbers, *keys, "unit"], errors="ignore")
    elif "text" in frame:
        frame = frame.drop(columns="text")
    elif "unit" in frame:  # of each row; shares are written as points
        frame.loc[frame["unit"] == "share", numbers] *= 100
    frame = frame.rename(columns=_RENAMED)
    with pd.option_context("display.max_colwidth", None, "display.precision", 12):
        return Markup(readable(frame.to_html(index=False), names))
