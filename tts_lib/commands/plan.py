"""Say what a study will sample, read, train and store, and what it needs, before it runs."""

import argparse
from pathlib import Path

from tts_lib.common import paths
from tts_lib.plan import __main__ as planning


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="of the study, or a file of settings")


def run(given: argparse.Namespace) -> int:
    file = given.folder if given.folder.is_file() else paths.find_root(given.folder) / "params.yaml"
    planning.main([str(file)])
    return 0
