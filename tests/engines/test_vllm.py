"""vLLM behind the protocols: the contract, and what is its own: caching, stop texts, adapters, errors, its end."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from safetensors.numpy import load_file, save_file

from helpers.engine_contract import (
    PolicyContract,
    VerifierContract,
    logits_of,
    sample_requests,
    sampling,
    score_requests,
    share_of_equal,
)
from helpers.model_folders import END, STEP, VOCAB, random_folder, tiny_tokenizer
from helpers.pipeline import ROOT
from tts_lib.answers.protocols import FINISH_END, FINISH_STEP, SampleRequest
from tts_lib.common.errors import StudyError
from tts_lib.engines.native.engine import NativePolicy, NativeVerifier
from tts_lib.engines.vllm.policy import VllmPolicy
from tts_lib.engines.vllm.settings import VllmSettings
from tts_lib.engines.vllm.verifier import VllmVerifier
from tts_lib.models.adapter import BASE
from tts_lib.models.checkpoint import checkpoint_hash
from tts_lib.models.folder import FolderError

pytestmark = pytest.mark.vllm

SHAPE = {"width": 64, "n_heads": 2}  # heads of 32, the least that its CPU kernels take
MEMORY = VllmSettings(gpu_memory=0.01)  # of the machine's


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("vllm")
    return {
        "policy": random_folder(root / "policy", **SHAPE),
        "verifier": random_folder(root / "verifier", verifier=True, **SHAPE),
    }


@pytest.fixture(scope="module")
def ending(folders):
    with VllmPolicy(folders["policy"], end="t99", settings=MEMORY) as policy:
        yield policy


class TestVllm(PolicyContract, VerifierContract):
    same_share = 0.99

    @pytest.fixture(scope="class")
    @classmethod
    def policy(cls, folders):
        with VllmPolicy(folders["policy"], settings=MEMORY) as policy:
            yield policy

    @pytest.fixture(scope="class")
    @classmethod
    def verifier(cls, folders):
        with VllmVerifier(folders["verifier"], settings=MEMORY) as verifier:
            yield verifier

    def test_greedy_tokens_are_those_of_the_native_engine(self, policy, folders):
        requests = sample_requests(n_requests=60, n_samples=1)
        settings = sampling(temperature=0, max_tokens=50)
        native = NativePolicy(folders["policy"], n_threads=1).sample(requests, settings)
        assert share_of_equal(policy.sample(requests, settings), native) >= self.same_share

    def test_scores_are_those_of_the_native_engine(self, verifier, folders):
        native = NativeVerifier(folders["verifier"], n_threads=1).score(score_requests())
        for ours, theirs in zip(verifier.score(score_requests()), native, strict=True):
            for one, other in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(one, other, atol=1e-5)

    def test_more_samples_than_sequences_at_once(self, policy):
        requests = sample_requests(n_requests=4, n_samples=150)
        assert [len(samples) for samples in policy.sample(requests, sampling(max_tokens=3))] == [150] * 4

    def test_refuses_a_temperature_that_it_would_raise(self, policy):
        with pytest.raises(ValueError, match=r"temperature is 0\.001; allowed is 0 \(greedy\), or 0\.01"):
            policy.sample(sample_requests(), sampling(temperature=0.001))

    def test_versions_tell_engine_platform_model_and_format(self, policy, verifier):
        assert policy.version.startswith("vllm-0.32.0-cpu:")
        assert policy.version.endswith(":float32:96")
        assert policy.version != verifier.version


def test_a_closed_engine_says_so_and_leaves_the_other_running(folders):
    first, second = (VllmPolicy(folders["policy"], settings=MEMORY) for _ in range(2))
    requests = sample_requests(n_requests=2)
    expected = first.sample(requests, sampling())
    first.close()
    first.close()
    with pytest.raises(StudyError, match="is closed; make a new one"):
        first.sample(requests, sampling())
    assert share_of_equal(second.sample(requests, sampling()), expected) >= TestVllm.same_share
    second.close()


def test_a_prefix_found_in_the_cache_gives_the_same_samples(tmp_path):
    """Blocks of the cache hold 32 tokens: prefixes of 400 share twelve of them."""
    folder = random_folder(tmp_path / "policy", window=512, **SHAPE)
    rng = np.random.default_rng(1)
    stem = rng.integers(2, VOCAB, 400).astype(np.int32)
    seeds = np.arange(20, dtype=np.uint64)
    requests = [SampleRequest(np.append(stem, np.int32(last)), seeds) for last in range(2, 10)]
    with VllmPolicy(folder, settings=MEMORY) as policy:
        cold = policy.sample(requests, sampling())
        warm = policy.sample(requests, sampling())
        alone = [policy.sample([request], sampling())[0] for request in requests]
    assert share_of_equal(cold, warm) >= TestVllm.same_share
    assert share_of_equal(cold, alone) >= TestVllm.same_share


def test_steps_end_at_a_text_where_one_is_given(folders):
    """The newline may as well be told as text; what was sampled stays as it was sampled."""
    requests = sample_requests(n_samples=20)
    with VllmPolicy(folders["policy"], settings=MEMORY) as by_token:
        expected = by_token.sample(requests, sampling(until="step"))
    with VllmPolicy(folders["policy"], stop="\n", settings=MEMORY) as by_text:
        assert by_text.version == by_token.version + ":stop='\\n'"
        got = by_text.sample(requests, sampling(until="step"))
    assert share_of_equal(got, expected) >= TestVllm.same_share
    closed = [samples[i][-1] for samples in got for i in range(len(samples)) if samples.finish[i] == FINISH_STEP]
    assert set(closed) == {STEP}


@pytest.mark.parametrize("until", ["step", "end"])
def test_samples_end_at_a_text_where_one_is_given(ending, until):
    texts = tiny_tokenizer()
    n_ended = 0
    for samples in ending.sample(sample_requests(n_samples=60), sampling(until=until)):
        for i in range(len(samples)):
            text = texts.decode(samples[i].tolist())
            n_ended += "t99" in text
            assert "t99" not in text or (text.endswith("t99") and samples.finish[i] == FINISH_END)
            assert samples.finish[i] != FINISH_END or "t99" in text or samples[i][-1] == END
    assert n_ended > 0


def test_an_unknown_end_of_a_step_is_told(folders, tmp_path):
    folder = copied(folders["policy"], tmp_path / "policy")
    renamed = (folder / "tokenizer.json").read_text().replace('"\\n":', '"newline":')
    (folder / "tokenizer.json").write_text(renamed)
    with VllmPolicy(folder, settings=MEMORY) as policy:
        assert len(policy.sample(sample_requests(), sampling())) == 6
        with pytest.raises(StudyError, match=r"no token for the newline.*give the text that closes a step"):
            policy.sample(sample_requests(), sampling(until="step"))


def copied(folder: Path, to: Path) -> Path:
    to.mkdir()
    for file in folder.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    return to


def adapter_folder(folder: Path, base: Path, rank: int = 4) -> tuple[Path, Path]:
    """LoRA weights as PEFT writes them, and a model folder into which they are merged."""
    rng, scale = np.random.default_rng(2), 2.0
    merged = copied(base, folder / "merged")
    weights, lora = load_file(base / "model.safetensors"), {}
    for name in [name for name in weights if "q_proj" in name or "down_proj" in name]:
        n_out, n_in = weights[name].shape
        a, b = rng.normal(0, 0.3, (rank, n_in)), rng.normal(0, 0.3, (n_out, rank))
        module = "base_model.model." + name.removesuffix(".weight")
        lora |= {f"{module}.lora_A.weight": a.astype(np.float32), f"{module}.lora_B.weight": b.astype(np.float32)}
        weights[name] = (weights[name] + scale * b @ a).astype(np.float32)
    save_file(weights, merged / "model.safetensors", metadata={"format": "pt"})
    adapter = folder / "adapter"
    adapter.mkdir()
    save_file(lora, adapter / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": scale * rank}
    config |= {"target_modules": ["q_proj", "down_proj"], "bias": "none"}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    return adapter, merged


def test_an_adapter_is_added_to_the_weights(folders, tmp_path):
    adapter, merged = adapter_folder(tmp_path, folders["policy"])
    request = sample_requests()[3]
    with VllmPolicy(folders["policy"], adapter=adapter, settings=MEMORY) as policy:
        assert ":adapter=" in policy.version
        (samples,) = policy.sample([request], sampling(logprobs=True))
    for i in range(len(samples)):
        tokens = np.concatenate([request.prefix, samples[i]])
        log_p = torch.log_softmax(logits_of(merged, tokens), -1).numpy()
        expected = log_p[np.arange(len(request.prefix) - 1, len(tokens) - 1), samples[i]]
        np.testing.assert_allclose(samples.logprobs[samples.offsets[i] : samples.offsets[i + 1]], expected, atol=1e-3)


def test_an_adapter_of_another_model_is_refused(folders, tmp_path):
    adapter, merged = adapter_folder(tmp_path, folders["policy"])
    tensors = load_file(adapter / "adapter_model.safetensors")
    save_file(tensors, adapter / "adapter_model.safetensors", metadata={BASE: checkpoint_hash(folders["policy"])})
    with pytest.raises(FolderError, match="was trained on another base than"):
        VllmPolicy(merged, adapter=adapter, settings=MEMORY)
    wider = random_folder(tmp_path / "wider", width=96, n_heads=3)
    save_file(tensors, adapter / "adapter_model.safetensors")
    with pytest.raises(FolderError, match="does not fit"):
        VllmPolicy(wider, adapter=adapter, settings=MEMORY)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_model_len": 4000}, r"max_model_len \(4000\).*; lower max_model_len"),
        ({"gpu_memory": 1e-9}, "give it more memory"),
        ({"gpu_memory": 1.0}, "give it more memory"),
        ({"tensor_parallel": 3}, "choose a tensor_parallel that divides"),
    ],
)
def test_says_why_it_does_not_start(folders, changes, message):
    with pytest.raises(StudyError, match=message) as caught:
        VllmPolicy(folders["policy"], settings=dataclasses.replace(MEMORY, **changes))
    assert "\n" not in str(caught.value)


def test_names_a_head_size_that_it_does_not_serve(tmp_path):
    folder = random_folder(tmp_path / "policy", width=32, n_heads=2)
    with pytest.raises(StudyError, match="do not take this model's head size; use the reference engine"):
        VllmPolicy(folder, settings=MEMORY).sample(sample_requests(), sampling())


def test_refuses_a_policy_for_a_verifier(folders):
    with pytest.raises(FolderError, match="holds a policy, not a verifier"):
        VllmVerifier(folders["policy"])


@pytest.mark.slow
@pytest.mark.parametrize("tensor_parallel", [1, 2])
def test_nothing_outlives_a_killed_process(folders, tensor_parallel):
    script = f"""
from pathlib import Path
from tts_lib.engines.vllm.policy import VllmPolicy
from tts_lib.engines.vllm.settings import VllmSettings
if __name__ == "__main__":
    settings = {dataclasses.replace(MEMORY, tensor_parallel=tensor_parallel)!r}
    policy = VllmPolicy(Path({str(folders["policy"])!r}), settings=settings)
    print("ready", flush=True)
    input()
"""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < tensor_parallel:
        pytest.skip("each worker needs a core of its own")
    bound = {"VLLM_CPU_OMP_THREADS_BIND": "|".join(map(str, cpus[:2]))} if tensor_parallel > 1 else {}
    environment = os.environ | bound | {"PYTHONPATH": str(ROOT)}
    program = folders["policy"].parent / f"open_{tensor_parallel}.py"
    program.write_text(script)
    with subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        try:
            assert any(line == "ready\n" for line in process.stdout)
            below = psutil.Process(process.pid).children(recursive=True)
            assert (len(below) >= 2) == (tensor_parallel > 1)
        finally:
            process.send_signal(signal.SIGKILL)
    left = psutil.wait_procs(below, timeout=60)[1]
    assert not [each for each in left if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
