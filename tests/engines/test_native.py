"""What only the native engine promises: bit-identical results, whatever is computed beside them."""

import dataclasses
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from numba import njit
from safetensors.torch import load_file, save_file

from helpers.model_folders import END, STEP, VOCAB, random_folder
from tts_lib.answers.protocols import SampleRequest, Sampling, ScoreRequest
from tts_lib.engines.ending import ended
from tts_lib.engines.native import compiling, engine, forward, stopping, workers
from tts_lib.engines.native.attention import BLOCK, GROUP, PAGE, Heads, Past, attend, attend_block
from tts_lib.engines.native.engine import NativePolicy, NativeVerifier
from tts_lib.engines.native.simd import F32, Matrix, address, kernel
from tts_lib.models import folder as model_folder
from tts_lib.models.folder import FolderError, weights_hash
from tts_lib.models.tokenizer import TokenCodec

SAMPLING = Sampling(temperature=0.9, top_p=0.95, max_tokens=30, until="end", logprobs=True)


GROUPED = {"width": 96, "n_heads": 6, "n_groups": 3, "is_tied": True}  # three queries share keys and values
SHAPES = {"width32": {"width": 32, "n_heads": 2}, "width48": {"width": 48, "n_heads": 3}, "grouped": GROUPED}


@pytest.fixture(scope="module", params=SHAPES)
def shape(request):
    return SHAPES[request.param]


@pytest.fixture(scope="module")
def policy_folder(shape, tmp_path_factory):
    return random_folder(tmp_path_factory.mktemp("native") / "policy", **shape)


@pytest.fixture(scope="module")
def verifier_folder(shape, tmp_path_factory):
    return random_folder(tmp_path_factory.mktemp("native") / "verifier", verifier=True, **shape)


def sample_requests(n_samples: int = 9) -> list[SampleRequest]:
    """Prefixes of 1 to 40 tokens: a family that begins alike, equal ones, and strangers."""
    rng = np.random.default_rng(5)
    stem = rng.integers(2, VOCAB, 40).astype(np.int32)
    prefixes = [stem[:n] for n in (1, 7, 8, 9, 16, 17, 31, 40, 17)]
    prefixes += [np.append(stem[:n], np.int32(3)) for n in (8, 16, 20)]
    prefixes += [rng.integers(2, VOCAB, n).astype(np.int32) for n in (3, 24)]
    return [SampleRequest(prefix, rng.integers(0, 2**63, n_samples).astype(np.uint64)) for prefix in prefixes]


def score_requests() -> list[ScoreRequest]:
    rng = np.random.default_rng(6)
    return [
        ScoreRequest(
            request.prefix, [rng.integers(0, 9, n).astype(np.int32) for n in rng.integers(1, 50, rng.integers(1, 12))]
        )
        for request in sample_requests()
    ]


def sampled_bits(samples) -> list[bytes]:
    """Everything each sample of one request consists of."""
    log_p = [samples.logprobs[a:b] for a, b in zip(samples.offsets[:-1], samples.offsets[1:], strict=True)]
    return [samples[i].tobytes() + samples.finish[i].tobytes() + log_p[i].tobytes() for i in range(len(samples))]


def scored_bits(scores) -> list[list[bytes]]:
    return [[each.tobytes() for each in of_request] for of_request in scores]


@kernel
def listed(v, first, matrix, last, out):
    """The numbers that a kernel is given, as it sees them."""
    for i, number in enumerate((first, matrix.start, matrix.width, last)):
        v.builder.store(v.builder.sitofp(number, F32), v.at(v.pointer(out), i))


def test_a_kernel_gets_named_tuples_as_they_were_given():
    @njit
    def call(found):
        listed(1, Matrix(width=3, start=2), 4, address(found, 0))

    found = np.zeros(4, np.float32)
    call(found)
    assert found.tolist() == [1, 2, 3, 4]


