"""`reports/README.md`: the story of a study in one minute, as a code host shows it, with figures that are committed."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tts_lib.common import paths, tables
from tts_lib.common.files import write_atomically
from tts_lib.report import story
from tts_lib.report.pages.about import About
from tts_lib.report.pages.lead import lead
from tts_lib.report.pages.supplements import Kept, added, over_trainings

CLAIMS = "claims.csv"


def render(summary: Mapping[str, Any], claims: Sequence[Mapping[str, str]], kept: Sequence[Kept], said: About) -> str:
    """The page. Figures are those in the folder figures/ beside it.

    Args:
        claims: that the report speaks of.
        kept: the supplements that were run.
    """
    parts = ["# What came out", lead(summary["study"])]
    parts += [f"**{said.warning}**"] if said.warning else []
    parts.append("\n".join(f"- {sentence}" for sentence in story.sentences(summary, claims, added(kept))))
    parts.append(
        "[Overview](index.html), [explorer](explore.html) and a page for each notebook: open them in a browser."
    )
    for figure in story.figures(summary):
        parts += [f"### {figure['title']}", f"![{figure['title']}](figures/{figure['name']}.png)", figure["caption"]]
    trained = over_trainings(kept)
    for title, verdict in (("What holds", "supported"), ("What does not", "contradicted")):
        rows = [row for row in claims if row["verdict_of_all"] == verdict]
        alone = [row for row in rows if trained.get(row["number"], {"verdict": verdict})["verdict"] != verdict]
        lines = [_line(row, trained) for row in rows if row not in alone]
        parts += [f"## {title}", "\n".join(lines) or "Nothing that was put to the test, for sure."]
        if alone:
            parts.append("With this training of the models, but not for sure with another:")
            parts.append("\n".join(_line(row, trained) for row in alone))
    parts.append("What is left is too close to call with these questions, or was not measured.")
    if claims:
        parts += ["## Every claim", _table(claims)]
    if own := [one for one in kept if not one.differs]:
        parts += ["## Supplements", "\n".join(_supplement(one) for one in own)]
    parts.append(said.foot)
    return "\n\n".join(parts) + "\n"


def copy_shown(reports: Path, summary: Mapping[str, Any]) -> None:
    """Put the data of all figures, the pictures of the story and the claims beside the pages: what lies in results/ is
    not committed.

    Raises:
        TableError: one is missing.
    """
    results = reports / paths.results("report").relative_to(paths.REPORTS)
    pictures = [figure["name"] for figure in story.figures(summary)]
    wanted = {f"{figure['name']}.csv" for figure in summary["figures"]} | {f"{name}.png" for name in pictures}
    for name in sorted(wanted):
        write_atomically(reports / "figures" / name, _existing(results / name).read_bytes())
    write_atomically(reports / CLAIMS, _existing(results / CLAIMS).read_bytes())
    for path in (reports / "figures").iterdir():  # of another run
        if path.name not in wanted:
            path.unlink()


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise tables.TableError(f"{path} is missing; run `dvc repro`, or the stage that writes it, first")
    return path


def _line(row: Mapping[str, str], trained: Mapping[str, Mapping[str, str]]) -> str:
    words = f"- {_text(row['claim'])}: {_text(row['ours'].partition('; ')[0])} ({_text(row['contrast'])})"
    more = trained.get(row["number"])
    return f"{words}; {_text(more['text'])}" if more else words


def _table(claims: Sequence[Mapping[str, str]]) -> str:
    head = ["#", "claim", "paper", "this study", "at", "verdict", "among all"]
    names = ["number", "claim", "paper", "ours", "contrast", "verdict", "verdict_of_all"]
    return table(head, [[row[name] for name in names] for row in claims])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose cells are words as they are."""
    written = [head, ["---"] * len(head), *([_text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in written)


def _supplement(one: Kept) -> str:
    """What a supplement of this study found, with a link to its page."""
    return f"- [{_text(one.title)}]({Path(one.page).with_name('README.md').as_posix()}): {_text(one.lead)}"


def _text(words: str) -> str:
    """Words as they are, with nothing in them understood as markup."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", words.replace("\n", " ")).replace("\\[", "[").replace("\\]", "]")
