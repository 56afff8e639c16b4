"""Fine-tuning Hugging Face checkpoints: adapters and reward models, runs taken up again, and what is refused."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

pytest.importorskip("peft")

import torch
import transformers
from peft import PeftModel
from safetensors.torch import load_file, save_file

from full_disk import file_size_limit
from model_folders import STEP, VOCAB, WINDOW, random_folder
from tts_lib.config_errors import sentence
from tts_lib.config_lora import FineTuning, LoraAdapter
from tts_lib.engines.reference import ReferenceVerifier
from tts_lib.examples import Examples
from tts_lib.models import adapter
from tts_lib.models import folder as model_folder
from tts_lib.models.checkpoint import checkpoint_hash
from tts_lib.protocols import ScoreRequest
from tts_lib.training import hf_models, tuning
from tts_lib.training.lora import TunedAdapter, fine_tune_adapter, train_prm
from tts_lib.training.tuning import language_loss, parts_of, rate, score_loss
from tts_lib.types import StudyError

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


def halve(base: Path) -> None:
    """Store the checkpoint in bfloat16."""
    tensors = {name: tensor.bfloat16() for name, tensor in load_file(base / "model.safetensors").items()}
    save_file(tensors, base / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}))


def test_a_reward_model_is_stored_as_its_base_is(base, tmp_path):
    halve(base)
    tune_prm(base, tmp_path / "runs", QUICK)
    stored = load_file(tmp_path / "runs" / "prm" / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.bfloat16}
    assert same_files(tmp_path / "runs" / "prm" / "tokenizer.json", base / "tokenizer.json")
    trained = load_file(next((tmp_path / "runs").glob("*/best.safetensors")))
    assert {tensor.dtype for tensor in trained.values()} == {torch.float32}


def dtypes(tensors) -> set[torch.dtype]:
    return {tensor.dtype for tensor in tensors}


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "full"])
def test_where_products_are_in_half_precision_what_is_trained_is_not(base, tmp_path, monkeypatch, lora):
    halve(base)
    exact = tune_prm(base, tmp_path / "exact", changed(adapter=lora, dropout=0.0))
    monkeypatch.setattr(hf_models, "half_precision", lambda device: True)
    seen = []
    monkeypatch.setattr(torch.nn.Linear, "forward", spied(torch.nn.Linear.forward, seen))
    coarse = tune_prm(base, tmp_path / "coarse", changed(adapter=lora, dropout=0.0))
    assert torch.bfloat16 in dtypes(seen)
    assert coarse != exact and coarse["validation"] == pytest.approx(exact["validation"], rel=0.03)
    model = hf_models.load_scorer(base, changed(adapter=lora), torch.device("cpu"), seed=0)
    assert dtypes(hf_models.trainable(model).values()) == {torch.float32}
    frozen = dtypes(p for p in model.parameters() if not p.requires_grad)
    assert frozen == ({torch.bfloat16} if lora else set())


def spied(forward, outputs: list):
    def watching(self, x):
        outputs.append(forward(self, x))
        return outputs[-1]

    return watching


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
    text = sentence(caught.value, FineTuning.model_json_schema())
    assert text.startswith(said) and "\n" not in text


# --- runs that are interrupted, repeated, or done already


class Interruption(Exception):  # noqa: N818
    pass


def interrupt(monkeypatch, at_save: int) -> None:
    """Ends the run just before it writes its state for the at_save-th time."""
    left, save = iter(range(at_save - 1)), tuning._Run._save

    def saving(run) -> None:
        if next(left, None) is None:
            raise Interruption
        save(run)

    monkeypatch.setattr(tuning._Run, "_save", saving)


@pytest.mark.parametrize("at_save", [1, 3, 4, 8])  # 4 and 8 have a checkpoint
def test_an_interrupted_adapter_goes_on_to_the_same_bytes(base, tmp_path, monkeypatch, at_save):
    whole = tune_adapter(base, tmp_path / "whole")
    with monkeypatch.context() as context, pytest.raises(Interruption):
        interrupt(context, at_save)
        tune_adapter(base, tmp_path / "cut")
    cut = tune_adapter(base, tmp_path / "cut")
    assert cut.curve == whole.curve and len(cut.folders) == 2
    for a, b in zip(cut.folders, whole.folders, strict=True):
        assert same_files(a / adapter.WEIGHTS, b / adapter.WEIGHTS) and same_files(
            a / adapter.CONFIG, b / adapter.CONFIG
        )


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "full"])
def test_an_interrupted_reward_model_goes_on_to_the_same_bytes(base, tmp_path, monkeypatch, lora):
    whole = tune_prm(base, tmp_path / "whole", changed(adapter=lora))
    with monkeypatch.context() as context, pytest.raises(Interruption):
        interrupt(context, 6)
        tune_prm(base, tmp_path / "cut", changed(adapter=lora))
    assert not (tmp_path / "cut" / "prm").exists()
    assert tune_prm(base, tmp_path / "cut", changed(adapter=lora)) == whole
    for name in ("model.safetensors", "config.json"):
        assert same_files(tmp_path / "cut" / "prm" / name, tmp_path / "whole" / "prm" / name)


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bytes(base, tmp_path):
    settings = changed(epochs=16, checkpoints=4)
    code = (
        "import test_lora as t, pathlib, sys; "
        "t.tune_adapter(*map(pathlib.Path, sys.argv[1:]), t.changed(epochs=16, checkpoints=4))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, str(base), str(tmp_path / "killed")]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    while not list((tmp_path / "killed").glob("*/checkpoint-*")) and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert list((tmp_path / "killed").glob(f"*/{tuning.RESUME}")) and not list(
        (tmp_path / "killed").glob("*/curve.json")
    )
    killed, whole = (tune_adapter(base, tmp_path / name, settings) for name in ("killed", "whole"))
    assert killed.curve == whole.curve
    for a, b in zip(killed.folders, whole.folders, strict=True):
        assert same_files(a / adapter.WEIGHTS, b / adapter.WEIGHTS)


def test_a_finished_run_is_not_done_again(base, tmp_path, monkeypatch):
    first = tune_adapter(base, tmp_path / "runs")
    (run,) = (tmp_path / "runs").iterdir()
    assert sorted(path.name for path in run.iterdir()) == ["checkpoint-000004", "checkpoint-000008", "curve.json"]
    curve = tune_prm(base, tmp_path / "runs", QUICK)
    written = (tmp_path / "runs" / "prm" / "model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "runs" / "prm")
    monkeypatch.setattr(tuning._Run, "step", lambda run: pytest.fail("trained again"))
    assert tune_adapter(base, tmp_path / "runs", changed(checkpoint_seconds=5.0)) == first
    assert tune_prm(base, tmp_path / "runs", QUICK) == curve
    assert (tmp_path / "runs" / "prm" / "model.safetensors").read_bytes() == written


@pytest.mark.parametrize(("seconds", "n_saves"), [(0.0, 8), (3600.0, 2)])
def test_the_state_is_kept_at_checkpoints_and_as_often_as_asked(base, tmp_path, monkeypatch, seconds, n_saves):
    saves, save = [], tuning._Run._save
    monkeypatch.setattr(tuning._Run, "_save", lambda run: saves.append(run.n_steps) or save(run))
    tune_adapter(base, tmp_path / "runs", changed(checkpoint_seconds=seconds))
    assert len(saves) == n_saves and saves[-1] == 8


# --- what is refused


def test_memory_that_does_not_suffice_costs_the_step_and_no_more(base, tmp_path, monkeypatch):
    calls = iter(range(6))

    def hungry(*arguments):
        if next(calls, None) is None:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return language_loss(*arguments)

    settings = changed(batch_size=8, micro_tokens=4096)  # one part a step
    with monkeypatch.context() as context, pytest.raises(StudyError) as caught:
        context.setattr("tts_lib.training.lora.language_loss", hungry)
        tune_adapter(base, tmp_path / "runs", settings)
    assert str(caught.value) == (
        "LoRA: memory of cpu does not suffice for step 7; lower micro_tokens (now 4096) or set gradient_checkpointing "
        "to true, and run again"
    )
    whole = tune_adapter(base, tmp_path / "whole", settings)
    assert tune_adapter(base, tmp_path / "runs", settings).curve == whole.curve


def test_a_damaged_state_is_named(base, tmp_path, monkeypatch):
    with monkeypatch.context() as context, pytest.raises(Interruption):
        interrupt(context, 3)
        tune_adapter(base, tmp_path / "runs")
    (resume,) = (tmp_path / "runs").glob(f"*/{tuning.RESUME}")
    resume.write_bytes(resume.read_bytes()[:1000])
    with pytest.raises(StudyError, match=r"resume.safetensors is damaged; delete it"):
        tune_adapter(base, tmp_path / "runs")


def test_a_full_disk_is_one_sentence_and_the_run_goes_on_later(base, tmp_path):
    with file_size_limit(20_000), pytest.raises(StudyError, match=r"cannot write .*free space"):
        tune_adapter(base, tmp_path / "runs")
    assert not list((tmp_path / "runs").glob("*/resume.safetensors"))
    assert tune_adapter(base, tmp_path / "runs").curve == tune_adapter(base, tmp_path / "whole").curve


def test_a_loss_that_is_no_number_is_refused(base, tmp_path):
    tensors = load_file(base / "model.safetensors")
    tensors["lm_head.weight"] *= float("nan")
    save_file(tensors, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(StudyError, match=r"LoRA: the loss of step 1 is nan; lower lr"):
        tune_adapter(base, tmp_path / "runs")


def test_a_validation_loss_that_is_no_number_is_refused(base, tmp_path):
    tensors = load_file(base / "model.safetensors")
    tensors["model.embed_tokens.weight"][50] = float("nan")
    save_file(tensors, base / "model.safetensors", metadata={"format": "pt"})
    validation = Examples.language([np.int32([50])], [np.int32([3])])
    with pytest.raises(StudyError, match=r"LoRA: the validation loss after step 4 is nan; lower lr"):
        fine_tune_adapter(base, counting(64, 0), validation, QUICK, tmp_path / "runs", seed=0)


def test_a_model_that_does_not_fit_is_refused(base, tmp_path, monkeypatch):
    def full(*arguments):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(transformers.PreTrainedModel, "to", full)
    with pytest.raises(StudyError, match=r"does not fit into the memory of cpu; choose a smaller model or more memory"):
        tune_adapter(base, tmp_path / "runs")


def long_example() -> Examples:
    return Examples.language([np.full(3, 2, np.int32)], [np.full(WINDOW, 3, np.int32)])


@pytest.mark.parametrize(
    ("examples", "said"),
    [
        (long_example(), rf"LoRA: training example 0 has {WINDOW + 3} tokens, but the window of .* is {WINDOW}; leave"),
        (
            Examples.language([np.int32([VOCAB])], [np.int32([3])]),
            rf"tokens outside the vocabulary of .*, 0 to {VOCAB - 1}",
        ),
        (Examples.language([np.int32([2])], [np.int32([])]), r"LoRA: training has no token with weight"),
    ],
    ids=["window", "vocabulary", "weight"],
)
def test_examples_that_the_model_cannot_learn_are_refused(base, tmp_path, examples, said):
    with pytest.raises(StudyError, match=said):
        fine_tune_adapter(base, examples, counting(4, 0), QUICK, tmp_path / "runs", seed=0)
    with pytest.raises(StudyError, match=said.replace("training", "validation")):
        fine_tune_adapter(base, counting(4, 0), examples, QUICK, tmp_path / "runs", seed=0)
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
            fine_tune_adapter(base, counting(4, 0), counting(4, 0), QUICK, tmp_path / "runs", seed=0, device=device)
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
        (cut, "model.safetensors", "does not load: "),
        (without, "model.safetensors", "lack the tensor model.norm.weight"),
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


# --- other architectures, engines and devices


def tiny_model(folder: Path, kind: str) -> Path:
    """A checkpoint that is no Llama: grouped heads, biases and tied embeddings (qwen2), or other names of its parts."""
    torch.manual_seed(0)
    common = {"vocab_size": VOCAB, "bos_token_id": None, "eos_token_id": 1, "pad_token_id": 1}
    if kind == "qwen2":
        config = transformers.Qwen2Config(
            hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            max_position_embeddings=WINDOW, tie_word_embeddings=True, **common,
        )  # fmt: skip
    elif kind == "gpt_neox":
        config = transformers.GPTNeoXConfig(
            hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=WINDOW, hidden_dropout=0.0, **common,
        )  # fmt: skip
    else:
        config = transformers.GPT2Config(n_embd=32, n_layer=2, n_head=2, n_positions=WINDOW, **common)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["qwen2", "gpt_neox"])
def test_other_architectures_are_trained_the_same_way(tmp_path, kind):
    base = tiny_model(tmp_path / kind, kind)
    tuned = tune_adapter(base, tmp_path / "runs", changed(epochs=6))
    assert tuned.curve["validation"][1] < tuned.curve["validation"][0]
    model = transformers.AutoModelForCausalLM.from_pretrained(base)
    text = torch.arange(2, 10)[None]
    before = model(text).logits
    assert not torch.allclose(PeftModel.from_pretrained(model, tuned.folders[-1]).eval()(text).logits, before)
    curve = tune_prm(base, tmp_path / "runs", changed(dropout=0.0))
    loader = transformers.AutoModelForTokenClassification
    scorer, found = loader.from_pretrained(tmp_path / "runs" / "prm", output_loading_info=True)
    assert scorer.config.num_labels == 1 and not found["missing_keys"] and not found["unexpected_keys"]
    batch = next(parts_of(labelled(16, 1), np.arange(16), 4096))
    with torch.no_grad():
        loss = score_loss(scorer.eval(), *map(torch.from_numpy, (batch.tokens, batch.weight, batch.target)))
    assert float(loss) / batch.weight.sum() == pytest.approx(min(curve["validation"]), rel=1e-4)
    assert adapter.check_base(tuned.folders[-1], base).rank == LORA.rank


def test_attention_without_dropout_is_said(tmp_path):
    base = tiny_model(tmp_path / "gpt2", "gpt2")
    tune_prm(base, tmp_path / "runs", changed(adapter=None, dropout=0.0))
    with pytest.raises(StudyError, match=r"has no dropout in its attention; set dropout to 0 or give an adapter"):
        tune_prm(base, tmp_path / "runs", changed(adapter=None))


@pytest.mark.slow
def test_vllm_serves_the_adapter_as_peft_does(tmp_path):
    pytest.importorskip("vllm")
    base = random_folder(tmp_path / "base", width=64)  # heads of 32, the least its CPU kernels take
    folder = tune_adapter(base, tmp_path / "runs", changed(adapter=LORA.model_copy(update={"rank": 8}))).folders[-1]
    prompts, n_tokens = [[2 + i, 3 + i, 40 + 5 * i] for i in range(8)], 12
    command = [sys.executable, Path(__file__).with_name("lora_in_vllm.py"), base, folder, json.dumps(prompts)]
    done = subprocess.run([*map(str, command), str(n_tokens)], capture_output=True, text=True, check=True)
    served = json.loads(done.stdout.splitlines()[-1])
    model = transformers.AutoModelForCausalLM.from_pretrained(base)
    for name in ("base", "adapter"):
        if name == "adapter":
            model = PeftModel.from_pretrained(model, folder)
        texts = torch.tensor([p + t for p, t in zip(prompts, served[name]["tokens"], strict=True)])
        with torch.no_grad():
            log_p = torch.log_softmax(model.eval()(texts).logits[:, 2:-1], dim=-1)
        assert torch.equal(log_p.argmax(-1), texts[:, 3:])
        np.testing.assert_allclose(served[name]["log_p"], log_p.max(-1).values, rtol=0, atol=1e-4)
    assert served["adapter"]["tokens"] != served["base"]["tokens"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "full"])
def test_a_gpu_learns_the_same_in_half_precision(base, tmp_path, lora):
    settings = changed(adapter=lora, dropout=0.0, epochs=10)
    curves = [
        train_prm(base, labelled(256, 0), labelled(16, 1), settings, tmp_path / "runs", tmp_path / d, seed=0, device=d)
        for d in ("cpu", "cuda")
    ]
    assert curves[0]["validation"][-1] == pytest.approx(curves[1]["validation"][-1], abs=0.05)
