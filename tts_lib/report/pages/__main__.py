"""Writes the pages of a report: `python -m tts_lib.report.pages`."""

from tts_lib.study import forks

if __name__ == "__main__":
    forks.go_on_there("tts_lib.report.pages")  # before the rest is loaded

import argparse
import os
import sys
from functools import partial
from pathlib import Path

from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.common.files import write_atomically
from tts_lib.common.processes import on_cores
from tts_lib.report.explorer import record
from tts_lib.report.pages import explore, index, markdown, supplement, supplements
from tts_lib.report.pages.about import about
from tts_lib.report.pages.navigation import EXPLORER, OVERVIEW, Way


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tts_lib.report.pages", description="Write the pages of reports/.")
    parser.parse_args(arguments)
    try:
        os.chdir(paths.find_root())
        summary = index.summary_of(paths.REPORTS)
        said = about(Path(), summary["study"]["questions"]["test"])
        _, claims = index.claims_of(paths.REPORTS, summary["study"])
        kept = supplements.read(Path(), summary["claims"]["sha256"])
        markdown.copy_shown(paths.REPORTS, summary)
        pages = index.render_notebooks(paths.REPORTS, kept, said)
        made = {
            EXPLORER: lambda: explore.render(record.load(), Way(pages, EXPLORER), said),
            "README.md": lambda: markdown.render(summary, claims, kept, said),
            OVERVIEW: lambda: index.render(paths.REPORTS, pages, said),
        }
        names = index.names_of(paths.REPORTS)
        for one in kept:
            made[one.page] = partial(supplement.render, paths.REPORTS, one, Way(pages, one.page), said, names)
        for name, text in zip(made, on_cores(lambda make: make(), [*made.values()]), strict=True):
            write_atomically(paths.REPORTS / name, text.encode())
    except (StudyError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
