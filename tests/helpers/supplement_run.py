"""A supplement made in a tiny study, in a process of its own: `python -m helpers.supplement_run NAME FOLDER STEP`.

It kills itself right before its STEP-th fsync or rename; 0: never.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from helpers.crashing_run import die_before_step
from helpers.pipeline import ROOT
from tts_lib.common import paths
from tts_lib.report.supplements import kinds, writing
from tts_lib.report.supplements.declared import PROFILES, Collected, Supplement

TINY: dict[str, dict[str, Any]] = {
    "combine": {"attempts": [2, 4], "budget": 8, "levels": 4, "n_val": 30, "n_test": 30},
    "improve": {"rounds": 2, "samples": 8, "texts": 4, "n_test": 30, "pool": 16, "at": 8},
}


def declared(name: str, **changes: int) -> Supplement:
    """What is shipped, as small as the tiny study."""
    shipped = kinds.load(ROOT / PROFILES / f"{name}.yaml")
    return type(shipped).model_validate(shipped.model_dump() | TINY[name] | changes)


def collect(name: str, root: Path) -> Collected:
    """Run it, and write its folder in the report of the study in `root`."""
    found = declared(name).collect(root, {})
    writing.write(root, name, found)
    return found


def run(name: str, root: Path, step: int) -> int:
    """The same in a process of its own, which dies before a step; how that ended."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    command = [sys.executable, "-m", "helpers.supplement_run", name, str(root), str(step)]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


def written(name: str, root: Path) -> dict[str, bytes]:
    """Its files in the report of the study in `root`, by name."""
    return {path.name: path.read_bytes() for path in sorted((root / paths.REPORTS / "supplements" / name).iterdir())}


if __name__ == "__main__":
    supplement, folder, step = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if step:
        die_before_step(step)
    collect(supplement, folder)
