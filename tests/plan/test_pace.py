"""How long stages take: recorded paces give the times that were recorded."""

import json

import pytest

from helpers.pipeline import ROOT
from tts_lib.plan import pace
from tts_lib.plan.known import Known
from tts_lib.plan.ledger import Work
from tts_lib.plan.work import works
from tts_lib.study.config import loading
from tts_lib.study.config.study import Study

STUDY = loading.load(ROOT / "profiles/nano.yaml")
METRICS = ROOT / "reports/metrics"
RECORDED = {  # seconds on two idle cores, 2026-11-21, of stages that still do what they did then
    "model-trained@base": 60,
    "model-trained@large": 860,
}


def gpu_study(name: str = "math500", **engine: object) -> Study:
    study = loading.load(ROOT / f"profiles/{name}.yaml")
    assert study.engine
    return Study.model_validate(study.model_dump() | {"engine": study.engine.model_dump() | engine})


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch):
    monkeypatch.setattr(pace, "cores", lambda: 2)


@pytest.mark.skipif(not (METRICS / "verifier.json").is_file(), reason="the study has not run here")
@pytest.mark.parametrize("stage", RECORDED)
def test_the_default_study_takes_what_it_took(stage):
    found = pace.recorded(STUDY)
    assert found is not None
    work = works(STUDY, Known(STUDY, ROOT))[stage]
    assert pace.seconds(stage, work, found) == pytest.approx(RECORDED[stage], rel=0.25)


def test_more_cores_sample_faster_and_only_the_declared_processes_train(monkeypatch):
    two = pace.recorded(STUDY)
    monkeypatch.setattr(pace, "cores", lambda: 8)
    eight = pace.recorded(STUDY)
    assert two and eight
    sampling, training = Work(writing=1e13), Work(training=1e13, processes=2)
    fixed = pace.seconds("generate@x", Work(), two)
    assert pace.seconds("generate@x", sampling, two) - fixed == pytest.approx(
        4 * (pace.seconds("generate@x", sampling, eight) - fixed)
    )
    assert pace.seconds("model-trained@x", training, two) == pace.seconds("model-trained@x", training, eight)


def test_a_stated_pace_sets_all_kinds_of_work_in_their_proportion():
    known = Known(STUDY, ROOT)
    base, recorded = known.size("base"), pace.recorded(STUDY)
    assert recorded
    stated = pace.stated(recorded, 1000.0, base, "stated")
    assert stated.n * stated.writing == pytest.approx(2 * base.block * 1000)
    assert stated.reading / stated.writing == pytest.approx(recorded.reading / recorded.writing)
    assert stated.training / stated.writing == pytest.approx(recorded.training / recorded.writing)
    assert "stated" in pace.in_words(stated)


def test_gpus_are_those_that_the_engine_declares():
    assert pace.recorded(gpu_study()) == pace.GPU
    for engine, n in (
        ({"tensor_parallel": 4}, 4),
        ({"workers": 2, "gpus_per_worker": 2}, 4),
        ({"workers": 2, "gpus_per_worker": 0.5}, 1),
    ):
        assert pace.n_gpus(gpu_study("math500", **engine)) == n
    on_cpu = gpu_study(gpus_per_worker=0)
    found = pace.recorded(on_cpu)
    assert pace.n_gpus(on_cpu) == 0 and found and "slower on a CPU" in pace.in_words(found)


def test_a_server_has_no_pace_until_one_is_stated():
    text = json.loads(gpu_study("gsm8k").model_dump_json())
    text["engine"] = {
        **{"kind": "openai", "url": "http://127.0.0.1:1/v1", "models": {"base": "a", "large": "b"}, "token_ids": True},
        **{"concurrency": 8, "requests_per_second": None, "timeout_seconds": 1.0, "n_tries": 1},
    }
    study = Study.model_validate(text)
    assert pace.recorded(study) is None
    base = Known(study, ROOT / "nowhere").size("base")
    assert pace.stated(None, 25_000.0, base, "stated").writing == pytest.approx(2.5e13)
