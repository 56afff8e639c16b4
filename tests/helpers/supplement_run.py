"""A supplement made in a tiny study, and a server that makes them in processes of their own, some of which die.

It forks one for each line NAME STEP FOLDER of its standard input (the libraries take longer to load than a supplement
to make) and prints how that ended. The process kills itself right before its STEP-th fsync or rename; 0: never.
"""

import atexit
import importlib
import os
import subprocess
import sys
from functools import cache
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
# What a supplement loads on its way and every fork of it would load anew.
LOADS = {"improve": ("torch._dynamo", "tts_lib.training.learners", "transformers.models.llama.modeling_llama")}


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
    server = _server()
    assert server.stdin and server.stdout
    print(name, step, root, file=server.stdin, flush=True)
    return int(server.stdout.readline())


@cache
def _server() -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    command = [sys.executable, "-m", "helpers.supplement_run"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, env=environment, text=True, **pipes)
    atexit.register(server.communicate)
    return server


def written(name: str, root: Path) -> dict[str, bytes]:
    """Its files in the report of the study in `root`, by name."""
    return {path.name: path.read_bytes() for path in sorted((root / paths.SUPPLEMENTS / name).iterdir())}


def serve() -> None:
    for line in sys.stdin:
        name, step, root = line.rstrip("\n").split(" ", 2)
        for module in LOADS.get(name, ()):
            importlib.import_module(module)
        child = os.fork()
        if child == 0:
            os.dup2(2, 1)  # the answers are the server's
            if step != "0":
                die_before_step(int(step))
            collect(name, Path(root))
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
