"""Writes the results of the committed study into README.md: `python -m tts_lib.report.readme`.

The story, in a few sentences under a figure, and the table stand each between two marks; they come from reports/: the
summary, the claims and the supplements. A test compares them.
"""

import csv
import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.common.files import write_atomically
from tts_lib.report import story
from tts_lib.report.pages import supplements

WORDS = ("supported", "contradicted", "no difference", "inconclusive", "not testable")
STORY, TABLE = "story", "results"
_KEYS = ["headline", "verdicts", "verdicts_of_all", "study", "figures", "claims"]


def parts(root: Path) -> dict[str, str]:
    """What stands between each pair of marks, of the study in `root`.

    Raises:
        StudyError: the report is not there, or damaged.
    """
    if not (claims := root / "reports/claims.csv").is_file():
        raise StudyError(f"{claims} is missing; run `dvc repro pages`, which writes it, first")
    summary = tables.read_json(root / "reports/summary.json", _KEYS)
    rows = list(csv.DictReader(io.StringIO(claims.read_text(encoding="utf-8"))))
    more = supplements.added(supplements.read(root, summary["claims"]["sha256"]))
    return {STORY: _story(summary, rows, more), TABLE: _table(summary)}


def _story(summary: Mapping[str, Any], claims: list[dict[str, str]], more: Mapping[str, list[dict[str, str]]]) -> str:
    """One figure, and the sentences."""
    lines = "\n".join(f"- {sentence}" for sentence in story.sentences(summary, claims, more))
    figure = story.figures(summary)[0]
    return f"![{figure['title']}](reports/figures/{figure['name']}.png)\n\n{figure['caption']}\n\n{lines}\n"


def _table(found: Mapping[str, Any]) -> str:
    """The headline numbers as a Markdown table, and the tally of the claims."""
    rows = [f"| {row['label']} | {row['at']} | {row['text']} |" for row in found["headline"]]
    counts, of_all = (
        ", ".join(f"{found[key].get(word, 0)} {word}" for word in WORDS) for key in ("verdicts", "verdicts_of_all")
    )
    lines = ["| what | at | value [95% interval] |", "|---|---|---|", *rows, ""]
    n = found["study"]["questions"]["test"]
    tally = f"{n} test questions. Claims of the paper put to the test: {counts}; with regard to their number: {of_all}."
    return "\n".join([*lines, tally]) + "\n"


def with_parts(readme: str, written: Mapping[str, str]) -> str:
    """The README with what stands between its marks replaced.

    Raises:
        StudyError: the marks are not there.
    """
    for name, text in written.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        before, found, rest = readme.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise StudyError(f"README.md must hold the lines {begin.strip()} and {end.strip()}")
        readme = before + begin + text + end + after
    return readme


def main() -> None:
    try:
        root = paths.find_root()
        path = root / "README.md"
        write_atomically(path, with_parts(path.read_text(encoding="utf-8"), parts(root)).encode())
    except (StudyError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
