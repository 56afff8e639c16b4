"""The supplement improve on a tiny study, in a process of its own: `python -m helpers.improving_run FOLDER STEP`.

It kills itself right before its STEP-th fsync or rename; 0: never.
"""

import sys
from pathlib import Path

from helpers.crashing_run import die_before_step
from helpers.pipeline import ROOT
from tts_lib.report.supplements import kinds, writing
from tts_lib.report.supplements.declared import PROFILES, Collected
from tts_lib.report.supplements.improve.supplement import Improve

TINY = {"rounds": 2, "samples": 8, "texts": 4, "n_test": 30, "pool": 16, "at": 8}


def declared(**changes: int) -> Improve:
    """What is shipped, as small as the tiny study."""
    shipped = kinds.load(ROOT / PROFILES / "improve.yaml")
    return Improve.model_validate(shipped.model_dump() | TINY | changes)


def collect(root: Path) -> Collected:
    """Run it, and write its folder in the report of the study in `root`."""
    found = declared().collect(root, {})
    writing.write(root, "improve", found)
    return found


if __name__ == "__main__":
    folder, step = Path(sys.argv[1]), int(sys.argv[2])
    if step:
        die_before_step(step)
    collect(folder)
