"""Engines and models that exist already, by params alone: pointers, what is refused, the same samples either way."""

import json
import shutil
import sys
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch

from helpers.declared_engines import NATIVE, REFERENCE, SAMPLING, SERVER, VLLM, request, where
from helpers.model_folders import random_folder
from helpers.tiny_models import checkpoint
from tts_lib.answers.cached_verifier import CachedVerifier
from tts_lib.answers.protocols import FINISH_STEP, Sampling, ScoreRequest
from tts_lib.answers.store.store import Store
from tts_lib.common.errors import StudyError
from tts_lib.engines.opening import close, open_policy, open_verifier
from tts_lib.engines.transformers.asked import Asked
from tts_lib.models import pointer, tokenizer
from tts_lib.models.folder import FolderError, ModelConfig, write
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.models.vocabulary import Vocabulary
from tts_lib.questions.nano.corpus import PERFECT, attempt
from tts_lib.questions.nano.questions import draw_question
from tts_lib.questions.nano.world import END, World
from tts_lib.study.config import checkpoint as config_checkpoint
from tts_lib.study.config import engine as config_engine

LINES = {"opening": "{problem}", "step": "{step}{marker}", "between": "", "marker": "\n", "tokenised": "pieces"}


def test_a_pointer_is_small_and_serves_what_the_folder_serves(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    weights, model = random_folder(tmp_path / "weights"), tmp_path / "models/base"
    facts = pointer.make(model, where(weights), step="\n")
    assert facts["n_params"] - facts["n_params_block"] == 2 * facts["vocab_size"] * facts["width"]
    assert sorted(path.name for path in model.iterdir()) == ["pointer.json", "tokenizer.json", "tokenizer_config.json"]
    assert facts["sha256"] in (model / "pointer.json").read_text()  # weights of the same size are seen to be others
    for engine in (NATIVE, REFERENCE):
        direct, pointed = (open_policy(folder, engine) for folder in (weights, model))
        assert direct.version == pointed.version
        a, b = (policy.sample(request(4), SAMPLING)[0] for policy in (direct, pointed))
        np.testing.assert_array_equal(a.tokens, b.tokens)


def test_closing_ends_what_an_engine_has_started() -> None:
    class InProcess:
        version = "1"
        is_open = True

        def sample(self, requests, sampling):
            return []

    class Started(InProcess):
        def close(self) -> None:
            self.is_open = False

    engines = [InProcess(), Started()]
    for engine in engines:
        close(engine)
    assert [engine.is_open for engine in engines] == [True, False]


def test_weights_that_changed_under_a_pointer_are_noticed(tmp_path: Path) -> None:
    weights, model = random_folder(tmp_path / "weights"), tmp_path / "models/base"
    pointer.make(model, where(weights), step="\n")
    for name in ("config.json", "tokenizer.json"):
        content = (weights / name).read_bytes()
        (weights / name).write_bytes(content.replace(b"1", b"2", 1))  # as long as before
        with pytest.raises(FolderError, match=rf"{name} is not what it was when .*base was made; repeat its stage"):
            open_policy(model, NATIVE)
        (weights / name).write_bytes(content)
    open_policy(model, NATIVE)
    content = (weights / "model.safetensors").read_bytes()
    (weights / "model.safetensors").write_bytes(content[:-4] + bytes(4))  # other weights of the same size
    for engine in (NATIVE, REFERENCE):
        with pytest.raises(FolderError, match="holds other weights than when the study took it; repeat its stage"):
            open_policy(model, engine)
    (weights / "model.safetensors").write_bytes(b"")
    with pytest.raises(FolderError, match=r"is not what it was when .*base was made; repeat its stage"):
        open_policy(model, NATIVE)
    shutil.rmtree(weights)
    with pytest.raises(StudyError, match=r"config.json is not what it was"):
        open_policy(model, NATIVE)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: shutil.rmtree(folder), "there is no checkpoint folder"),
        (lambda folder: (folder / "model.safetensors").unlink(), "lacks model.safetensors"),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
            "its weights are pickles, convert them to safetensors",
        ),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"{}"), "is damaged or truncated"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "only models with a fast tokenizer can be used"),
        (
            lambda folder: (folder / "config.json").write_text(json.dumps({"quantization_config": {}})),
            "is quantised, so that its parameters cannot be counted",
        ),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_refused(tmp_path: Path, spoil: Any, words: str) -> None:
    folder = random_folder(tmp_path / "weights")
    spoil(folder)
    with pytest.raises(StudyError) as caught:
        pointer.make(tmp_path / "models/base", where(folder), step="\n")
    assert words in str(caught.value) and not (tmp_path / "models/base").exists()


