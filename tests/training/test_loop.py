"""Training: the optimizer, the model against transformers, and runs that can be repeated and taken up again."""

import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from helpers.model_folders import END, random_folder, tiny_tokenizer
from tts_lib.common.errors import StudyError
from tts_lib.common.examples import Examples, pad
from tts_lib.models import folder
from tts_lib.models.llama import Llama, LlamaShape
from tts_lib.models.names import from_hf_state, to_hf_state
from tts_lib.models.scorer import Scorer
from tts_lib.training import loop
from tts_lib.training.loop import Keep, Task, Trained, Training, fit, language_loss, score_loss
from tts_lib.training.muon import Muon, orthogonalise
from tts_lib.training.policies import extend_window, fine_tune, run_key, save_policy

SHAPE = LlamaShape(vocab_size=12, n_layers=2, width=16, n_heads=2, width_mlp=24, max_length=16)
QUICK = Training(
    n_epochs=4, batch_tokens=256, lr_muon=0.02, lr_adamw=0.01, dropout=0.1, shards=1, seed=0,
    warmup_steps=5, n_evaluations=4,
)  # fmt: skip
LONG = dataclasses.replace(QUICK, n_epochs=20, shards=2, checkpoint_seconds=0.0)


def counting(n: int, seed: int) -> Examples:
    """Sequences that count upwards from a random number, modulo 10."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(6, 14, n)
    firsts = rng.integers(10, size=n)
    texts = [(np.arange(length) + first) % 10 for length, first in zip(lengths, firsts, strict=True)]
    return Examples.language([t[:1].astype(np.int32) for t in texts], [t[1:].astype(np.int32) for t in texts])


def llama(seed: int = 0, scale: float = 1.0) -> Llama:
    model = Llama(SHAPE)
    model.initialise(torch.Generator().manual_seed(seed))
    for parameter in model.parameters():
        parameter.data.mul_(scale if parameter.ndim == 2 else 1.0)
    return model


def train(folder: Path, training: Training, keep: Keep = "last", model: Llama | None = None) -> Trained:
    return fit(model or llama(), Task(counting(200, 0), counting(40, 1), training, "test", keep), folder)


def same(a: Trained, b: Trained) -> bool:
    pairs = list(zip((a.state, *a.kept), (b.state, *b.kept), strict=True))
    equal = [torch.equal(tensor, y[name]) for x, y in pairs for name, tensor in x.items()]
    return a.curve == b.curve and all(x.keys() == y.keys() for x, y in pairs) and all(equal)


# --- Muon


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 8, 24), (4, 24, 8), (1, 5, 1)])
def test_orthogonalised_matrices_have_singular_values_near_1(shape):
    stack = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalise(stack, n_iterations=10))
    assert values.min() > 0.6 and values.max() < 1.25


def test_the_scale_of_a_gradient_does_not_matter():
    stack = torch.randn(2, 8, 12, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(orthogonalise(1000 * stack), orthogonalise(stack), rtol=1e-4, atol=1e-4)
    assert torch.isfinite(orthogonalise(torch.zeros(1, 4, 4))).all()


def test_fused_matrices_are_orthogonalised_part_by_part():
    gradient = torch.randn(24, 8, generator=torch.Generator().manual_seed(0))
    fused = torch.nn.Parameter(torch.zeros(24, 8))
    fused.grad = gradient.clone()
    Muon({"qkv": fused}, lambda name: 3, lr=0.1).step(0.5)
    expected = -0.05 * orthogonalise(gradient.view(3, 8, 8)).reshape(24, 8)
    torch.testing.assert_close(fused.data, expected, rtol=1e-4, atol=1e-5)


# --- the model and its losses


def test_transformers_computes_the_same_logits():
    from transformers import LlamaConfig, LlamaForCausalLM

    model = llama(scale=4.0)
    config = LlamaConfig(
        vocab_size=SHAPE.vocab_size, hidden_size=SHAPE.width, intermediate_size=SHAPE.width_mlp,
        num_hidden_layers=SHAPE.n_layers, num_attention_heads=SHAPE.n_heads, num_key_value_heads=SHAPE.n_heads,
        max_position_embeddings=SHAPE.max_length, rms_norm_eps=SHAPE.norm_eps, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": SHAPE.rope_theta}, bos_token_id=None,
        eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    config._attn_implementation = "eager"
    theirs = LlamaForCausalLM(config).eval()
    state = to_hf_state({name: tensor.numpy() for name, tensor in model.state_dict().items()})
    theirs.load_state_dict({name: torch.from_numpy(np.array(tensor)) for name, tensor in state.items()})
    tokens = torch.randint(0, SHAPE.vocab_size, (3, SHAPE.max_length), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours = model.logits(model(tokens))
        torch.testing.assert_close(ours, theirs(tokens).logits, rtol=0, atol=1e-4)
    assert ours.std() > 0.1


def test_names_translate_there_and_back():
    state = {name: tensor.numpy() for name, tensor in llama().state_dict().items()}
    back = from_hf_state(to_hf_state(state))
    assert back.keys() == state.keys()
    for name, tensor in state.items():
        np.testing.assert_array_equal(back[name], tensor)


def test_only_weighted_tokens_enter_the_language_loss():
    model, batch = llama(scale=4.0), pad(counting(5, 0), np.arange(5))
    with torch.no_grad():
        log_p = F.log_softmax(model.logits(model(torch.from_numpy(batch.tokens))), dim=-1)
        expected = -sum(
            log_p[row, t - 1, batch.tokens[row, t]]
            for row in range(5)
            for t in range(1, batch.tokens.shape[1])
            if batch.weight[row, t]
        )
        torch.testing.assert_close(language_loss(model, batch, 0.0), expected)


def test_a_fresh_verifier_gives_even_chances_and_weights_count():
    scorer, batch = Scorer.from_policy(llama()), pad(counting(5, 0), np.arange(5))
    with torch.no_grad():
        assert not scorer(torch.from_numpy(batch.tokens)).any()
        loss = score_loss(scorer, batch, 0.0)
        double = score_loss(scorer, dataclasses.replace(batch, weight=2 * batch.weight), 0.0)
    assert float(loss) == pytest.approx(np.log(2) * batch.weight.sum(), rel=1e-5)
    assert float(double) == pytest.approx(2 * float(loss), rel=1e-6)


def test_the_key_of_a_run_names_what_matters():
    def key(start: object = SHAPE, data=None, training=QUICK):
        return run_key(start, data or counting(20, 0), training)

    assert key() == key() == key(training=dataclasses.replace(QUICK, checkpoint_seconds=7.0))
    changes = [{"seed": 1}, {"shards": 2}, {"lr_muon": 0.1}, {"n_epochs": 5}, {"dropout": 0.0}]
    others = [key(training=dataclasses.replace(QUICK, **change)) for change in changes]
    others += [key("other"), key(data=counting(20, 1))]
    assert len({key(), *others}) == len(others) + 1


# --- whole runs


def test_a_run_learns_is_repeatable_and_is_not_done_twice(tmp_path, monkeypatch):
    first = train(tmp_path / "a", QUICK)
    assert first.curve["validation"][-1] < 0.7 * np.log(12) and len(first.curve["loss"]) == 4
    assert first.curve["tokens"] == sorted(first.curve["tokens"])
    assert first.n_tokens == 4 * len(counting(200, 0).tokens) == first.curve["tokens"][-1]
    assert same(first, train(tmp_path / "b", QUICK))
    monkeypatch.setattr(loop, "start_processes", None)  # nothing is trained again
    assert same(first, train(tmp_path / "a", QUICK, model=llama(seed=9)))
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"done.safetensors", "run.lock"} and not first.kept


def test_the_weights_do_not_depend_on_how_many_processes_train(tmp_path, monkeypatch):
    """Four shards in one, two and four processes, with dropout; three cores are as good as two."""
    found = []
    for n_cores, n in ((1, 1), (3, 2), (8, 4)):
        monkeypatch.setattr(loop, "cores", lambda n_cores=n_cores: n_cores)
        assert loop.n_processes(4) == n
        found.append(train(tmp_path / str(n), dataclasses.replace(QUICK, n_epochs=1, shards=4)))
    assert same(found[0], found[1]) and same(found[0], found[2])
    assert not same(found[0], train(tmp_path / "other", dataclasses.replace(QUICK, n_epochs=1, shards=2)))


def test_a_failed_worker_is_one_sentence(tmp_path):
    broken = Llama(dataclasses.replace(SHAPE, vocab_size=3))  # the data has tokens up to 9
    broken.initialise(torch.Generator().manual_seed(0))
    with pytest.raises(StudyError, match=r"test: a training process failed: .*index out of range"):
        train(tmp_path, QUICK, model=broken)


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_weights(tmp_path):
    folder = tmp_path / "killed"
    code = "import training.test_loop as t, pathlib, sys; t.train(pathlib.Path(sys.argv[1]), t.LONG, 'all')"
    resume = folder / "resume.safetensors"
    with (tmp_path / "said").open("w") as said, tempfile.TemporaryDirectory() as short:  # sockets have short names
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": short}
        process = subprocess.Popen([sys.executable, "-c", code, str(folder)], env=environment, stderr=said)
        while not resume.exists() and process.poll() is None:
            time.sleep(0.01)
        assert process.poll() is None, (tmp_path / "said").read_text()
        process.kill()
        process.wait()
        time.sleep(0.5)  # the workers notice that their parent is gone
    assert not (folder / "done.safetensors").exists()
    n_seen = load_file(resume)["place.tokens"]
    assert 0 < n_seen < LONG.n_epochs * len(counting(200, 0).tokens)
    modified = resume.stat().st_mtime_ns
    time.sleep(0.3)
    assert resume.stat().st_mtime_ns == modified  # no worker lives on
    uninterrupted = dataclasses.replace(LONG, checkpoint_seconds=1e6)
    resumed = train(folder, LONG, "all", model=llama(seed=9))
    assert same(resumed, train(tmp_path / "whole", uninterrupted, "all"))
    assert not resume.exists()
    assert len(resumed.kept) == len(resumed.curve["validation"])
    last = [torch.equal(tensor, resumed.kept[-1][name]) for name, tensor in resumed.state.items()]
    assert all(last) and not all(torch.equal(tensor, resumed.kept[0][name]) for name, tensor in resumed.state.items())


def test_a_policy_learns_on_in_a_longer_window(tmp_path):
    random_folder(tmp_path / "policy")
    config = folder.read_config(tmp_path / "policy")
    longer = config.max_length + 32
    tokens = [np.arange(longer - 2, dtype=np.int32) % config.vocab_size] * 8
    examples = Examples.language([t[:1] for t in tokens], [t[1:] for t in tokens])
    how = (examples, examples, QUICK, tmp_path / "runs", "test")
    trained, shape = extend_window(tmp_path / "policy", longer, *how)
    assert shape.max_length == longer and trained.curve["validation"][-1] < trained.curve["validation"][0]
    assert not trained.kept
    again, _ = extend_window(tmp_path / "policy", longer, *how)
    assert same(trained, again)  # taken from the finished run
    save_policy(tmp_path / "long", trained, shape, tiny_tokenizer(), END, "")
    tuned, shape = fine_tune(tmp_path / "long", *how)
    assert shape.max_length == longer and tuned.curve["validation"][0] < trained.curve["validation"][0]
    assert len(tuned.kept) == len(tuned.curve["validation"])
