"""Fine-tuning Hugging Face checkpoints: what adapters and reward models learn, and who serves them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("peft")

import torch
import transformers
from peft import PeftModel  # pyright: ignore[reportMissingImports]
from safetensors.torch import load_file, save_file

from helpers.model_folders import VOCAB, WINDOW, random_folder
from helpers.pipeline import ROOT
from helpers.tuning_runs import LORA, QUICK, changed, counting, labelled, same_files, tune_adapter, tune_prm
from tts_lib.answers.protocols import ScoreRequest
from tts_lib.common.errors import StudyError
from tts_lib.engines.transformers.reference import ReferenceVerifier
from tts_lib.models import adapter
from tts_lib.training import hf_models
from tts_lib.training.lora import train_prm
from tts_lib.training.tuning import Task, language_loss, parts_of, score_loss

pytestmark = pytest.mark.vllm  # that environment has PEFT too


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return random_folder(tmp_path / "base")


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
    (base / "generation_config.json").write_text('{"eos_token_id": [1, 7]}')
    tune_prm(base, tmp_path / "runs", QUICK)
    stored = load_file(tmp_path / "runs" / "prm" / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.bfloat16}
    for name in ("tokenizer.json", "generation_config.json"):  # what its texts are made of, and what ends them
        assert same_files(tmp_path / "runs" / "prm" / name, base / name)
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


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_the_reference_engine_adds_what_peft_would(tmp_path, kind):
    base = random_folder(tmp_path / kind) if kind == "llama" else tiny_model(tmp_path / kind, kind)
    folder = tune_adapter(base, tmp_path / "runs").folders[-1]
    peft = PeftModel.from_pretrained(transformers.AutoModelForCausalLM.from_pretrained(base), folder).merge_and_unload()
    added, before = dict(adapter.deltas(folder)), load_file(base / "model.safetensors")
    after = peft.state_dict()
    changed_layers = {name for name, weight in before.items() if not torch.equal(weight, after[name])}
    assert changed_layers == {f"{layer}.weight" for layer in added}
    for layer, delta in added.items():
        expected = after[f"{layer}.weight"] - before[f"{layer}.weight"]
        np.testing.assert_allclose(delta, expected, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_vllm_serves_the_adapter_as_peft_does(tmp_path):
    pytest.importorskip("vllm")
    base = random_folder(tmp_path / "base", width=64)  # heads of 32, the least its CPU kernels take
    folder = tune_adapter(base, tmp_path / "runs", changed(adapter=LORA.model_copy(update={"rank": 8}))).folders[-1]
    prompts, n_tokens = [[2 + i, 3 + i, 40 + 5 * i] for i in range(8)], 12
    command = [sys.executable, ROOT / "tests/helpers/lora_in_vllm.py", base, folder, json.dumps(prompts)]
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
    tasks = [Task(labelled(256, 0), labelled(16, 1), settings, 0, "PRM", device) for device in ("cpu", "cuda")]
    curves = [train_prm(base, task, tmp_path / "runs", tmp_path / task.device) for task in tasks]
    assert curves[0]["validation"][-1] == pytest.approx(curves[1]["validation"][-1], abs=0.05)