PACKAGE = {"name": "made-up", "version": "1.0", "path": "made_up/model.gguf", "sha256": "0" * 64}


def test_a_model_says_where_it_is() -> None:
    for source, words in (
        ({"model": "Qwen/Qwen2.5-0.5B-Instruct"}, "revision is missing; it must be a commit of 40 hex digits"),
        ({"model": "a/b", "revision": "main"}, "String should match pattern"),
        ({}, "one of model \\(with revision\\), folder, package and gguf must be given"),
        ({"folder": "x", "revision": "0" * 40}, "revision belongs to a model of the hub, not to a folder or file"),
        ({"folder": "x", "gguf": "x.gguf"}, "one of model \\(with revision\\), folder, package and gguf must be given"),
        ({"gguf": "x.bin"}, "String should match pattern"),
        ({"package": PACKAGE | {"sha256": "0" * 40}}, "package.sha256\n  String should match pattern"),
        ({"package": PACKAGE | {"name": "--index-url"}}, "package.name\n  String should match pattern"),
        ({"package": PACKAGE | {"version": ">=1.0"}}, "package.version\n  String should match pattern"),
        ({"package": PACKAGE | {"path": "/model.gguf"}}, "package.path\n  String should match pattern"),
    ):
        with pytest.raises(ValueError, match=words):
            config_checkpoint.Checkpoint.model_validate(source | {"pretraining_tokens": 1e12, "step": "\n\n"})


def test_a_model_that_cannot_be_fetched_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def unreachable(*_: Any, **__: Any) -> str:
        raise LocalEntryNotFoundError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(StudyError, match="is not in the cache of this machine and could not be fetched"):
        pointer.make(tmp_path / "base", where(model="a/b", revision="0" * 40), step="\n\n")


def test_an_engine_that_cannot_serve_a_model_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    qwen, base = checkpoint(tmp_path / "qwen"), tmp_path / "models/base"
    pointer.make(base, where(qwen), step="\n\n")
    with pytest.raises(FolderError, match=r"architectures = \['Qwen2ForCausalLM'\] is not supported"):
        open_policy(base, NATIVE)
    with pytest.raises(FolderError, match=r"lack lm_head.weight: this is a model of another kind"):
        open_policy(random_folder(tmp_path / "scorer", verifier=True), REFERENCE)
    with pytest.raises(StudyError, match=r"cannot be put on cuda:31"):
        open_policy(base, REFERENCE | {"device": "cuda:31"})
    with pytest.raises(StudyError, match=r"engine.models has no name for base; it has large"):
        open_policy(base, SERVER)
    nano = random_folder(tmp_path / "nano")
    with pytest.raises(FolderError, match=r"writes 't5' between two words as several tokens"):
        pointer.make(base, where(nano), step="t5")
    monkeypatch.setattr("tts_lib.engines.opening.NATIVE_LIMIT", 1000)
    with pytest.raises(StudyError, match="the native engine is for 1,000 at most: use the engine reference or vllm"):
        open_policy(nano, NATIVE)


def test_an_engine_that_is_not_there_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = random_folder(tmp_path / "base")
    for missing in ("vllm", "ray"):
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(StudyError, match=r"vLLM cannot be imported here"):
        open_policy(base, VLLM)
    for opened in (open_policy, open_verifier):
        with pytest.raises(StudyError, match=r"Workers need Ray .*install it with"):
            opened(base, VLLM | {"workers": 2})
    with pytest.raises(StudyError, match=r"http://127.0.0.1:9/v1"):
        open_policy(base, SERVER | {"models": {"base": "small"}})


def test_workers_share_one_accelerator_or_take_whole_ones() -> None:
    for share in (0, 0.5, 1, 8):
        assert config_engine.Vllm.model_validate(VLLM | {"gpus_per_worker": share}).gpus_per_worker == share
    with pytest.raises(ValueError, match=r"gpus_per_worker is 1.5, but above 1 must be a whole number"):
        config_engine.Vllm.model_validate(VLLM | {"gpus_per_worker": 1.5})


