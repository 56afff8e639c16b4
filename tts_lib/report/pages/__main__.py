"""Writes the pages of a report: `python -m tts_lib.report.pages`."""

import argparse
import os
import sys
from pathlib import Path

from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.common.files import write_atomically
from tts_lib.report.pages.about import about
from tts_lib.report.pages.index import render, render_notebooks


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tts_lib.report.pages", description="Write the pages of reports/.")
    parser.parse_args(arguments)
    try:
        os.chdir(paths.find_root())
        n_questions = tables.read_json(paths.SUMMARY, ["study"])["study"]["questions"]["test"]
        said = about(Path(), n_questions)
        pages = render_notebooks(paths.REPORTS, said)
        write_atomically(paths.REPORTS / "index.html", render(paths.REPORTS, pages, said).encode())
    except (StudyError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
