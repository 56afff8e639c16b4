"""Fine-tuning Hugging Face checkpoints: adapters and reward models, runs taken up again, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

pytest.importorskip("peft")

import torch
import transformers
from peft import PeftModel
from safetensors.torch import load_file, save_file

from model_folders import STEP, random_folder
from tts_lib.config_errors import sentence
from tts_lib.config_lora import FineTuning, LoraAdapter
from tts_lib.engines.reference import ReferenceVerifier
from tts_lib.examples import Examples
from tts_lib.models import adapter
from tts_lib.protocols import ScoreRequest
from tts_lib.training import hf_models
from tts_lib.training.lora import TunedAdapter, fine_tune_adapter, train_prm
from tts_lib.training.tuning import language_loss, parts_of, rate, score_loss

LORA = LoraAdapter(rank=4, alpha=8.0, layers="all")
QUICK = FineTuning(
    adapter=LORA, epochs=2, batch_size=16, micro_tokens=256, lr=0.01, warmup_share=0.1, schedule="cosine", dropout=0.1,
    clip_norm=1.0, gradient_checkpointing=False, checkpoints=2, checkpoint_seconds=0.0,
)  # fmt: skip


def changed(**values) -> FineTuning:
    return QUICK.model_copy(update=values)


def counting(n: int, seed: int) -> Examples:
    """Texts that count upwards from a random number, modulo 10; the first token is not learned."""
    rng = np.random.default_rng(seed)
    texts = [
        (np.arange(length) + first) % 10 + 2
        for length, first in zip(rng.integers(6, 14, n), rng.integers(10, size=n), strict=True)
    ]
    return Examples.language([t[:1].astype(np.int32) for t in texts], [t[1:].astype(np.int32) for t in texts])


def labelled(n: int, seed: int) -> Examples:
    """Texts of two steps, each labelled 0.9 after a low token and 0.2 after a high one."""
    tokens = np.random.default_rng(seed).integers(2, 10, (n, 8)).astype(np.int32)
    tokens[:, 3::4] = STEP
    closes = tokens == STEP
    target = np.where(np.roll(tokens, 1, axis=1) < 6, 0.9, 0.2) * closes
    return Examples(
        tokens.ravel(), np.arange(n + 1) * 8, closes.ravel().astype(np.float32), target.ravel().astype(np.float32)
    )


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return random_folder(tmp_path / "base")


def tune_adapter(base: Path, runs: Path, settings: FineTuning = QUICK, seed: int = 0) -> TunedAdapter:
    return fine_tune_adapter(base, counting(64, 0), counting(16, 1), settings, runs, seed=seed)


def tune_prm(base: Path, runs: Path, settings: FineTuning, n_examples: int = 64) -> dict:
    return train_prm(base, labelled(n_examples, 0), labelled(16, 1), settings, runs, runs / "prm", seed=0)


def same_files(a: Path, b: Path) -> bool:
    return a.read_bytes() == b.read_bytes()


# --- what is learned


def test_an_adapter_learns_and_every_checkpoint_loads_in_peft(base, tmp_path):
    tuned = tune_adapter(base, tmp_path / "runs", changed(epochs=12, checkpoints=3))
    assert tuned.curve["validation"][-1] < 0.5 * np.log(10) < tuned.curve["validation"][0]
    assert tuned.curve["step"] == [16, 32, 48] and tuned.curve["tokens"][-1] == 12 * len(counting(64, 0).tokens)
    assert [path.name for path in tuned.folders] == ["checkpoint-000016", "checkpoint-000032", "checkpoint-000048"]
    text = torch.arange(2, 10)[None]
    model = transformers.AutoModelForCausalLM.from_pretrained(base)
    with torch.no_grad():
        before = model(text).logits.argmax(-1)
        adapted = PeftModel.from_pretrained(model, tuned.folders[-1]).eval()(text).logits.argmax(-1)
    assert torch.equal(adapted[0, :-1], text[0, 1:]) and not torch.equal(adapted, before)


def test_tokens_without_weight_are_read_but_not_learned(base, tmp_path):
    model = transformers.AutoModelForCausalLM.from_pretrained(base)
    text = torch.arange(2, 10)[None]
    weight = torch.tensor([[0, 0, 0, 1, 1, 0, 0, 0.0]])
    with torch.no_grad():
        log_p = torch.log_softmax(model(text).logits, -1)
        loss = language_loss(model, text, weight, weight)
        torch.testing.assert_close(loss, -(log_p[0, 2, text[0, 3]] + log_p[0, 3, text[0, 4]]))
        torch.testing.assert_close(language_loss(model, text, 3 * weight, weight), 3 * loss)
        after = text.clone()
        after[0, 5:] = 2  # nothing with weight comes later
        torch.testing.assert_close(language_loss(model, after, weight, weight), loss)
        before = text.clone()
        before[0, 0] = 9
        assert not torch.isclose(language_loss(model, before, weight, weight), loss)


def test_soft_labels_count_by_their_weight(base):
    scorer = hf_models.load_scorer(base, changed(dropout=0.0), torch.device("cpu"), seed=0)
    tokens, weight = torch.arange(2, 6)[None], torch.tensor([[0, 1.0, 0, 2.0]])
    target = torch.tensor([[0, 0.3, 0, 0.8]])
    with torch.no_grad():
        assert not scorer(input_ids=tokens).logits.any()
        assert float(score_loss(scorer, tokens, weight, target)) == pytest.approx(3 * np.log(2), rel=1e-6)


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "full"])
def test_a_reward_model_reaches_its_soft_labels(base, tmp_path, lora):
    curve = tune_prm(base, tmp_path / "runs", changed(adapter=lora, epochs=10, checkpoints=5, dropout=0.0), 256)
    data = labelled(16, 1)
    p = data.target[data.weight > 0]
    least = -(p * np.log(p) + (1 - p) * np.log(1 - p)).mean()
    assert min(curve["validation"]) - least < 0.05 < curve["validation"][0] - least
    verifier = ReferenceVerifier(tmp_path / "runs" / "prm")
    requests = [ScoreRequest(text[:1], [text[1:]]) for text in data.tokens.reshape(-1, 8)]
    scores = np.concatenate([steps for (steps,) in verifier.score(requests)])
    np.testing.assert_allclose(scores, p, atol=0.15)


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "full"])
def test_the_merged_reward_model_scores_as_the_best_checkpoint_did(base, tmp_path, lora):
    """The best is not the last here: with this learning rate later checkpoints are worse."""
    settings = changed(adapter=lora, lr=0.3, epochs=3, checkpoints=6, schedule="constant", warmup_share=0.0)
    curve = tune_prm(base, tmp_path / "runs", settings)
    assert min(curve["validation"]) < curve["validation"][-1]
    model = hf_models.load_scorer(base, settings, torch.device("cpu"), seed=0)
    (best,) = (tmp_path / "runs").glob("*/best.safetensors")
    for name, parameter in hf_models.trainable(model).items():
        parameter.data.copy_(load_file(best)[name])
    data = labelled(16, 1)
    tokens = torch.from_numpy(data.tokens.reshape(-1, 8)).long()
    model.eval()
    with torch.no_grad():
        logits = model(input_ids=tokens).logits[..., 0]
        weight, target = (torch.from_numpy(a.reshape(-1, 8)) for a in (data.weight, data.target))
        assert float(score_loss(model, tokens, weight, target)) / 32 == pytest.approx(
            min(curve["validation"]), rel=1e-5
        )
    requests = [ScoreRequest(text[:1], [text[1:]]) for text in data.tokens.reshape(-1, 8)]
    scores = np.concatenate([steps for (steps,) in ReferenceVerifier(tmp_path / "runs" / "prm").score(requests)])
    np.testing.assert_allclose(scores, torch.sigmoid(logits)[weight > 0], rtol=0, atol=1e-5)


def test_a_reward_model_is_stored_as_its_base_is(base, tmp_path):
    tensors = {name: tensor.bfloat16() for name, tensor in load_file(base / "model.safetensors").items()}
    save_file(tensors, base / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}))
    tune_prm(base, tmp_path / "runs", QUICK)
    stored = load_file(tmp_path / "runs" / "prm" / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.bfloat16}
    assert same_files(tmp_path / "runs" / "prm" / "tokenizer.json", base / "tokenizer.json")
    trained = load_file(next((tmp_path / "runs").glob("*/best.safetensors")))
    assert {tensor.dtype for tensor in trained.values()} == {torch.float32}


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
    text = sentence(caught.value, FineTuning.model_json_schema())
    assert text.startswith(said) and "\n" not in text