@njit
def attended(query, pages, kv, n_positions, heads, scores, found):
    """Attention of BLOCK rows of one sequence, one by one into found[0] and as a block into found[1]."""
    room, width = address(scores, 0), found.shape[2]
    for row in range(BLOCK):
        past = Past(address(pages, 0), address(kv, 0), n_positions + row)
        attend(address(query, row * query.shape[1]), past, heads, room, address(found, row * width))
    past = Past(address(pages, 0), address(kv, 0), n_positions)
    rows, out = Matrix(address(query, 0), query.shape[1]), Matrix(address(found, BLOCK * width), width)
    attend_block(rows, past, heads, room, out)


@pytest.mark.parametrize("heads", [Heads(2, 16, 2), Heads(1, 8, 1), Heads(3, 24, 3)])
def test_a_block_of_rows_attends_as_each_row_alone(heads):
    rng = np.random.default_rng(7)
    n_channels = heads.n_heads * heads.groups * GROUP
    pages = rng.permutation(12).astype(np.int32)
    kv = rng.normal(size=(12, PAGE * (2 * heads.n_heads * heads.half + n_channels))).astype(np.float32)
    query = rng.normal(size=(BLOCK, 4 * heads.n_heads * heads.half)).astype(np.float32)
    for n_positions in range(1, 80):
        found = np.zeros((2, BLOCK, n_channels), np.float32)
        scores = np.full(BLOCK * (n_positions + 3 * PAGE), np.nan, np.float32)
        attended(query, pages, kv, n_positions, heads, scores, found)
        assert np.isfinite(found).all()
        assert found[0].tobytes() == found[1].tobytes()


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("rows_per_step", [6, 17, 48, 100])
def test_bits_do_not_depend_on_batch_and_threads(policy_folder, verifier_folder, monkeypatch, n_threads, rows_per_step):
    samples = [sampled_bits(each) for each in NativePolicy(policy_folder, 1).sample(sample_requests(), SAMPLING)]
    scores = scored_bits(NativeVerifier(verifier_folder, 1).score(score_requests()))
    monkeypatch.setattr(engine, "ROWS_PER_STEP", rows_per_step)
    again = NativePolicy(policy_folder, n_threads).sample(sample_requests(), SAMPLING)
    assert [sampled_bits(each) for each in again] == samples
    assert scored_bits(NativeVerifier(verifier_folder, n_threads).score(score_requests())) == scores


def test_bits_do_not_depend_on_order_and_splitting(policy_folder, verifier_folder):
    policy, verifier = NativePolicy(policy_folder, 2), NativeVerifier(verifier_folder, 2)
    samples = [sampled_bits(each) for each in policy.sample(sample_requests(), SAMPLING)]
    assert [sampled_bits(each) for each in policy.sample(sample_requests()[::-1], SAMPLING)[::-1]] == samples
    for request, expected in zip(sample_requests(), samples, strict=True):
        alone = [SampleRequest(request.prefix, request.seeds[i : i + 1]) for i in range(len(request.seeds))]
        assert [sampled_bits(each)[0] for each in policy.sample(alone, SAMPLING)] == expected
    scores = scored_bits(verifier.score(score_requests()))
    assert scored_bits(verifier.score(score_requests()[::-1])[::-1]) == scores
    for request, expected in zip(score_requests(), scores, strict=True):
        alone = [ScoreRequest(request.prefix, [text]) for text in request.continuations]
        assert [each[0] for each in scored_bits(verifier.score(alone))] == expected


def test_many_units_of_one_request(policy_folder, monkeypatch):
    request = SampleRequest(sample_requests()[3].prefix, np.arange(300, dtype=np.uint64))
    (whole,) = NativePolicy(policy_folder, 1).sample([request], SAMPLING)
    monkeypatch.setattr(engine, "UNIT_SIZE", 20)
    (cut,) = NativePolicy(policy_folder, 2).sample([request], SAMPLING)
    assert sampled_bits(cut) == sampled_bits(whole)


