"""Stages forked from a warm process: the same to the byte, and none left when whatever started it is gone."""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from helpers.example_study import EXAMPLE
from helpers.pipeline import ROOT
from tts_lib.study import parameters, warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks and requests to the Linux kernel")

# What a library finds out as it is loaded, and what a process knows of itself.
ASKS = """\
import os, sys
import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
options = [name for name in pd._config.config._registered_options if name.startswith("display")]
print({name: str(pd.get_option(name)).lower() for name in sorted(options)})  # utf-8 is UTF-8
print({name: mpl.rcParams[name] for name in sorted(mpl.rcParams)})
print(sys.executable, sys.path, os.getcwd(), __name__, hash("a string"), type(sys.stdout))
own = ("JPY_PARENT_PID", "TTS_WARM_KERNELS", "IPYTHONDIR", "JUPYTER_DATA_DIR")
print({name: value for name, value in sorted(os.environ.items()) if name not in own})
plt.plot([1, 2])
pd.DataFrame([range(30)])
"""
STYLED = ("tts_lib.plots", "tts_lib.report.figures", "tts_lib.report.summary")
WAITS = "import os, time\nfrom pathlib import Path\nPath('pid').write_text(str(os.getpid()))\ntime.sleep(600)"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MATPLOTLIBRC", "/none")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "params.yaml").write_text(EXAMPLE)
    return tmp_path


@pytest.fixture
def told(project: Path) -> Iterator[dict[str, str]]:
    with warm.process(project, parameters.of_kernels()) as told:
        yield told


def start(project: Path, told: dict[str, str], *cells: str) -> "subprocess.Popen[str]":
    first = new_code_cell('params = None\nmethod = "dvts"', metadata={"tags": ["parameters"]})
    nbformat.write(new_notebook(cells=[first, *map(new_code_cell, cells)]), project / "n.ipynb")
    command = [sys.executable, "-m", "tts_lib.study.run", "n.ipynb", "out.ipynb", "method=beam_4"]
    return subprocess.Popen(
        command, cwd=project, env=os.environ | told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def waiting(project: Path) -> int:
    """The process of the kernel, once it waits."""
    wait_for(lambda: (project / "pid").exists() and (project / "pid").read_text() != "")
    return int((project / "pid").read_text())


def test_a_stage_is_the_same_to_the_byte(project: Path, told: dict[str, str]) -> None:
    made = []
    for variables in ({}, told):
        run = start(project, variables, ASKS, "x = b'x' * 300_000_000")
        stdout, stderr = run.communicate(timeout=240)
        assert (run.returncode, stdout, stderr) == (0, "", "")
        made.append((project / "out.ipynb").read_text())
    assert made[0] == made[1]
    assert "image/png" in made[0]
    peaks = [json.loads(line)["peak_rss_mb"] for line in (project / "logs/stages.jsonl").read_text().splitlines()]
    assert len(peaks) == 2 and min(peaks) > 300 and max(peaks) < 2 * min(peaks)


def test_what_stages_on_tables_import_is_loaded_before_they_are_forked() -> None:
    """All but what sets how figures look, as a notebook that asks for no figure must not be given its style."""
    imported: set[str] = set()
    for name in ("06_select", "11_compute_optimal", "11_stopping", "12_flops_matched", "13_report"):
        cells = nbformat.read(ROOT / f"notebooks/{name}.ipynb", as_version=4).cells
        for line in ast.walk(ast.parse("\n".join(cell.source for cell in cells if cell.cell_type == "code"))):
            if isinstance(line, ast.ImportFrom) and str(line.module).startswith("tts_lib."):
                imported |= {str(line.module), *(f"{line.module}.{alias.name}" for alias in line.names)}
    words = "import json, sys; from tts_lib.study import warm; warm._load(warm.PRELOADED + warm.LATER); "
    words += "print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "tts_lib.plots.style" not in loaded
    missing = {name for name in imported - loaded if is_module(name)}
    assert {name for name in missing if not name.startswith(STYLED)} == set()


def is_module(name: str) -> bool:
    """Whether it is a module, and not a name in one."""
    return (ROOT / name.replace(".", "/")).with_suffix(".py").is_file()


@pytest.mark.parametrize("forked", [True, False])
def test_a_kernel_ends_by_itself_also_where_processes_were_started(
    project: Path, told: dict[str, str], forked: bool
) -> None:
    """It is killed if it waits for the server that they were forked from, and what is left for the end is not done."""
    cell = """\
import atexit, multiprocessing, time
from pathlib import Path
process = multiprocessing.get_context("forkserver").Process(target=time.sleep, args=(0,))
process.start()
process.join()
atexit.register(Path("ended").touch);"""
    run = start(project, told if forked else {}, cell)
    assert run.communicate(timeout=240) == ("", "") and run.returncode == 0
    assert (project / "ended").exists()


def test_an_error_is_said_and_the_status_handed_on(project: Path, told: dict[str, str]) -> None:
    run = start(project, told, "import sys\nprint('to the terminal', file=sys.stderr)\nraise ValueError('no')")
    stdout, stderr = run.communicate(timeout=240)
    assert (run.returncode, stdout) == (1, "")
    assert stderr.startswith("to the terminal\nn.ipynb, cell 2: ValueError: no (see ")


@pytest.mark.parametrize("which", ["stage", "kernel"])
def test_what_is_killed_takes_its_own_with_it(project: Path, told: dict[str, str], which: str) -> None:
    run = start(project, told, WAITS)
    kernel = waiting(project)
    os.kill(run.pid if which == "stage" else kernel, signal.SIGKILL)
    stderr = run.communicate(timeout=120)[1]
    assert run.returncode != 0 and (which == "stage" or "out of memory?" in stderr)
    wait_for(lambda: not alive(kernel))


def test_with_the_warm_process_all_ends_and_then_stages_are_as_ever(project: Path) -> None:
    with warm.process(project, parameters.of_kernels()) as told:
        run = start(project, told, WAITS)
        kernel = waiting(project)
    run.communicate(timeout=60)
    assert run.returncode != 0
    wait_for(lambda: not alive(kernel))
    run = start(project, told, "print(1)")
    assert run.communicate(timeout=240) == ("", "") and run.returncode == 0


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "still waiting"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
