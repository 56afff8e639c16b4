"""A study before it runs: every stage, how long it takes, and what of it is left."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from helpers.made_weights import write_checkpoint
from helpers.pipeline import ROOT
from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.plan import ahead, pace, table
from tts_lib.plan.ahead import look
from tts_lib.plan.known import called
from tts_lib.plan.lock import Lock
from tts_lib.plan.needs import checkpoints, memory, packages
from tts_lib.study.config import loading
from tts_lib.study.stages import ordered

NANO, MATH = ROOT / "profiles/nano.yaml", ROOT / "profiles/math500.yaml"
CPU_SECONDS = 3.0  # of the whole command; asked are 2 s on an idle machine


@pytest.fixture(autouse=True)
def _bare(monkeypatch, tmp_path):
    """Two cores, no GPU, all packages, nothing downloaded."""
    monkeypatch.setattr(pace, "cores", lambda: 2)
    monkeypatch.setattr(memory, "gpus", lambda: [])
    monkeypatch.setattr(packages, "find_spec", lambda name: object())
    monkeypatch.setattr(checkpoints.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def study(tmp_path) -> Path:
    """The file of settings of a nano study that has not run."""
    (tmp_path / "study").mkdir()
    path = tmp_path / "study/params.yaml"
    path.write_text(NANO.read_text())
    return path


def hours(found: ahead.Ahead) -> float:
    return sum(found.seconds.values()) / 3600


@pytest.mark.parametrize("profile", ["nano", "smoke", "replay", "math500", "gsm8k"])
def test_every_stage_of_a_study_has_a_time(profile):
    path = ROOT / f"profiles/{profile}.yaml"
    found = look(path)
    names = [stage.name for stage in ordered(ROOT / "dvc.yaml", yaml.safe_load(path.read_text())) if stage.outs]
    assert [stage.name for stage in found.stages] == names == list(found.seconds)
    assert set(found.work) <= set(names) and all(seconds > 0 for seconds in found.seconds.values())
    lines = table.lines(found)
    assert [line.split()[0] for line in lines[1 : len(names) + 1]] == names


@pytest.mark.skipif(not (ROOT / "reports/metrics/verifier.json").is_file(), reason="the study has not run here")
def test_the_default_study_takes_less_than_an_hour_wherever_it_is_run(study, monkeypatch):
    """Half of it is training: the large model, the verifier and the revision models."""
    here = look(study)
    assert 40 / 60 < hours(here) < 60 / 60
    assert here.missing == [] and here.notes["steps a solution"].endswith("of the default study)")
    monkeypatch.setattr(pace, "cores", lambda: 8)
    assert 25 / 60 < hours(look(study)) < 45 / 60  # models still train in two processes


def test_a_stated_pace_is_taken_for_all_that_has_tokens(study):
    slow, fast = look(study, 1000.0), look(study, 4000.0)
    for name, work in slow.work.items():
        fixed = pace.seconds(name, type(work)(), pace.CORE)
        assert slow.seconds[name] - fixed == pytest.approx(4 * (fast.seconds[name] - fixed))
    assert slow.seconds["select"] == fast.seconds["select"]
    assert "stated" in slow.notes["pace"]


def test_a_stage_that_was_made_here_takes_what_it_took(study, monkeypatch):
    log = study.parent / "logs/stages.jsonl"
    log.parent.mkdir()
    entries = {"02_model-base": 77.0, "08_search-dvts": 33.0, "06_select": 55.0}
    log.write_text(
        "".join(
            json.dumps({"stage": name, "wall_s": seconds, "ended": 1, "succeeded": True}) + "\n"
            for name, seconds in entries.items()
        )
    )
    before = look(study)
    assert before.seconds["model-trained@base"] == 77 and before.seconds["search@dvts"] == 33
    assert before.notes["earlier runs here"] == "the time of 3 of 31 stages"
    monkeypatch.setattr(Lock, "changed", lambda self, stage: stage in ("search@dvts", "select"))
    changed = look(study)
    assert changed.seconds["model-trained@base"] == 77 and changed.seconds["search@dvts"] != 33
    assert changed.seconds["select"] == 55  # other settings of tables alone change little
    assert look(study, 1000.0).seconds["model-trained@base"] != 77  # a stated pace goes before


def test_stages_that_are_made_take_no_time_and_need_nothing(monkeypatch):
    cheap = {"select", "difficulty", "compute_optimal", "flops_matched", "report", "pages", "questions-files@math500"}
    monkeypatch.setattr(Lock, "made", lambda self, stages: {s.name for s in stages} - cheap)
    found = look(MATH)
    assert set(found.seconds) == cheap
    assert {sentence.partition(":")[0] for sentence in found.missing} <= {
        "questions.math500",
        "questions.math500.test",
        "questions.math500.train",
    }
    assert "to download" not in found.notes and "GPU memory" not in found.notes
    monkeypatch.setattr(Lock, "made", lambda self, stages: {s.name for s in stages})
    assert table.time(look(MATH)) == "none, as every stage is made"
    assert " made" in "\n".join(table.lines(look(MATH)))


def test_only_some_stages_and_what_they_need(study):
    found = look(study, only=["select"])
    assert [stage.name for stage in found.stages][-1] == "select"
    names = {stage.name for stage in found.stages}
    assert names == set(found.seconds) and {"model-trained@base", "generate@base-val", "verifier@trained"} <= names
    assert not {"model-trained@large", "search@dvts", "report"} & names
    with pytest.raises(StudyError, match=r"There is no stage 'selct'; there are foundation, questions-nano@nano, "):
        look(study, only=["selct"])


def test_what_cannot_be_known_holds_no_study_up(tmp_path):
    text = MATH.read_text().replace("Qwen/Qwen2.5-0.5B-Instruct", "someone/small")
    (tmp_path / "params.yaml").write_text(text)
    found = look(tmp_path / "params.yaml")
    assert "How large someone/small is cannot be told" in found.notes["numbers"]
    assert found.seconds == {} and "not known" in table.time(found)
    assert any("there is no file" in sentence for sentence in found.missing)


def test_downloads_are_told_from_what_is_here(tmp_path, monkeypatch):
    text = MATH.read_text().replace("Qwen/Qwen2.5-0.5B-Instruct", "meta-llama/Llama-3.2-1B-Instruct")
    (tmp_path / "params.yaml").write_text(text)
    monkeypatch.setenv("HF_TOKEN", "x")
    revision = "a09a35458c702b33eeacc393d103063234e8bc28"
    write_checkpoint(tmp_path / "hub/models--Qwen--Qwen2.5-7B-Instruct/snapshots" / revision)
    notes = look(tmp_path / "params.yaml").notes
    assert notes["downloaded"] == "Qwen/Qwen2.5-7B-Instruct" and notes["size of large"] == "46 parameters (counted)"
    assert notes["to download"].startswith("meta-llama/Llama-3.2-1B-Instruct 2.0 GB, Qwen/Qwen2.5-Math-PRM-7B 14.0 GB")
    assert notes["gated"] == "meta-llama/Llama-3.2-1B-Instruct: you must have accepted the licence"


@pytest.mark.parametrize("profile", ["math500", "gsm8k"])
def test_the_profiles_of_gpus_say_what_they_cost(tmp_path, profile):
    """The hours, downloads and disk in the head of the file are those of the plan where no question is at hand."""
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / f"profiles/{profile}.yaml").read_text())
    found, head = look(path), " ".join(re.sub(r"^# ?", "", line) for line in path.read_text().splitlines()[:6])
    at_most = int(re.search(r"At most (\d+) GPU hours", head)[1])  # pyright: ignore[reportOptionalSubscript]
    assert at_most - 1.5 < hours(found) <= at_most <= 24
    assert found.pace == pace.GPU and "25,000 tokens a second" in head.replace("# ", "") and "1e14 FLOPs" in head
    searches = sum(seconds for name, seconds in found.seconds.items() if name.startswith("search@")) / 3600
    assert abs(searches - int(re.search(r"hours, (\d+) of them for the", head)[1])) < 1  # pyright: ignore
    downloads = sum(float(size) for size in re.findall(r"([\d.]+) GB", found.notes["to download"]))
    assert f"{downloads:.0f} GB to download" in head
    disk = float(re.search(r"about ([\d.]+) GB", found.notes["disk"])[1])  # pyright: ignore
    assert f"{disk:.0f} GB beside them" in head


def test_the_command_is_quick_and_loads_no_torch():
    script = (
        "import resource, sys\nfrom tts_lib.commands.__main__ import main\nmain(['plan', '.'])\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\nprint(used.ru_utime + used.ru_stime, *sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, *modules = run.stdout.splitlines()[-1].split()
    assert not {"torch", "transformers", "numba"} & {name.partition(".")[0] for name in modules}
    assert float(seconds) < CPU_SECONDS


def test_a_supplement_with_the_same_checkpoint_tells_what_solutions_take(tmp_path):
    study = loading.load(ROOT / "profiles/smollm.yaml")
    place = tmp_path / paths.SUPPLEMENTS / "pretrained/metrics/model-base.json"
    assert ahead.like(study, tmp_path / "mine", tmp_path) is None
    for name, found in (("another", None), (called(study.checkpoints["base"]), "the supplement pretrained")):
        tables.write_json({"name": name}, place)
        like = ahead.like(study, tmp_path / "mine", tmp_path)
        assert (like and like.called) == found and (like is None or like.metrics == place.parent)
    place.write_text("{")
    assert ahead.like(study, tmp_path / "mine", tmp_path) is None