@pytest.mark.parametrize("temperature", [0.0, 0.3, 1.5])
def test_samples_that_part_are_those_drawn_alone(policy_folder, monkeypatch, temperature):
    """With more branches than a step has rows, and no more samples under way than one unit has."""
    monkeypatch.setattr(engine, "ROWS_PER_STEP", 6)
    monkeypatch.setattr(engine, "UNIT_SIZE", 60)
    monkeypatch.setattr(engine, "UNDER_WAY", 60)
    policy, sampling = NativePolicy(policy_folder, 2), dataclasses.replace(SAMPLING, temperature=temperature)
    requests = sample_requests(100)[3:8]
    together = [each for samples in policy.sample(requests, sampling) for each in sampled_bits(samples)]
    alone = [SampleRequest(r.prefix, r.seeds[i : i + 1]) for r in requests for i in range(len(r.seeds))]
    assert [sampled_bits(each)[0] for each in policy.sample(alone, sampling)] == together
    assert (len(set(together)) < 10) == (temperature == 0)


def test_a_continued_sample_goes_on_as_if_never_cut(policy_folder):
    """What follows a prefix does not depend on whether the prefix was sampled or given (greedy)."""
    policy, greedy = NativePolicy(policy_folder, 1), Sampling(0.0, 1.0, 12, "end", True)
    (whole,) = policy.sample([SampleRequest(sample_requests()[1].prefix, np.zeros(1, np.uint64))], greedy)
    prefix = np.concatenate([sample_requests()[1].prefix, whole.tokens[:5]])
    (rest,) = policy.sample([SampleRequest(prefix, np.zeros(1, np.uint64))], greedy)
    np.testing.assert_array_equal(rest.tokens[: len(whole.tokens) - 5], whole.tokens[5:])
    np.testing.assert_array_equal(rest.logprobs[: len(whole.tokens) - 5], whole.logprobs[5:])


def test_sharing_a_prefix_does_not_change_scores(verifier_folder):
    """The same text gives the same bits, however it is divided into prefix and continuation."""
    verifier = NativeVerifier(verifier_folder, 1)
    text = np.tile(np.array([5, 9, 7, 11, STEP], np.int32), 10)
    whole = verifier.score([ScoreRequest(text[:5], [text[5:]])])[0][0]
    for n_steps in range(2, 10):
        (rest,) = verifier.score([ScoreRequest(text[: 5 * n_steps], [text[5 * n_steps :]])])[0]
        np.testing.assert_array_equal(rest, whole[n_steps - 1 :])


