"""Hold every output of a study against the hashes that were taken when it was made."""

import argparse
from pathlib import Path

from tts_lib.common import paths
from tts_lib.study import verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="of the study")


def run(given: argparse.Namespace) -> int:
    root = paths.find_root(given.folder)
    complaints, n_files = verify.complaints(root)
    for complaint in complaints:
        print(complaint)
    words = f"{len(complaints)} are not as they were made" if complaints else "all as they were made"
    print(f"{n_files} outputs: {words}")
    return 1 if complaints else 0
