"""A study in a folder of its own."""

import json
import shlex

import pytest

from helpers.pipeline import ROOT
from tts_lib.commands.__main__ import main
from tts_lib.common.errors import StudyError
from tts_lib.study import folder, profile
from tts_lib.study.config import loading


def test_a_folder_holds_all_that_a_study_needs(tmp_path):
    assert folder.create(tmp_path / "mine", "smoke") == []
    study = tmp_path / "mine"
    assert (study / "params.yaml").read_bytes() == (ROOT / "profiles/smoke.yaml").read_bytes()
    assert (study / "dvc.yaml").read_bytes() == (ROOT / "dvc.yaml").read_bytes()
    assert {p.name for p in (study / "notebooks").iterdir()} == {p.name for p in (ROOT / "notebooks").glob("*.ipynb")}
    assert (study / "tts_lib").resolve() == ROOT / "tts_lib" and not (study / "notebooks").is_symlink()
    assert "smoke" in (study / "README.md").read_text()
    assert str(ROOT / ".dvc/cache") in (study / ".dvc/config").read_text()


def test_the_command_that_runs_a_new_study_can_be_copied(tmp_path, capsys):
    assert main(["new", str(tmp_path / "a b"), "--profile", "smoke"]) == 0
    (printed,) = capsys.readouterr().out.splitlines()
    assert shlex.split(printed.partition("then: ")[2]) == ["tts", "run", str(tmp_path / "a b")]


def test_what_was_changed_there_stays_and_the_rest_follows_the_project(tmp_path, monkeypatch):
    project = tmp_path / "project"
    for name in (
        "profiles/smoke.yaml",
        "dvc.yaml",
        ".dvcignore",
        "notebooks/05_score.ipynb",
        "notebooks/06_select.ipynb",
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(folder, "project", lambda: project)
    study = tmp_path / "study"
    folder.create(study, "smoke")
    mine = (study / "params.yaml").read_text().replace("seed: 0", "seed: 7")
    (study / "params.yaml").write_text(mine)
    (project / "notebooks/05_score.ipynb").write_text("newer")
    (project / "profiles/smoke.yaml").write_text((ROOT / "profiles/smoke.yaml").read_text() + "# newer\n")
    assert folder.create(study, "smoke") == ["params.yaml"]
    assert (study / "params.yaml").read_text() == mine
    assert (study / "notebooks/05_score.ipynb").read_text() == "newer"
    assert folder.create(study, "smoke") == ["params.yaml"]


@pytest.mark.parametrize("name", ["replay", "math500"])
def test_relative_folders_are_seen_from_the_study(tmp_path, name):
    folder.create(tmp_path / "deep/down", name)
    ours, theirs = loading.load(tmp_path / "deep/down/params.yaml"), loading.load(ROOT / f"profiles/{name}.yaml")
    section = "replay" if name == "replay" else "questions"
    (here,), (there,) = getattr(ours, section).values(), getattr(theirs, section).values()
    assert (tmp_path / "deep/down" / here.folder).resolve() == (ROOT / there.folder).resolve()
    assert here.model_copy(update={"folder": there.folder}) == there


def test_another_folder_is_left_alone(tmp_path):
    (tmp_path / "a.txt").write_text("precious")
    with pytest.raises(StudyError, match="is not empty and no study made here"):
        folder.create(tmp_path, "smoke")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    with pytest.raises(StudyError, match="There is no profile 'smoky'; profiles/ has gsm8k, math500, nano"):
        folder.create(tmp_path / "new", "smoky")
    assert not (tmp_path / "new").exists()


def test_the_record_of_what_was_taken_names_every_copy(tmp_path):
    folder.create(tmp_path / "s", "smoke")
    taken = json.loads((tmp_path / "s" / profile.COPIED).read_text())
    files = [path.relative_to(tmp_path / "s") for path in (tmp_path / "s").rglob("*") if path.is_file()]
    copies = {path.as_posix() for path in files if path.parts[0] != "tts_lib"}
    assert set(taken) == copies - {profile.COPIED.as_posix()}
