"""A notebook run by hand: it sees the study, and changes none of its files."""

import os
from pathlib import Path

from helpers.example_study import EXAMPLE
from tts_lib.common import paths, tables
from tts_lib.common.files import replacing_folder
from tts_lib.study import parameters, scratch


def test_what_is_written_takes_the_place_of_a_link(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text(EXAMPLE)
    monkeypatch.chdir(tmp_path)
    tables.write_json({"a": 1}, paths.metrics("select"))
    tables.write_text("whole", Path("models/base/README.md"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    folder = scratch.make(tmp_path, "06_select")
    monkeypatch.chdir(folder)
    assert tables.read_json(paths.metrics("select")) == {"a": 1}
    tables.write_json({"a": 2}, paths.metrics("select"))
    tables.write_json({"b": 3}, paths.metrics("new"))
    with replacing_folder(Path("models/base")) as new:
        (new / "README.md").write_text("other")
    assert tables.read_json(paths.metrics("select")) == {"a": 2}
    assert Path("models/base/README.md").read_text() == "other"
    assert {path: path.read_bytes() for path in before} == before
    assert not (tmp_path / "reports/metrics/new.json").exists()
    again = scratch.make(tmp_path, "06_select")
    monkeypatch.chdir(again)
    assert tables.read_json(paths.metrics("select")) == {"a": 1} and not paths.metrics("new").exists()
    assert {path: path.read_bytes() for path in before} == before


def test_a_notebook_opened_by_hand_works_in_scratch_unless_it_keeps(tmp_path, monkeypatch, capsys):
    (tmp_path / "params.yaml").write_text(EXAMPLE)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setattr(os, "environ", {"JPY_SESSION_NAME": str(tmp_path / "notebooks/06_select.ipynb")})
    monkeypatch.setattr(paths, "STUDY", Path())
    monkeypatch.chdir(tmp_path / "notebooks")
    assert parameters.here()("grid.search_budgets") == [4, 16, 64, 256]
    assert Path.cwd() == tmp_path / "scratch/06_select" and tmp_path == paths.STUDY
    said = capsys.readouterr().out
    assert said == (
        f"Parameters: {tmp_path}/params.yaml. Results go to scratch/06_select/ "
        "(into the study: parameters.here(keep=True)).\n"
    )
    monkeypatch.chdir(tmp_path / "notebooks")
    parameters.here(keep=True)
    assert Path.cwd() == tmp_path and "Results go to the study itself." in capsys.readouterr().out
