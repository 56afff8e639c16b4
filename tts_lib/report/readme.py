"""Writes the results of the committed study into README.md: `python -m tts_lib.report.readme`.

They stand between two marks and come from reports/summary.json; a test compares the two.
"""

import sys
from pathlib import Path

from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.common.files import write_atomically

WORDS = ("supported", "contradicted", "no difference", "inconclusive", "not testable")
BEGIN, END = "<!-- results -->\n", "<!-- end of results -->\n"


def results_table(summary: Path) -> str:
    """The headline numbers as a Markdown table, and the tally of the claims.

    Raises:
        TableError: the summary is missing or damaged.
    """
    found = tables.read_json(summary, ["headline", "verdicts", "verdicts_of_all", "study"])
    rows = [f"| {row['label']} | {row['at']} | {row['text']} |" for row in found["headline"]]
    counts, of_all = (
        ", ".join(f"{found[key].get(word, 0)} {word}" for word in WORDS) for key in ("verdicts", "verdicts_of_all")
    )
    lines = ["| what | at | value [95% interval] |", "|---|---|---|", *rows, ""]
    n = found["study"]["questions"]["test"]
    tally = f"{n} test questions. Claims of the paper put to the test: {counts}; with regard to their number: {of_all}."
    return "\n".join([*lines, tally]) + "\n"


def with_results(readme: str, table: str) -> str:
    """The README with its results replaced.

    Raises:
        StudyError: the marks are not there.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise StudyError(f"README.md must hold the lines {BEGIN.strip()} and {END.strip()}")
    return before + begin + table + end + after


def main() -> None:
    try:
        root = paths.find_root()
        path = root / "README.md"
        text = with_results(path.read_text(encoding="utf-8"), results_table(root / "reports/summary.json"))
        write_atomically(path, text.encode())
    except (StudyError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
