"""`tts run`: it looks before it starts, and says what is left."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest

from helpers.pipeline import ROOT
from tts_lib.commands import run
from tts_lib.commands.__main__ import main
from tts_lib.plan.lock import Lock
from tts_lib.plan.needs import packages
from tts_lib.study import progress


@pytest.fixture
def study(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(packages, "find_spec", lambda name: object())
    for name, source in (("params.yaml", "profiles/smoke.yaml"), ("dvc.yaml", "dvc.yaml")):
        (tmp_path / name).write_bytes((ROOT / source).read_bytes())
    return tmp_path


@pytest.fixture
def started(monkeypatch) -> list[dict]:
    """DVC's part replaced: the record of the run as it stood when DVC began."""
    records: list[dict] = []

    def repro(root: Path, arguments: list[str]) -> int:
        records.append({"only": arguments[1:]} | json.loads((root / progress.RUN).read_bytes()))
        return 0

    replace_dvc(monkeypatch, repro)
    return records


def replace_dvc(monkeypatch: pytest.MonkeyPatch, begins: Callable[[Path, list[str]], int]) -> None:
    @contextmanager
    def waiting(root: Path, arguments: list[str], told: dict[str, str]) -> Iterator[Callable[[], int]]:
        yield lambda: begins(root, arguments)

    monkeypatch.setattr(run, "_dvc", waiting)
    monkeypatch.setattr(run, "_allow_no_git", lambda root: None)


def test_something_missing_stops_a_run_before_dvc_starts(study, started, monkeypatch, capsys):
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == "numba" else object())
    before = sorted(study.rglob("*"))
    assert main(["run", str(study)]) == 1
    out, err = capsys.readouterr()
    assert err == "engine.kind native needs the package numba, which is not installed: pip install -e '.[study]'.\n"
    assert out == "" and started == [] and sorted(study.rglob("*")) == before


def test_a_run_hands_on_how_long_each_stage_takes(study, started, monkeypatch, capsys):
    monkeypatch.setattr(Lock, "made", lambda self, stages: {"questions-nano@nano"})
    assert main(["run", str(study)]) == 0
    (record,) = started
    seconds = {stage["name"]: stage["seconds"] for stage in record["stages"]}
    assert len(seconds) == 26 and seconds.pop("questions-nano@nano") == 0
    assert all(taken > 0 for taken in seconds.values())
    assert capsys.readouterr().out.startswith("Time: about ")
    assert not (study / progress.RUN).exists()  # it is over


def test_the_stages_of_a_run_count_what_runs(study, started):
    assert main(["run", str(study), "--stages", "difficulty"]) == 0
    (record,) = started
    names = [stage["name"] for stage in record["stages"]]
    assert record["only"] == ["difficulty"] and names[-1] == "difficulty" and "report" not in names
    assert main(["run", str(study), "--stages", "dificulty"]) == 1
    assert len(started) == 1


def test_a_killed_dvc_is_one_sentence(study, monkeypatch, capsys):
    replace_dvc(monkeypatch, lambda root, arguments: -9)
    assert main(["run", str(study)]) == 1
    assert capsys.readouterr().err == "DVC was ended by signal 9; the same command goes on from here.\n"


def test_what_a_stage_says_follows(study, started, monkeypatch, tmp_path):
    replace_dvc(monkeypatch, lambda root, arguments: lines.append(_line(root, monkeypatch)) or 0)
    lines: list[str | None] = []
    main(["run", str(study)])
    assert lines[0] is not None and lines[0].startswith("Stage 11 of 26: score@trained; 0 s so far, about ")


def _line(root: Path, monkeypatch: pytest.MonkeyPatch) -> str | None:
    monkeypatch.chdir(root)
    return progress.line(Path("reports/executed/05_score.ipynb"))


def test_dvc_begins_when_it_is_told_to_and_else_ends_without(tmp_path, capfd):
    with run._dvc(tmp_path, ["--version"], {}):
        pass
    assert capfd.readouterr() == ("", "")
    with run._dvc(tmp_path, ["--version"], {}) as begin:
        assert begin() == 0
    out, err = capfd.readouterr()
    assert out.strip() == version("dvc") and err == ""
    with run._dvc(tmp_path, ["no-such-command"], {}) as begin:
        assert begin() > 0


def test_ctrl_c_while_dvc_works_is_one_line(tmp_path, monkeypatch, capfd):
    def interrupted(process, given):
        raise KeyboardInterrupt

    with run._dvc(tmp_path, ["--version"], {}) as begin:
        monkeypatch.setattr(run.subprocess.Popen, "communicate", interrupted)
        assert begin() == 130
    assert capfd.readouterr() == ("", "\nInterrupted; the same command goes on from here.\n")