def test_too_little_memory_says_what_to_lower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    policy = open_policy(random_folder(tmp_path / "base"), REFERENCE)
    monkeypatch.setattr(policy, "_batch", full)
    with pytest.raises(StudyError, match=r"out of memory: lower engine.batch_size"):
        policy.sample(request(1), SAMPLING)


def test_the_reference_engine_serves_any_causal_model(tmp_path: Path) -> None:
    """Steps end at a blank line, in whatever token it comes; texts at each of several end tokens."""
    qwen = checkpoint(tmp_path / "qwen")
    (qwen / "generation_config.json").write_text(json.dumps({"eos_token_id": [7, 9]}))
    known = Vocabulary.of(qwen, "\n\n")
    assert known.end_tokens == (7, 9) and len(known.step_tokens) >= 1
    pointer.make(tmp_path / "models/qwen", where(qwen), step="\n\n")
    policy = open_policy(tmp_path / "models/qwen", REFERENCE | {"batch_size": 200})
    samples = policy.sample(request(200), Sampling(2.0, 1.0, 100, "step"))[0]
    last = samples.tokens[samples.offsets[1:] - 1]
    assert set(last[samples.finish == FINISH_STEP]) <= set(known.step_tokens)
    assert {7, 9} & set(last) and (samples.finish == FINISH_STEP).any()


def test_a_declared_prm_reads_a_trained_one_as_the_native_engine_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same weights through a declaration: equal scores of steps that end in a newline."""
    world = World.build(6, 12, 1.0, 0)
    words = tokenizer.build(world.vocabulary)
    codec = TokenCodec(words)
    config = ModelConfig(words.get_vocab_size(), 2, 32, 2, 72, 128, 10_000.0, 1e-5, words.token_to_id(END), True)
    rng = np.random.default_rng(0)
    state = {name: rng.normal(0, 0.3, shape) for name, shape in config.tensor_shapes().items()}
    write(tmp_path / "trained", config, state, words, "# A random verifier\n")
    prm = config_checkpoint.Prm(
        folder=str(tmp_path / "trained"),
        template=LINES,
        score={"kind": "reward_head"},
        aggregation="last",
        max_length=128,
        device="cpu",
        batch_size=3,
    ).model_dump(mode="json")
    pointer.make(tmp_path / "models/prm", prm, prm=prm)

    questions = [draw_question(world, "inverse", 2, Random(i)) for i in range(6)]
    problems = [question.problem for question in questions]
    solutions = [attempt(world, question, PERFECT, Random(0)) for question in questions]
    closed = [text[: text.rindex("\n") + 1] for text in solutions]
    asked = Asked(codec, problems, problems, "\n")
    requests = [
        ScoreRequest(a, [b]) for a, b in zip(codec.encode(problems), codec.encode(closed), strict=True) if len(b)
    ]
    declared = open_verifier(tmp_path / "models/prm", NATIVE, asked).score(requests)
    for engine in (NATIVE, REFERENCE):
        for one, other in zip(declared, open_verifier(tmp_path / "trained", engine).score(requests), strict=True):
            np.testing.assert_allclose(one[0], other[0], atol=1e-5)

    kept = []
    for _ in range(2):  # the scores of the native engine are not worth keeping, those of the others are
        with Store.open(tmp_path / "store", write=True) as store:
            assert not isinstance(open_verifier(tmp_path / "trained", NATIVE, store=store), CachedVerifier)
            for folder, engine in ((tmp_path / "models/prm", NATIVE), (tmp_path / "trained", REFERENCE)):
                verifier = open_verifier(folder, engine, asked, store=store)
                assert isinstance(verifier, CachedVerifier)
                for one, other in zip(declared, verifier.score(requests), strict=True):
                    np.testing.assert_allclose(one[0], other[0], atol=1e-5)
                kept.append(verifier.n_reused)
    assert kept == [0, 0, len(requests), len(requests)]
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(StudyError, match=r"Workers need Ray .*install it with"):
        open_verifier(tmp_path / "models/prm", VLLM | {"workers": 2}, asked)
    with pytest.raises(StudyError, match="needs the questions and the policy's tokenizer"):
        open_verifier(tmp_path / "models/prm", NATIVE)
    with pytest.raises(StudyError, match="is a verifier, which samples nothing"):
        open_policy(tmp_path / "models/prm", REFERENCE)
