"""Supplements: what their profiles may say, the claims over trainings, and whose report shows them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.example_study import EXAMPLE
from helpers.pipeline import ROOT
from helpers.planted_results import BEAM, planted
from tts_lib.common import tables
from tts_lib.common.errors import StudyError
from tts_lib.report.claims.registered import Claim, fingerprint, registered
from tts_lib.report.pages import navigation, supplement, supplements
from tts_lib.report.pages.about import About
from tts_lib.report.results import NotMeasured, Results
from tts_lib.report.supplements import kinds, trainings, writing
from tts_lib.report.supplements.declared import PROFILES, Collected, parameters

SAID = About("Study mine", "")
SHIPPED = sorted((ROOT / PROFILES).glob("*.yaml"))
DECLARED = "kind: trainings\nseeds: [1, 2]\nstages: [compute_optimal]\n"


def claim(number: str) -> Claim:
    return next(one for one in registered().claims if one.number == number)


def over(number: str, found: list[Results]) -> dict:
    return trainings.over_trainings(claim(number), [claim(number).find(results) for results in found])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_is_shipped_fits_the_default_study(path: Path) -> None:
    declared, parent = kinds.load(path), parameters(ROOT)
    assert set(declared.settings(parent)) == set(declared.studies(parent["seed"]))
    assert parent == parameters(ROOT)  # which is left as it is


def test_a_training_asks_the_same_questions_by_another_seed() -> None:
    made = kinds.load(ROOT / PROFILES / "trainings.yaml").settings(parameters(ROOT))
    assert {study["seed"] for study in made.values()} == {1, 2}
    for study in made.values():
        world = study["problems"]["nano"]
        assert world.pop("seed") == 0 and world == parameters(ROOT)["problems"]["nano"]
        assert all(study[part] == parameters(ROOT)[part] for part in ("corpus", "verifier"))
        assert study["pretrain"] == parameters(ROOT)["pretrain"] | {"dishonest": None}  # no training is left out


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[1, 2]", "[]", r"line 2: seeds is \[\], but must be a list"),
        ("[1, 2]", "[1, 2, 1]", "line 2: seeds: seed 1 is given twice"),
        ("[1, 2]", "[1, -2]", r"line 2: seeds\.1 is -2, but must be a whole number at least 0"),
        ("seeds: [1, 2]\n", "", "seeds is missing"),
        (
            "trainings",
            "training",
            "kind is 'training', but must be one of combine, improve, question_sets, searches, study, surface, "
            "trainings",
        ),
        ("stages", "stagse", "stagse"),
    ],
)
def test_a_broken_profile_is_one_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(DECLARED.replace(old, new))
    with pytest.raises(StudyError, match=sentence) as refused:
        kinds.load(path)
    assert str(path) in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("changes: {grid.methods: [beem_4]}", "changes make no study of seed_1: grid.methods names 'beem_4'"),
        ("changes: {gird.methods: [beam_4]}", "changes.gird.methods: the study has no gird"),
    ],
)
def test_changes_that_fit_no_study_are_one_sentence(tmp_path: Path, more: str, sentence: str) -> None:
    (tmp_path / "params.yaml").write_text(EXAMPLE.replace("search: {", "search: {temperature: 0.8, ", 1))
    (tmp_path / "mine.yaml").write_text(DECLARED + more)
    with pytest.raises(StudyError, match=sentence):
        kinds.load(tmp_path / "mine.yaml").settings(parameters(tmp_path))


def test_the_own_seed_is_no_other_training(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(DECLARED.replace("[1, 2]", "[1, 0]"))
    with pytest.raises(StudyError, match="seeds hold 0, which is the study's own"):
        kinds.load(tmp_path / "mine.yaml").settings(parameters(ROOT))


def test_a_claim_that_holds_in_one_training_need_not_hold_over_them() -> None:
    """One training finds 10 points with a narrow interval; the others 10 as well, or none."""
    one = planted(weighted_prm_last=0.1)
    alike = over("5", [one, planted(1, weighted_prm_last=0.1), planted(2, weighted_prm_last=0.1)])
    apart = over("5", [one, planted(1), planted(2, weighted_prm_last=-0.02)])
    assert (alike["one_training"], alike["verdict"]) == ("supported", "supported")
    assert (apart["one_training"], apart["verdict"]) == ("supported", "inconclusive")
    assert alike["mean"] == pytest.approx(0.1, abs=0.005) and alike["spread"] < 0.004 < 0.05 < apart["spread"]
    assert apart["low"] < -0.1 and apart["high"] > 0.15  # t with 2 degrees of freedom
    assert "over 3 trainings +2." in apart["text"] and "each +10." in apart["text"] and "spread 6" in apart["text"]


def test_other_budgets_are_no_second_look_at_a_claim() -> None:
    """Claim 7 is on N = 256; a training whose searches end at 64 says nothing on it."""
    short = planted(1)
    cut = {
        strategy: frame.drop(columns=256) if strategy == BEAM else frame for strategy, frame in short.accuracy.items()
    }
    with pytest.raises(NotMeasured, match="judged at N = 256 and at N = 64"):
        over("7", [planted(), replace(short, accuracy=cut)])


def test_collected_from_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that knows fewer searches says nothing on a choice among all of them."""
    found = {"study": planted(weighted_prm_last=0.1)}
    for seed in (1, 2):
        other = planted(seed, weighted_prm_last=0.1)
        fewer = {strategy: frame for strategy, frame in other.accuracy.items() if strategy.name != "lookahead_1"}
        found[f"seed_{seed}"] = replace(other, accuracy=fewer, seed=seed)
    for name in found:
        tables.write_json({"sha256": name}, tmp_path / name / "reports/metrics/model-base.json")
    monkeypatch.setattr(trainings, "results_of", lambda folder: found[folder.name])
    (tmp_path / "mine.yaml").write_text(DECLARED)
    declared = kinds.load(tmp_path / "mine.yaml")
    collected = declared.collect(tmp_path / "study", {f"seed_{seed}": tmp_path / f"seed_{seed}" for seed in (1, 2)})
    shown, left_out = set(collected.tables["claims"]["number"]), collected.left_out
    assert {"1a", "5", "6", "7", "9", "10"} <= shown and shown.isdisjoint(left_out)
    assert left_out["11"] == "the trainings know fewer strategies to choose from"
    assert left_out["8b"] == "lookahead_1 was not run" and "13a" in left_out
    assert shown | set(left_out) == {one.number for one in registered().claims}
    assert set(collected.claims) == shown and len(collected.tables["trainings"]) == 3 * len(shown)
    assert list(collected.tables["models"]["sha256"]) == list(found)

    study = tmp_path / "study"
    (study / "params.yaml").write_text(EXAMPLE)
    writing.write(study, "trainings", collected)
    folder = study / "reports/supplements/trainings"
    names = {path.name for path in folder.iterdir()}
    assert names == {"summary.json", "README.md", "claims.csv", "trainings.csv", "models.csv"} | {
        f"figure-claims.{kind}" for kind in ("csv", "png", "svg")
    }
    said = (folder / "README.md").read_text()
    assert "| claim | what was found | verdict |" in said and "over 3 trainings +10." in said
    (one,) = supplements.read(study, fingerprint())
    page = shown_page(study, one)
    assert "<script" not in page and "3 trainings" in page and "Study mine" in page and "another study" not in page
    assert one.differs == [] and one.claims["5"]["verdict"] == "supported"


