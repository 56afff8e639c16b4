"""The first page of a report, and one for each executed notebook.

Like those of the notebooks the first page carries everything it shows: no script, nothing fetched, figures inlined,
text of models shown as text. All it says comes from reports/: summary.json, tables, figures, executed
notebooks.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.common.files import write_atomically
from tts_lib.common.processes import on_cores
from tts_lib.report.claims.kinds import left_out, spoken_of
from tts_lib.report.columns import strategy_names
from tts_lib.report.pages import notebook, rendering
from tts_lib.report.pages import supplements as supplementary
from tts_lib.report.pages.about import About
from tts_lib.report.pages.lead import lead
from tts_lib.report.pages.navigation import OVERVIEW, Page, Way, in_order
from tts_lib.report.pages.text import show_text
from tts_lib.strategies.tables.saved import read_csv
from tts_lib.study import notebooks

VERDICTS = {  # word -> sign beside its colour
    "supported": "✓",
    "contradicted": "✗",
    "no difference": "≈",
    "inconclusive": "?",
    "not testable": "–",
}
_SUMMARY_KEYS = ["study", "headline", "figures", "claims"]


@dataclass(frozen=True)
class Table:
    """What is known of some things, a row each."""

    headings: list[str]
    rows: list[list[str]]


def render_notebooks(reports: Path, kept: Sequence[supplementary.Kept], said: About) -> list[Page]:
    """Render each notebook of `reports`/executed that ran to its end to a page in `reports`/pages.

    Args:
        kept: the supplements, whose pages come after.

    Returns:
        All pages of the report, in the order in which they are read.

    Raises:
        StudyError: a notebook that cannot be read or shown, by name.
    """
    executed = {source: notebooks.read(source) for source in notebooks.executed(reports / "executed")}
    titles = [(source.stem, _title(read.cells[0].source, source.stem)) for source, read in executed.items()]
    pages, names = in_order(titles, kept), names_of(reports)

    def render_one(source: Path) -> None:
        file = f"pages/{source.stem}.html"
        try:
            text = notebook.render(executed[source], reports, Way(pages, file), said, names)
        except StudyError as error:
            raise StudyError(f"{source}: {error}") from error
        write_atomically(reports / file, text.encode())

    on_cores(render_one, list(executed))
    return pages


def summary_of(reports: Path) -> dict[str, Any]:
    """The study's summary.json.

    Raises:
        TableError: it is missing or damaged.
    """
    return tables.read_json(reports / "summary.json", _SUMMARY_KEYS)


def claims_of(reports: Path, study: Mapping[str, Any]) -> tuple[list[dict[str, str]], list[Mapping[str, str]]]:
    """All claims, and those that the report speaks of.

    Raises:
        TableError: their table is missing.
    """
    every = _read_csv(reports, "claims")
    return every, spoken_of(every, all(study["ran"][part] for part in ("searched", "revised", "compared")))


def render(reports: Path, pages: list[Page], said: About) -> str:
    """The overview of the results in `reports`.

    Raises:
        TableError: summary.json, a table or a figure is missing or damaged.
    """
    summary = summary_of(reports)
    study = summary["study"]
    every_claim, claims = claims_of(reports, study)
    supplements = supplementary.read(reports.parent, summary["claims"]["sha256"])
    added = supplementary.added(supplements)
    trained = supplementary.over_trainings(supplements)
    gallery = _read_csv(reports, "gallery")
    chains = _read_csv(reports, "gallery_chains")
    environment = rendering.environment()
    environment.filters["as_text"] = lambda text: Markup(show_text(text).data)
    return environment.get_template("index.html.j2").render(
        study=study,
        lead=lead(study),
        models=known("model", _MODEL, {_named(name, of): of for name, of in study["models"].items()}),
        pools=known("pool", _POOL, study["pools"]),
        headline=summary["headline"],
        over={row["card"]: trained[row["number"]]["verdict"] for row in every_claim if row["number"] in trained},
        figures=[figure | {"source": _inlined(reports, figure["name"])} for figure in summary["figures"]],
        claims=claims,
        added={row["number"]: added.get(row["number"], []) for row in claims},
        supplements=supplements,
        left_out=left_out(every_claim, claims),
        registration=summary["claims"],
        counts={word: sum(row["verdict"] == word for row in claims) for word in VERDICTS},
        signs=VERDICTS,
        gallery=[(case, list(steps)) for case, steps in groupby(gallery, key=lambda row: row["case"])],
        chains=[(case, list(steps)) for case, steps in groupby(chains, key=lambda row: row["case"])],
        way=Way(pages, OVERVIEW),
        said=said,
        files=_data_files(reports),
    )


def compact(number: float) -> str:
    """A large number in words: 182 thousand, 12.0 million; 4.1e+16 where there is no word."""
    for size, word in ((1e15, ""), (1e12, " trillion"), (1e9, " billion"), (1e6, " million"), (1e3, " thousand")):
        if abs(number) >= size:
            return f"{number:.2g}" if not word else f"{number / size:.3g}{word}"
    return f"{number:g}"


def known(
    kind: str, columns: Mapping[str, tuple[str, Callable[[Any], str]]], things: Mapping[str, Mapping[str, Any]]
) -> Table:
    """What is known of these things: columns of which no value is known are left out, else there is a dash.

    Args:
        columns: field -> heading, and how a value is written.
    """
    fields = [field for field in columns if any(thing.get(field) is not None for thing in things.values())]
    headings = [kind, *(columns[field][0] for field in fields)]
    rows = [
        [name, *("–" if (value := thing.get(field)) is None else columns[field][1](value) for field in fields)]
        for name, thing in things.items()
    ]
    return Table(headings, rows)


def _named(role: str, model: Mapping[str, Any]) -> str:
    return f"{role}: {model['name']}" if model.get("name") else role


_MODEL = {
    "n_params_block": ("parameters without embeddings", "{:,.0f}".format),
    "n_params": ("with", "{:,}".format),
    "n_layers": ("layers", str),
    "width": ("width", str),
    "n_tokens": ("tokens seen", compact),
    "flops": ("training FLOPs", "{:.3g}".format),
    "validation_loss": ("validation loss", "{:.4f}".format),
}
_POOL = {
    "n_questions": ("questions", str),
    "n_samples": ("samples each", str),
    "pass_at_1": ("pass@1 of all samples", "{:.1%}".format),
    "greedy_accuracy": ("greedy", "{:.1%}".format),
    "mean_tokens": ("tokens a sample", "{:.1f}".format),
    "own_gold": ("questions that give their own gold", "{:.0f}".format),
    "own_gold_by_chance": ("by chance", "{:.0f}".format),
    "order_of_samples": ("order of the samples", str),
    "duplicate_share": ("duplicates", "{:.1%}".format),
    "shared_prefix_questions": ("questions with half a text shared", "{:.0f}".format),
}


def names_of(reports: Path) -> dict[str, str]:
    """What the strategies of the study are called in words."""
    found = [reports / "results" / stage / "accuracy.csv" for stage in ("compute_optimal",)]
    found += [reports / "results/select/selection.csv"]
    frames = {path.stem: read_csv(path) for path in found if path.is_file()}
    return strategy_names(frames)


def _title(source: str, otherwise: str) -> str:
    line = source.strip().split("\n")[0]
    return line.removeprefix("# ") if line.startswith("# ") else otherwise


def _read_csv(reports: Path, name: str) -> list[dict[str, str]]:
    """Rows of a table as they are written; empty cells are empty texts."""
    path = reports / (paths.results("report") / f"{name}.csv").relative_to(paths.REPORTS)
    if not path.is_file():
        raise tables.TableError(f"{path} is missing; run `dvc repro`, or the stage that writes it, first")
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    return frame.to_dict("records")  # pyright: ignore[reportReturnType]


def _inlined(reports: Path, name: str) -> str:
    path = reports / (paths.results("report") / f"{name}.svg").relative_to(paths.REPORTS)
    if not path.is_file():
        raise tables.TableError(f"{path} is missing; run `dvc repro`, or the stage that draws it, first")
    return f"data:image/svg+xml;base64,{b64encode(path.read_bytes()).decode()}"


def _data_files(reports: Path) -> list[dict[str, Any]]:
    """Tables and records beside the page, with their sizes; those in results/ are there only where it was run."""
    found = [path for folder in ("", "metrics", "figures") for path in sorted((reports / folder).glob("*.[cj]s*"))]
    found += sorted((reports / "results").rglob("*.csv"))
    return [
        {
            "path": str(path.relative_to(reports)),
            "kilobytes": path.stat().st_size / 1000,
            "kept": path.relative_to(reports).parts[0] != "results",
        }
        for path in found
    ]
