"""Open a study in JupyterLab: its notebooks, params.yaml and report."""

import argparse
import os
import sys
from pathlib import Path

from tts_lib.common import paths
from tts_lib.study.parameters import OF_KERNELS, STAGE
from tts_lib.study.run import import_from


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="of the study")


def run(given: argparse.Namespace) -> int:
    root = paths.find_root(given.folder)
    os.environ.update({name: value for name, value in OF_KERNELS.items() if name != STAGE})
    import_from(root)
    shown = [f"--ServerApp.root_dir={root}", "--LabApp.default_url=/lab/tree/notebooks"]
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *shown])
