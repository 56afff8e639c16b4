"""Make a folder with a study of its own, by one of the profiles."""

import argparse
from pathlib import Path
from shlex import quote

from tts_lib.study import folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="to make, anywhere on the disk")
    parser.add_argument("--profile", default="nano", help="settings to begin with: a name in profiles/ (default: nano)")


def run(given: argparse.Namespace) -> int:
    made(given.folder, given.profile)
    print(f"{given.folder} is a study; change its params.yaml, then: tts run {quote(str(given.folder))}")
    return 0


def made(path: Path, profile: str) -> None:
    """`folder.create`, saying which files are not the project's."""
    if own := folder.create(path, profile):
        print(f"Kept as you have changed them: {', '.join(str(path / name) for name in own)}")
