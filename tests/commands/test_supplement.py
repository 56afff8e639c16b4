"""`tts run --profile trainings`: the studies of a supplement, beside a study that has run."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from helpers.pipeline import ROOT
from tts_lib.commands import run, supplement
from tts_lib.commands.__main__ import main
from tts_lib.common import paths, tables
from tts_lib.report.claims import registered
from tts_lib.report.pages import supplements
from tts_lib.report.supplements.declared import Collected
from tts_lib.report.supplements.trainings import Trainings
from tts_lib.study.config import loading


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_bytes((ROOT / "profiles/smoke.yaml").read_bytes())
    return tmp_path


@pytest.fixture
def finished(study: Path) -> Path:
    tables.write_json({"study": {"questions": {"test": 40}}}, study / paths.SUMMARY)
    tables.write_table(pd.DataFrame({"a": [1]}), study / paths.accuracy("test"))
    return study


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """DVC's part, and the reading of results, replaced: what was run, in order."""
    runs: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(run, "_study", lambda root, stages: runs.append((root.name, stages)) or 0)
    monkeypatch.setattr(run, "pages", lambda root: runs.append((root.name, ["pages"])) or 0)
    monkeypatch.setattr(Trainings, "collect", lambda self, root, studies: Collected("T", ", ".join(studies), {}, []))
    return runs


def test_its_studies_run_and_the_report_shows_them(finished: Path, ran, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(finished), "--profile", "trainings"]) == 0
    stages = ["compute_optimal"]
    assert ran == [("seed_1", stages), ("seed_2", stages), (finished.name, ["pages"])]
    (one,) = supplements.read(finished, registered.fingerprint())
    assert one.lead == "seed_1, seed_2" and one.differs == []
    assert "supplements/trainings/index.html" in capsys.readouterr().out
    for seed in (1, 2):
        made = loading.load(finished / f"studies/trainings/seed_{seed}/params.yaml")
        assert made.seed == seed and made.problems["nano"].seed == 0 and not made.pairings
        assert "supplements/trainings" in (finished / f"studies/trainings/seed_{seed}/README.md").read_text()


def test_what_fails_ends_it_with_nothing_written(finished: Path, ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_study", lambda root, stages: 7)
    assert main(["run", str(finished), "--profile", "trainings"]) == 7
    assert not (finished / "reports/supplements").exists() and ran == []


def test_a_study_that_has_not_run_has_no_supplement(study: Path, ran, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(study.rglob("*"))
    assert main(["run", str(study), "--profile", "trainings"]) == 1
    said = "summary.json is missing: a supplement is collected beside a study; run that first.\n"
    assert capsys.readouterr().err.endswith(said)
    assert sorted(study.rglob("*")) == before and ran == []


def test_settings_changed_by_hand_are_refused(finished: Path, ran, capsys: pytest.CaptureFixture[str]) -> None:
    made = supplement.make("trainings", finished).studies["seed_2"] / "params.yaml"
    made.write_text(made.read_text() + "# mine\n")
    assert main(["run", str(finished), "--profile", "trainings"]) == 1
    assert "seed_2/params.yaml was changed by hand" in capsys.readouterr().err and ran == []


def test_folders_that_settings_name_are_the_same_seen_from_its_studies(study: Path, monkeypatch) -> None:
    """From the project where a profile is run as it is, else from the study that it stands beside."""
    (other,) = supplement.make("pretrained", study).studies.values()
    assert (other / loading.load(other / "params.yaml").questions["facts"].folder).samefile(ROOT / "profiles/facts")
    settings = yaml.safe_load((ROOT / "profiles/gsm8k.yaml").read_text())
    monkeypatch.setattr(Trainings, "settings", lambda self, parent: {"seed_1": settings})
    (own,) = supplement.make("trainings", study).studies.values()
    named = own / loading.load(own / "params.yaml").questions["gsm8k"].folder
    assert named.resolve() == (study / settings["questions"]["gsm8k"]["folder"]).resolve()


def test_its_plan_is_that_of_its_studies(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["plan", str(finished), "--supplement", "trainings"])
    out = capsys.readouterr().out
    assert out.index("trainings, seed_1\n") < out.index("trainings, seed_2\n")
    assert "model-trained@base" in out and "model-trained@large" not in out and "revisions@" not in out