def shown_page(study: Path, one: supplements.Kept) -> str:
    way = navigation.Way(navigation.in_order([("01", "One")], [one]), one.page)
    return supplement.render(study / "reports", one, way, SAID, {})


def collected(title: str = "Two") -> Collected:
    return Collected(title, "What it is.", {"one": pd.DataFrame({"a": [1.0, np.nan], "b": ["<b>", "y"]})}, [])


def test_a_supplement_belongs_to_one_study(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(EXAMPLE)
    model = tmp_path / "reports/metrics/model-base.json"
    tables.write_json({"sha256": "ab", "n_params": 3}, model)
    tables.write_json({"prm": {"sha256": "cd"}, "n_labels": 2}, model.with_name("verifier.json"))
    writing.write(tmp_path, "two", collected())
    record = json.loads((tmp_path / "reports/supplements/two/summary.json").read_text())
    assert set(record["belongs"]) == {"params", "claims", "model-base", "verifier/prm"}
    (one,) = supplements.read(tmp_path, fingerprint())
    page = shown_page(tmp_path, one)
    assert "&lt;b&gt;" in page and "<b>y" not in page
    assert 'rel="prev" href="../../pages/01.html"' in page and 'aria-current="page">Two</b>' in page
    assert 'href="../../index.html"' in page and 'href="../../explore.html"' in page

    def differs() -> list[str]:
        (one,) = supplements.read(tmp_path, fingerprint())
        return one.differs

    (tmp_path / "params.yaml").write_text("# the same, with a remark\n" + EXAMPLE)
    assert differs() == []
    (tmp_path / "params.yaml").write_text(EXAMPLE.replace("budgets: [1, 2", "budgets: [2"))
    assert differs() == [] and EXAMPLE.count("budgets: [1, 2") == 1  # other budgets are drawn
    (tmp_path / "params.yaml").write_text(EXAMPLE.replace("seed: 0", "seed: 3"))
    tables.write_json({"sha256": "ef", "n_params": 3}, model)
    assert differs() == ["model-base", "params"]
    (other,) = supplements.read(tmp_path, claims="0" * 64)
    assert other.differs == ["claims", "model-base", "params"]
    assert "belongs to another study, of other claims, model-base, params" in shown_page(tmp_path, other)


def test_a_newer_supplement_takes_the_place_of_the_older(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(EXAMPLE)
    writing.write(tmp_path, "two", collected())
    writing.write(tmp_path, "two", replace(collected("Three"), tables={}))
    (one,) = supplements.read(tmp_path, fingerprint())
    assert one.title == "Three" and not (tmp_path / "reports/supplements/two/one.csv").exists()
