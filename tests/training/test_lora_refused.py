"""Examples, settings, checkpoints and adapters that fine-tuning refuses, each in one sentence."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("peft")

import torch
from safetensors.torch import load_file, save_file

from helpers.model_folders import VOCAB, WINDOW, random_folder
from helpers.tuning_runs import LORA, QUICK, changed, counting, tune_adapter, tune_prm
from tts_lib.common.errors import StudyError
from tts_lib.common.examples import Examples
from tts_lib.models import adapter
from tts_lib.models import folder as model_folder
from tts_lib.models.checkpoint import checkpoint_hash
from tts_lib.training.lora import fine_tune_adapter
from tts_lib.training.tuning import Task

pytestmark = pytest.mark.vllm  # that environment has PEFT too


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return random_folder(tmp_path / "base")


def long_example() -> Examples:
    return Examples.language([np.full(3, 2, np.int32)], [np.full(WINDOW, 3, np.int32)])


@pytest.mark.parametrize(
    ("examples", "said"),
    [
        (long_example(), rf"LoRA: training example 0 has {WINDOW + 3} tokens, but the window of .* is {WINDOW}; leave"),
        (
            Examples.language([np.array([VOCAB], np.int32)], [np.array([3], np.int32)]),
            rf"tokens outside the vocabulary of .*, 0 to {VOCAB - 1}",
        ),
        (
            Examples.language([np.array([2], np.int32)], [np.array([], np.int32)]),
            r"LoRA: training has no token with weight",
        ),
    ],
    ids=["window", "vocabulary", "weight"],
)
def test_examples_that_the_model_cannot_learn_are_refused(base, tmp_path, examples, said):
    with pytest.raises(StudyError, match=said):
        fine_tune_adapter(base, Task(examples, counting(4, 0), QUICK, 0, "LoRA"), tmp_path / "runs")
    with pytest.raises(StudyError, match=said.replace("training", "validation")):
        fine_tune_adapter(base, Task(counting(4, 0), examples, QUICK, 0, "LoRA"), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_settings_that_cannot_be_followed_are_refused(base, tmp_path, monkeypatch):
    with pytest.raises(StudyError, match=r"LoRA: the settings have no adapter"):
        tune_adapter(base, tmp_path / "runs", changed(adapter=None))
    with pytest.raises(
        StudyError, match=r"adapter.layers \['up'\] are not all in the model, which has down_proj, gate_"
    ):
        tune_adapter(base, tmp_path / "runs", changed(adapter=LORA.model_copy(update={"layers": ["up"]})))
    for device in ("cuda:99", "abacus"):
        with pytest.raises(StudyError, match=f"device {device} is not there; give cpu, or cuda on a machine"):
            task = Task(counting(4, 0), counting(4, 0), QUICK, 0, "LoRA", device)
            fine_tune_adapter(base, task, tmp_path / "runs")
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(StudyError, match=r"LoRA adapters need the packages peft and accelerate"):
        tune_adapter(base, tmp_path / "runs")


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def without(path: Path) -> None:
    tensors = load_file(path)
    del tensors["model.norm.weight"]
    save_file(tensors, path, metadata={"format": "pt"})


def as_pickle(path: Path) -> None:
    path.rename(path.with_name("pytorch_model.bin"))


def unknown_kind(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": "abacus"}))


@pytest.mark.parametrize(
    ("damage", "name", "said"),
    [
        (remove, "config.json", "lacks config.json; download the model again"),
        (remove, "model.safetensors", "lacks model.safetensors; download the model again"),
        (
            as_pickle,
            "model.safetensors",
            "lacks model.safetensors; its weights are pickles, convert them to safetensors",
        ),
        (cut, "model.safetensors", "transformers cannot load the model in "),
        (without, "model.safetensors", "lack model.norm.weight: this is a model of another kind, or not whole"),
        (unknown_kind, "config.json", "describes no model that is known: .*abacus"),
        (cut, "config.json", None),
    ],
)
def test_a_damaged_checkpoint_is_refused(base, tmp_path, damage, name, said):
    if said is None:
        (base / name).write_text("{")
        said = "describes no model that is known"
    else:
        damage(base / name)
    for tune in (tune_adapter, tune_prm):
        with pytest.raises(StudyError, match=said):
            tune(base, tmp_path / "runs", QUICK)
    with pytest.raises(StudyError, match=r"there is no checkpoint folder"):
        tune_adapter(tmp_path / "absent", tmp_path / "runs")


# --- checkpoints and adapters on disk


def shard(base: Path) -> None:
    """The checkpoint in two files of weights."""
    tensors = load_file(base / "model.safetensors")
    (base / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {f"model-{i + 1:05d}-of-00002.safetensors": names[i::2] for i in range(2)}
    for file, part in parts.items():
        save_file({name: tensors[name] for name in part}, base / file, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": {name: file for file, part in parts.items() for name in part}}
    (base / "model.safetensors.index.json").write_text(json.dumps(index))


def test_a_checkpoint_in_several_files_trains_the_same(base, tmp_path):
    assert checkpoint_hash(base) == model_folder.weights_hash(base)
    whole = tune_adapter(base, tmp_path / "a")
    shard(base)
    parts = tune_adapter(base, tmp_path / "b")
    a, b = (load_file(tuned.folders[-1] / adapter.WEIGHTS) for tuned in (whole, parts))
    assert a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
    assert adapter.check_base(parts.folders[-1], base).base_hash == checkpoint_hash(base)
    (base / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(StudyError, match=r"lacks model-00002-of-00002.safetensors"):
        checkpoint_hash(base)
    (base / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../elsewhere.safetensors"}}')
    with pytest.raises(StudyError, match=r"is not an index of weights .it must name files of its own folder"):
        checkpoint_hash(base)


def test_an_adapter_says_what_it_belongs_on(base, tmp_path):
    first, last = tune_adapter(base, tmp_path / "runs").folders
    info = adapter.check_base(last, base)
    assert info.rank == 4 and info.base_hash == checkpoint_hash(base)
    assert info.hash != adapter.read(first).hash and info == adapter.read(last)
    tensors = load_file(base / "model.safetensors")
    tensors["lm_head.weight"] *= 1.01
    save_file(tensors, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(StudyError, match=r"was trained on another base than .*; train it on this one"):
        adapter.check_base(last, base)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (
            {"width": 48, "n_heads": 2},
            r"does not fit .*: .*lora_B.weight has shape \(32, 4\), where \(48, 4\) is needed",
        ),
        ({"n_layers": 1}, r"does not fit .*: .*layers.1.* has shape .*, but the base has no such layer"),
    ],
    ids=["width", "layers"],
)
def test_an_adapter_from_elsewhere_must_fit(base, tmp_path, other, said):
    folder = tune_adapter(base, tmp_path / "runs").folders[-1]
    tensors = load_file(folder / adapter.WEIGHTS)
    save_file(tensors, folder / adapter.WEIGHTS)  # without the hash of its base
    assert adapter.check_base(folder, base).base_hash is None
    with pytest.raises(StudyError, match=said):
        adapter.check_base(folder, random_folder(tmp_path / "other", **other))


def test_what_is_no_adapter_is_refused(base, tmp_path):
    folder = tune_adapter(base, tmp_path / "runs").folders[-1]
    config = json.loads((folder / adapter.CONFIG).read_text())
    for change in ({"peft_type": "IA3"}, {"r": 0}, {"modules_to_save": ["lm_head"]}):
        (folder / adapter.CONFIG).write_text(json.dumps(config | change))
        with pytest.raises(StudyError, match=r"must describe a LoRA adapter of rank 1 or more and no other weights"):
            adapter.check_base(folder, base)
    (folder / adapter.CONFIG).write_text("[]")
    with pytest.raises(StudyError, match=r"is not the configuration of an adapter"):
        adapter.read(folder)
    (folder / adapter.CONFIG).write_text(json.dumps(config))
    save_file({"lm_head.weight": torch.zeros(2, 2)}, folder / adapter.WEIGHTS)
    with pytest.raises(StudyError, match=r"holds the unexpected tensor lm_head.weight"):
        adapter.check_base(folder, base)
    (folder / adapter.WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(StudyError, match=r"is damaged or truncated"):
        adapter.read(folder)
    (folder / adapter.WEIGHTS).unlink()
    with pytest.raises(StudyError, match=r"lacks adapter_model.safetensors"):
        adapter.read(folder)
