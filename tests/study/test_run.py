"""The runner: what it hands to a notebook, what it refuses, and what it leaves behind."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers.example_study import EXAMPLE
from helpers.pipeline import ROOT
from tts_lib.common.errors import StudyError
from tts_lib.study import notebooks, parameters
from tts_lib.study import run as nbrun
from tts_lib.study.config import loading

PARAMETERS = """\
from tts_lib.study import parameters

params = parameters.here()  # of params.yaml
seed = params("seed")  # study seed
n_bins: int = params("difficulty.n_bins")
n_probe = params("difficulty.n_probe")  # samples
method = "dvts"
options = params(f"options.{method}")
"""
ARGUMENTS = ["method=beam_4"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_text(EXAMPLE)
    (tmp_path / "notebooks").mkdir()
    return tmp_path


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a stage that is refused before it starts a kernel, in this process."""
    monkeypatch.chdir(project)
    monkeypatch.setattr(nbrun, "die_with_parent", lambda: None)
    monkeypatch.setattr(os, "environ", dict(os.environ))


def write_notebook(path: Path, *sources: str, parameters: str = PARAMETERS) -> Path:
    cells = [
        new_markdown_cell("# A stage"),
        new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        *map(new_code_cell, sources),
    ]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def start(project: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tts_lib.study.run", *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read(path: Path, **given: str) -> dict[str, Any]:
    return parameters.values(path, loading.load(path.parents[1] / "params.yaml"), given)


def test_a_cell_says_where_its_values_stand(project: Path) -> None:
    path = write_notebook(project / "notebooks/n.ipynb")
    assert read(path, method="beam_4") == {
        "seed": 0,
        "n_bins": 5,
        "n_probe": [1, 4, 8, 16, 32],
        "method": "beam_4",
        "options": {"kind": "beam", "width": 4},
    }
    assert read(path)["options"]["kind"] == "dvts"
    study = loading.load(project / "params.yaml")
    expected = {"seed", "difficulty.n_bins", "difficulty.n_probe", "options.dvts"}
    assert parameters.settings_read(path, study, {}) == expected
    assert parameters.pick(study, "problems.*.n_test") == 400  # the only entry, whatever its name


def test_opened_by_hand_a_notebook_reads_the_study_it_lies_in(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_notebook(project / "notebooks/n.ipynb")
    monkeypatch.chdir(project / "notebooks")
    monkeypatch.delenv(parameters.STAGE, raising=False)
    found: dict[str, Any] = {}
    exec(PARAMETERS, found)
    assert (found["seed"], found["options"]["kind"]) == (0, "dvts")
    with pytest.raises(StudyError, match=r"params\.yaml has no options\.beam_5; there it has beam_4, beam_sqrt"):
        found["params"]("options.beam_5")
    monkeypatch.setenv(parameters.STAGE, "1")  # a stage is handed its values
    exec(PARAMETERS, found)
    assert found["seed"] is None


@pytest.mark.parametrize(
    ("cell", "given", "words"),
    [
        ('a = params("serach")', {}, "params.yaml has no serach; there it has seed, problems"),
        ('a = params("seed.x")', {}, r"params.yaml has no seed\.x"),
        ("a = 1\nb = 2 * a", {}, r"parameter b must be a literal or params\(\.\.\.\)"),
        ('a = params("models.*")', {}, r"params.yaml has no models\.\*; there it has base, large"),
        ("import os", {}, "line 1 of the parameters cell is not `name = value`"),
        ("a: int", {}, "line 1 of the parameters cell is not `name = value`"),
        ("a = b = 1", {}, "line 1 of the parameters cell is not `name = value`"),
        ("a = 'x'", {"b": "y"}, "has no parameter b of its own; it has a"),
        ('a = params("seed")\nc = 1', {"a": "y"}, "has no parameter a of its own; it has c"),
    ],
)
def test_what_is_no_parameters_cell_is_refused(project: Path, cell: str, given: dict[str, str], words: str) -> None:
    path = write_notebook(project / "notebooks/n.ipynb", parameters=cell)
    with pytest.raises(StudyError, match=words):
        read(path, **given)


@pytest.mark.parametrize("word", ["a b=c", "x=__import__('os')", "x", "=y", "x=$(y)"])
def test_words_for_a_notebook_are_plain(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        nbrun.make_parser().parse_args(["n.ipynb", "out.ipynb", word])
    assert "must be name=word of letters, digits" in capsys.readouterr().err


def test_there_is_one_parameters_cell(tmp_path: Path) -> None:
    nbformat.write(new_notebook(cells=[new_code_cell("a = 1")]), tmp_path / "n.ipynb")
    with pytest.raises(StudyError, match="one cell tagged 'parameters', it has 0"):
        notebooks.parameters_cell(tmp_path / "n.ipynb")
    (tmp_path / "n.ipynb").write_text("no notebook")
    with pytest.raises(StudyError, match="is not a notebook"):
        notebooks.parameters_cell(tmp_path / "n.ipynb")


def test_a_stage_leaves_the_same_bytes_wherever_it_runs(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Run twice: in a folder whose sockets fit, and over TCP in one whose path is too long, in another time zone."""
    source = write_notebook(
        project / "notebooks/n.ipynb",
        "import os, sys, time, warnings\n"
        "from pathlib import Path\n"
        "print(seed, n_probe, method, options, hash('x'))\n"
        "print(Path('params.yaml').exists(), os.environ['MALLOC_TOP_PAD_'])\n"
        "print('progress', time.time(), file=sys.stderr)\n"
        "os.write(2, b'from below\\n')\n"
        "warnings.warn('IProgress not found. Please update')\n"
        "warnings.warn('careful')\n"
        "for i in range(3):\n"
        "    print(i, flush=True)\n"
        "    time.sleep(0.02)",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    )
    long = tmp_path_factory.mktemp("a" * 100)
    runs = [start(project, "notebooks/n.ipynb", "out/a.ipynb", *ARGUMENTS)]
    runs += [start(project, str(source), "out/b.ipynb", *ARGUMENTS, TMPDIR=str(long), TZ="Asia/Tokyo")]
    results = [(*run.communicate(timeout=120), run.returncode) for run in runs]
    for stdout, stderr, status in results:
        assert status == 0, stderr
        assert stdout == ""  # what a notebook prints is for its page
        assert "careful" in stderr and stderr.count("progress") == 1 >= stderr.count("from below")
        assert "IProgress" not in stderr
    first, second = ((project / f"out/{name}.ipynb").read_bytes() for name in "ab")
    assert first == second
    assert b'"name": "stderr"' not in first
    printed = nbformat.reads(first, 4).cells[3].outputs[0].text
    assert printed.startswith("0 [1, 4, 8, 16, 32] beam_4 {'kind': 'beam', 'width': 4} ")
    assert printed.endswith("\nTrue 268435456\n0\n1\n2\n")
    assert [path.name for path in sorted((project / "out").iterdir())] == ["a.ipynb", "b.ipynb"]
    entries = [json.loads(line) for line in (project / "logs/stages.jsonl").read_text().splitlines()]
    assert sorted(entry["stage"] for entry in entries) == ["a", "b"]
    assert all(entry["succeeded"] and entry["wall_s"] > 0 and entry["peak_rss_mb"] > 10 for entry in entries)


def test_a_failed_notebook_says_one_sentence_and_leaves_the_partial_one(project: Path) -> None:
    write_notebook(
        project / "notebooks/n.ipynb",
        "print('before')",
        "from tts_lib.common.errors import StudyError\nraise StudyError('The pool is\\nempty.')",
    )
    (project / "out").mkdir()
    (project / "out/n.ipynb").write_text("the last good one")
    run = start(project, "notebooks/n.ipynb", "out/n.ipynb", *ARGUMENTS)
    stdout, stderr = run.communicate(timeout=120)
    assert run.returncode == 1 and stdout == ""
    assert stderr == "notebooks/n.ipynb, cell 4: The pool is empty. (see out/n.partial.ipynb)\n"
    assert "before" in (project / "out/n.partial.ipynb").read_text()
    assert (project / "out/n.ipynb").read_text() == "the last good one"
    assert json.loads((project / "logs/stages.jsonl").read_text())["succeeded"] is False


def test_a_killed_kernel_is_said_to_be_dead(project: Path) -> None:
    write_notebook(project / "notebooks/n.ipynb", "import os\nos.kill(os.getpid(), 9)")
    stderr = start(project, "notebooks/n.ipynb", "out/n.ipynb", *ARGUMENTS).communicate(timeout=120)[1]
    assert stderr.endswith("notebooks/n.ipynb: Kernel died; out of memory? (see out/n.partial.ipynb)\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["notebooks/n.ipynb", "out.ipynb", "x=y"], "notebooks/n.ipynb has no parameter x of its own; it has method."),
        (["notebooks/none.ipynb", "out.ipynb"], "notebooks/none.ipynb cannot be read: No such file or directory."),
        (["notebooks/n.ipynb", "../out.ipynb", *ARGUMENTS], "Both notebooks must lie in the project's folder"),
    ],
)
@pytest.mark.usefixtures("here")
def test_a_refused_stage_says_one_sentence(project: Path, arguments: list[str], sentence: str) -> None:
    write_notebook(project / "notebooks/n.ipynb")
    with pytest.raises(SystemExit) as caught:
        nbrun.main(arguments)
    assert str(caught.value).startswith(sentence) and "\n" not in str(caught.value)


@pytest.mark.usefixtures("here")
def test_a_stage_that_cannot_write_says_one_sentence(project: Path) -> None:
    """Files stand where its folders would be, as on a disk that lets nothing be written."""
    write_notebook(project / "notebooks/n.ipynb")
    for name in ("out", "logs"):
        (project / name).write_text("")
    with pytest.raises(SystemExit) as caught:
        nbrun.main(["notebooks/n.ipynb", "out/n.ipynb", *ARGUMENTS])
    assert str(caught.value) == "cannot write out, which is left as it was: File exists"


def test_ctrl_c_is_answered_with_one_line(project: Path) -> None:
    write_notebook(
        project / "notebooks/n.ipynb",
        "import os, time\nfrom pathlib import Path\nPath('pid').write_text(str(os.getpid()))\ntime.sleep(600)",
    )
    run = start(project, "notebooks/n.ipynb", "out.ipynb", *ARGUMENTS)
    wait_for(lambda: (project / "pid").exists() and (project / "pid").read_text() != "")
    run.send_signal(signal.SIGINT)
    stdout, stderr = run.communicate(timeout=60)
    assert (stdout, stderr) == ("", "notebooks/n.ipynb: interrupted; the same command goes on from here.\n")
    assert run.returncode == 130
    wait_for(lambda: not alive(int((project / "pid").read_text())))


def test_a_stage_runs_on_its_own_interpreter_and_settings(project: Path, tmp_path: Path) -> None:
    """Whatever kernels, startup files and settings of matplotlib the machine has."""
    foreign = tmp_path / "jupyter/kernels/python3"
    foreign.mkdir(parents=True)
    (foreign / "kernel.json").write_text(
        json.dumps({"argv": ["/bin/false"], "language": "python", "display_name": "x"})
    )
    startup = tmp_path / "ipython/profile_default/startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("seed = 'from a startup file'\nleaked = True")
    (tmp_path / "mine.rc").write_text("lines.linewidth: 17")
    write_notebook(
        project / "notebooks/n.ipynb",
        "import sys\nimport matplotlib as mpl\n"
        "print(sys.executable, 'leaked' in globals(), mpl.rcParams['lines.linewidth'])",
    )
    environment = {
        "JUPYTER_PATH": str(tmp_path / "jupyter"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "MATPLOTLIBRC": str(tmp_path / "mine.rc"),
    }
    run = start(project, "notebooks/n.ipynb", "out/n.ipynb", *ARGUMENTS, **environment)
    stderr = run.communicate(timeout=120)[1]
    assert run.returncode == 0, stderr
    printed = nbformat.read(project / "out/n.ipynb", 4).cells[3].outputs[0].text
    assert printed == f"{sys.executable} False 1.5\n"


@pytest.mark.usefixtures("here")
def test_the_next_stage_sweeps_up_after_a_killed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "t"
    temporary.mkdir()
    dead = subprocess.Popen(["true"])
    dead.wait()
    for name in (f"tts-{dead.pid}-x", f"tts-{os.getpid()}-y", "tts-mine-z", "other"):
        (temporary / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with nbrun._kernel_config():
        left = {path.name for path in temporary.iterdir()}
    assert {f"tts-{os.getpid()}-y", "tts-mine-z", "other"} <= left and f"tts-{dead.pid}-x" not in left


def test_a_log_gets_the_last_state_of_a_line(tmp_path: Path) -> None:
    with open(tmp_path / "log", "w") as log:
        lines = nbrun.FinishedLines(log)
        for text in ("a\r 10%", "\r 50%", "\r100%\nb", "c\n", "begun"):
            lines.write(text)
    assert (tmp_path / "log").read_text() == "100%\nbc\n"


@pytest.mark.skipif(sys.platform != "linux", reason="a request to the Linux kernel")
def test_a_stage_ends_with_what_started_it(project: Path) -> None:
    """Nobody may be left computing when the parent (dvc) is killed outright."""
    write_notebook(
        project / "notebooks/n.ipynb",
        "import os, time\nfrom pathlib import Path\nPath('pid').write_text(str(os.getpid()))\ntime.sleep(600)",
    )
    command = [sys.executable, "-m", "tts_lib.study.run", "notebooks/n.ipynb", "out.ipynb", *ARGUMENTS]
    script = f"import subprocess, time; print(subprocess.Popen({command!r}).pid, flush=True); time.sleep(600)"
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        assert parent.stdout
        runner = int(parent.stdout.readline())
        try:
            wait_for(lambda: (project / "pid").exists() and (project / "pid").read_text() != "")
        finally:
            parent.kill()
    kernel = int((project / "pid").read_text())
    wait_for(lambda: not alive(runner) and not alive(kernel))


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "still waiting"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_every_error_for_the_user_is_said_as_it_stands() -> None:
    classes = {"StudyError"}
    for path in sorted((ROOT / "tts_lib").rglob("*.py")):
        found = re.findall(r"^class (\w+)\(([\w, ]+)\):", path.read_text(), re.M)
        classes |= {name for name, bases in found if {"StudyError", "StoreError"} & set(bases.split(", "))}
    assert classes == nbrun.SENTENCES