def test_compilation_is_announced_once_and_what_is_kept_is_loaded_in_silence(tmp_path):
    script = "import numpy as np; from tts_lib.engines.native.compiling import copy; "
    script += "[copy(np.zeros(3, kind), np.zeros(3, kind)) for kind in ('f4', 'f8')]"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    said = [
        subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert [run.stdout + run.stderr for run in said] == [
        "Compiling the engine for this processor, once: half a minute or so.\n",
        "",
    ]


def test_progress_goes_to_stderr(policy_folder, capsys):
    NativePolicy(policy_folder, 1, progress=True).sample(sample_requests(2), SAMPLING)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"{2 * len(sample_requests())}/{2 * len(sample_requests())}" in printed.err


def test_an_interrupt_stops_the_workers(policy_folder, monkeypatch):
    policy = NativePolicy(policy_folder, 2)
    policy.sample(sample_requests(1), SAMPLING)

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        policy.sample(sample_requests(2000), SAMPLING)


def test_version_names_engine_and_weights(policy_folder, verifier_folder):
    assert NativePolicy(policy_folder).version == f"native-1:{weights_hash(policy_folder)}"
    assert NativeVerifier(verifier_folder).version != NativePolicy(policy_folder).version


def test_refuses_no_threads(policy_folder):
    with pytest.raises(ValueError, match="n_threads is 0; allowed is 1 or more"):
        NativePolicy(policy_folder, n_threads=0)


def test_compiled_code_is_renewed_with_any_source(tmp_path):
    for function in (workers.sample_worker, workers.score_worker, forward.forward):
        assert function._cache._cache_file._source_stamp == compiling.sources_hash()
    (tmp_path / "native").mkdir()
    hashes = set()
    for changed in (tmp_path / "randomness.py", tmp_path / "native" / "compiling.py", tmp_path / "native" / "new.py"):
        compiling.sources_hash.cache_clear()
        (tmp_path / "randomness.py").touch()
        changed.write_text("changed")
        hashes.add(compiling.sources_hash(tmp_path / "native"))
    assert len(hashes) == 3


def test_a_text_ends_samples_in_whatever_tokens_it_comes():
    texts = ["a", "b", "ab", "aab", "b\n", "xa", "abc", ""]
    matched = stopping.moves("aab", texts)
    assert matched.tolist() == [[1, 0, 0, 3, 0, 1, 0, 0], [2, 0, 3, 3, 0, 1, 3, 1], [2, 3, 3, 3, 3, 1, 3, 2]]
    state = 0
    for token in (0, 0, 0, 1):  # a a a b
        state = matched[state, token]
    assert state == len(matched)
    assert stopping.moves(None, texts).tolist() == [[0] * 8]


def test_a_policy_stops_where_its_solutions_end(policy_folder):
    asked, sampling = sample_requests(40), dataclasses.replace(SAMPLING, temperature=1.5, top_p=1.0)
    whole = NativePolicy(policy_folder).sample(asked, sampling)
    codec, end = TokenCodec.from_folder(policy_folder), "t7"
    stopped = NativePolicy(policy_folder, end=end).sample(asked, sampling)
    cut = ended(NativePolicy(policy_folder), codec, end, END).sample(asked, sampling)
    again = ended(NativePolicy(policy_folder, end=end), codec, end, END).sample(asked, sampling)
    assert [sampled_bits(each) for each in again] == [sampled_bits(each) for each in cut]
    assert sum(len(each.tokens) for each in stopped) < sum(len(each.tokens) for each in whole)
    assert all(each.finish.tolist() == other.finish.tolist() for each, other in zip(stopped, cut, strict=True))


def test_large_models_have_fewer_samples_under_way_and_the_same_bits(policy_folder, monkeypatch):
    asked = [SampleRequest(request.prefix, np.arange(200, dtype=np.uint64)) for request in sample_requests()[:3]]
    expected = [sampled_bits(each) for each in NativePolicy(policy_folder).sample(asked, SAMPLING)]
    monkeypatch.setattr(engine, "KV_BYTES", 1)
    assert [sampled_bits(each) for each in NativePolicy(policy_folder).sample(asked, SAMPLING)] == expected


def test_a_folder_in_bfloat16_is_read_to_the_bit(policy_folder, tmp_path):
    shutil.copytree(policy_folder, tmp_path / "half")
    halves = {
        name: values.to(torch.bfloat16) for name, values in load_file(policy_folder / "model.safetensors").items()
    }
    save_file(halves, tmp_path / "half/model.safetensors")
    _, found = model_folder.read(tmp_path / "half")
    for name, values in halves.items():
        np.testing.assert_array_equal(found[name], values.float().numpy())
    save_file({name: values.to(torch.int8) for name, values in halves.items()}, tmp_path / "half/model.safetensors")
    with pytest.raises(FolderError, match="is stored as I8; allowed are F32, F16 and BF16"):
        model_folder.read(tmp_path / "half")


def test_a_step_of_several_tokens_is_named_in_the_version(policy_folder):
    assert NativePolicy(policy_folder).version.count(":") == 1
    other = NativePolicy(policy_folder, step="t10")  # and t100, t101, ...
    assert other.version.endswith(f":step={','.join(map(str, other.vocabulary.step_tokens))}")
