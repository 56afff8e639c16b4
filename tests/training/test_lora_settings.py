"""Steps and settings of fine-tuning: each setting does something, and each has a range."""

import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

pytest.importorskip("peft")

import torch
import transformers

from helpers.model_folders import random_folder
from helpers.tuning_runs import LORA, QUICK, changed, counting, same_files, tune_adapter, tune_prm
from tts_lib.common.mistakes import sentence
from tts_lib.models import adapter
from tts_lib.training import hf_models
from tts_lib.training.settings import FineTuning
from tts_lib.training.tuning import parts_of, rate

pytestmark = pytest.mark.vllm  # that environment has PEFT too


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return random_folder(tmp_path / "base")


# --- steps


def test_examples_in_parts_give_the_step_they_give_at_once(base, tmp_path):
    at_once = tune_adapter(base, tmp_path / "a", changed(micro_tokens=4096, dropout=0.0))
    in_parts = tune_adapter(base, tmp_path / "b", changed(micro_tokens=40, dropout=0.0))
    np.testing.assert_allclose(in_parts.curve["validation"], at_once.curve["validation"], rtol=1e-4)


def test_parts_hold_every_chosen_example_and_no_more_tokens_than_allowed():
    examples, chosen = counting(64, 0), np.arange(64)[::-3]
    parts = list(parts_of(examples, chosen, 50))
    assert all(part.tokens.size <= 50 for part in parts) and len(parts) > 4
    lengths = np.concatenate([(part.tokens > 0).sum(axis=1) for part in parts])
    np.testing.assert_array_equal(lengths, np.sort(np.diff(examples.offsets)[chosen]))
    assert [len(part.tokens) for part in parts_of(examples, chosen, 1)] == [1] * len(chosen)


def test_the_learning_rate_rises_and_falls():
    cosine = [rate(step, 100, changed(warmup_share=0.1)) for step in range(100)]
    assert cosine[:11] == pytest.approx([*np.arange(1, 11) / 10, 1.0]) and cosine[55] == pytest.approx(0.5)
    assert 0 < cosine[-1] < 0.001 and all(np.diff(cosine[10:]) < 0)
    constant = [rate(step, 100, changed(warmup_share=0.0, schedule="constant")) for step in range(100)]
    assert set(constant) == {1.0}


def test_gradient_checkpointing_computes_layers_twice_and_the_same(base, tmp_path, monkeypatch):
    calls = []
    layer = transformers.models.llama.modeling_llama.LlamaMLP
    forward = layer.forward
    monkeypatch.setattr(layer, "forward", lambda self, x: calls.append(self.training) or forward(self, x))
    curves, counts = [], []
    for again in (False, True):
        calls.clear()
        settings = changed(gradient_checkpointing=again)
        curves.append(tune_adapter(base, tmp_path / "runs", settings).curve)
        counts.append(sum(calls))
    assert curves[0] == curves[1] and counts[1] == 2 * counts[0]


# --- settings: each does something, and each has a range


@pytest.mark.parametrize(
    "change",
    [
        {"adapter": LORA.model_copy(update={"rank": 2})},
        {"adapter": LORA.model_copy(update={"alpha": 4.0})},
        {"adapter": LORA.model_copy(update={"layers": ["q_proj", "down_proj"]})},
        {"epochs": 3},
        {"batch_size": 8},
        {"lr": 0.02},
        {"warmup_share": 0.5},
        {"schedule": "constant"},
        {"dropout": 0.5},
        {"clip_norm": 0.01},
        {"checkpoints": 4},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_setting_changes_the_run(base, tmp_path, change):
    tuned, other = (tune_adapter(base, tmp_path / "runs", settings) for settings in (QUICK, changed(**change)))
    assert tuned.folders[0].parent != other.folders[0].parent
    assert not same_files(tuned.folders[-1] / adapter.WEIGHTS, other.folders[-1] / adapter.WEIGHTS) or (
        len(tuned.folders) != len(other.folders)
    )


@pytest.mark.parametrize("layers", ["all", ["q_proj", "down_proj"]], ids=["all", "two"])
def test_a_reward_model_has_its_adapter_on_the_chosen_layers_and_a_whole_head(base, layers):
    settings = changed(adapter=LORA.model_copy(update={"layers": layers}))
    model = hf_models.load_scorer(base, settings, torch.device("cpu"), seed=0)
    names = {name.split(".lora_")[0].rpartition(".")[2] for name in hf_models.trainable(model) if ".lora_" in name}
    every = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert names == (every if layers == "all" else set(layers))
    whole = [name for name in hf_models.trainable(model) if ".lora_" not in name]
    assert [name.rpartition("score.")[2] for name in whole] == ["weight", "bias"]


def test_dropout_counts_without_an_adapter_too(base, tmp_path):
    curves = [tune_prm(base, tmp_path / "runs", changed(adapter=None, dropout=p)) for p in (0.0, 0.3)]
    assert curves[0] != curves[1]
    assert json.loads((tmp_path / "runs" / "prm" / "config.json").read_text())["attention_dropout"] == 0.0


def test_the_seed_changes_the_run_and_the_same_seed_does_not(base, tmp_path):
    weights = [tune_adapter(base, tmp_path / str(i), seed=seed).folders[-1] for i, seed in enumerate((0, 0, 1))]
    assert weights[0].parent.name == weights[1].parent.name != weights[2].parent.name
    for name in (adapter.WEIGHTS, adapter.CONFIG):
        assert same_files(weights[0] / name, weights[1] / name)
    assert not same_files(weights[0] / adapter.WEIGHTS, weights[2] / adapter.WEIGHTS)


def test_the_callers_random_numbers_are_left_alone(base, tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    tune_adapter(base, tmp_path / "runs")
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("epochs", 0, "epochs is 0, but must be a whole number at least 1 and at most 100"),
        ("batch_size", 0, "batch_size is 0, but must be a whole number at least 1"),
        ("micro_tokens", 0, "micro_tokens is 0, but must be a whole number at least 1"),
        ("lr", 0.0, "lr is 0.0, but must be a number above 0 and at most 1"),
        ("warmup_share", 1.0, "warmup_share is 1.0, but must be a number at least 0 and below 1"),
        ("schedule", "linear", "schedule is 'linear', but must be one of cosine, constant"),
        ("dropout", 1.0, "dropout is 1.0, but must be a number at least 0 and below 1"),
        ("clip_norm", 0.0, "clip_norm is 0.0, but must be a number above 0"),
        ("gradient_checkpointing", 1, "gradient_checkpointing is 1, but must be"),
        ("checkpoints", 0, "checkpoints is 0, but must be a whole number at least 1 and at most 1,000"),
        ("checkpoint_seconds", -1.0, "checkpoint_seconds is -1.0, but must be a number at least 0"),
        ("adapter", {"rank": 0, "alpha": 1.0, "layers": "all"}, "adapter.rank is 0, but must be a whole number"),
        ("adapter", {"rank": 1, "alpha": 0.0, "layers": "all"}, "adapter.alpha is 0.0, but must be a number above 0"),
        ("adapter", {"rank": 1, "alpha": 1.0, "layers": []}, "adapter.layers is []"),
    ],
)
def test_a_setting_out_of_range_is_one_sentence(field, value, said):
    with pytest.raises(ValidationError) as caught:
        FineTuning.model_validate(QUICK.model_dump() | {field: value})
    text, _ = sentence(caught.value, FineTuning.model_json_schema())
    assert text.startswith(said) and "\n" not in text
