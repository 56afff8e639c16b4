"""What is said about mistakes in params.yaml, whichever command meets them: one sentence, and nothing is written."""

import os
from contextlib import nullcontext
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from helpers.mistakes import MISTAKES, PARAMS, Mistake
from helpers.pipeline import ROOT
from tts_lib.commands import run
from tts_lib.commands.__main__ import main
from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.study import notebooks, parameters, scratch
from tts_lib.study.config.__main__ import main as check

each = pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)


@pytest.fixture
def study(mistake: Mistake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, source in ((PARAMS, f"profiles/{mistake.profile}.yaml"), ("dvc.yaml", "dvc.yaml")):
        (tmp_path / name).write_bytes((ROOT / source).read_bytes())
    (tmp_path / "notebooks").mkdir()
    mistake.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def is_right(mistake: Mistake, said: str) -> None:
    assert all(piece in said for piece in mistake.says), said
    assert len(said.splitlines()) == 1 and "Traceback" not in said and PARAMS in said, said


@each
def test_a_run_says_it_before_it_starts(
    mistake: Mistake, study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "_dvc", lambda *given: nullcontext(lambda: pytest.fail("DVC was started")))
    before = sorted(study.rglob("*"))
    assert main(["run", str(study)]) == 1
    out, err = capsys.readouterr()
    if mistake.in_schema:
        assert out == "" and all(piece in err for piece in mistake.says)
    else:
        assert out == ""
        is_right(mistake, err)
    assert sorted(study.rglob("*")) == before


@each
def test_the_first_stage_says_it(mistake: Mistake, study: Path) -> None:
    if mistake.in_schema:
        check()
        return
    with pytest.raises(SystemExit) as caught:
        check()
    assert isinstance(caught.value.code, str)  # printed, and the exit status is 1
    if (study / PARAMS).is_file():
        is_right(mistake, caught.value.code)


@each
def test_a_notebook_opened_by_hand_shows_it_and_no_more(
    mistake: Mistake, study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "environ", {name: value for name, value in os.environ.items() if name != parameters.STAGE})
    monkeypatch.setattr(paths, "STUDY", Path())
    if mistake.in_schema:
        return
    shell = InteractiveShell.instance()
    try:
        found = shell.run_cell(notebooks.parameters_cell(ROOT / "notebooks/06_select.ipynb"))
        said = capsys.readouterr().out.strip()
        assert isinstance(found.error_in_exec, StudyError)  # "run all" ends here
        is_right(mistake, said)
        assert not (study / scratch.FOLDER).exists()
    finally:
        InteractiveShell.clear_instance()
