"""The contract of `tts_lib.protocols`, held by every engine."""

import functools

import numpy as np
import pytest
import torch
from scipy import stats
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification

from model_folders import END, STEP, VOCAB, WINDOW, random_folder
from tts_lib.engines.native import NativePolicy, NativeVerifier
from tts_lib.engines.reference import ReferencePolicy, ReferenceVerifier
from tts_lib.models.folder import FolderError
from tts_lib.protocols import FINISH_END, FINISH_LENGTH, FINISH_STEP, SampleRequest, Sampling, ScoreRequest

SHAPES = {"even": {}, "odd": {"width": 44, "n_heads": 2, "width_mlp": 100}}  # odd: heads of 22, nothing fits a vector


@pytest.fixture(scope="module", params=SHAPES, autouse=True)
def folders(request, tmp_path_factory):
    root = tmp_path_factory.mktemp(request.param)
    torch.set_num_threads(1)  # models this small only wait for one another
    return {
        "policy": random_folder(root / "policy", **SHAPES[request.param]),
        "verifier": random_folder(root / "verifier", verifier=True, **SHAPES[request.param]),
    }


@pytest.fixture(scope="module", params=["native", "reference"])
def policy(request, folders):
    if request.param == "native":
        return NativePolicy(folders["policy"], n_threads=2)
    return ReferencePolicy(folders["policy"], batch_size=64)


@pytest.fixture(scope="module", params=["native", "reference"])
def verifier(request, folders):
    if request.param == "native":
        return NativeVerifier(folders["verifier"], n_threads=2)
    return ReferenceVerifier(folders["verifier"], batch_size=64)


def sampling(**changes) -> Sampling:
    return Sampling(**({"temperature": 0.8, "top_p": 1.0, "max_tokens": 24, "until": "end"} | changes))


def sample_requests(n_requests: int = 6, n_samples: int = 5, seed: int = 0) -> list[SampleRequest]:
    """Prefixes of 1 to 30 tokens, some beginning alike."""
    rng = np.random.default_rng(seed)
    stem = rng.integers(2, VOCAB, 30).astype(np.int32)
    lengths = [1, 8, 20, 30, *rng.integers(1, 30, max(0, n_requests - 4))][:n_requests]
    return [SampleRequest(stem[:length], rng.integers(0, 2**63, n_samples).astype(np.uint64)) for length in lengths]


def score_requests() -> list[ScoreRequest]:
    rng = np.random.default_rng(3)
    requests = []
    for length in (1, 7, 8, 13, 25):
        texts = [rng.integers(0, 12, n).astype(np.int32) for n in (1, 2, 9, 17, 40)]
        requests.append(ScoreRequest(rng.integers(2, VOCAB, length).astype(np.int32), texts))
    return requests


@functools.cache
def load(folder):
    loader = AutoModelForTokenClassification if folder.name == "verifier" else AutoModelForCausalLM
    return loader.from_pretrained(folder, attn_implementation="eager")


def logits_of(folder, tokens):
    """fp64 (T, outputs) of one sequence, by transformers without any cache or padding."""
    with torch.inference_mode():
        return load(folder)(torch.from_numpy(tokens.astype(np.int64))[None]).logits[0].double()


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.tokens, b.tokens)
        np.testing.assert_array_equal(a.offsets, b.offsets)
        np.testing.assert_array_equal(a.finish, b.finish)


def test_result_is_ragged_and_typed(policy):
    requests = sample_requests()
    for request, samples in zip(requests, policy.sample(requests, sampling(logprobs=True)), strict=True):
        assert len(samples) == len(request.seeds) == len(samples.offsets) - 1
        assert samples.offsets[0] == 0
        assert samples.offsets[-1] == len(samples.tokens) == len(samples.logprobs)
        assert (samples.tokens.dtype, samples.offsets.dtype) == (np.int32, np.int64)
        assert (samples.finish.dtype, samples.logprobs.dtype) == (np.uint8, np.float32)
    assert policy.sample(requests, sampling())[0].logprobs is None
    assert policy.sample([], sampling()) == []
    empty = policy.sample([SampleRequest(requests[0].prefix, np.zeros(0, np.uint64)), requests[1]], sampling())
    assert [len(samples) for samples in empty] == [0, len(requests[1].seeds)]


@pytest.mark.parametrize("until", ["step", "end"])
def test_samples_end_where_they_should(policy, until):
    requests = sample_requests(n_samples=40)
    seen = set()
    for samples in policy.sample(requests, sampling(until=until)):
        for i in range(len(samples)):
            tokens, finish = samples[i], samples.finish[i]
            seen.add(int(finish))
            closing = [END, STEP] if until == "step" else [END]
            assert not np.isin(tokens[:-1], closing).any()
            expected = {STEP: FINISH_STEP if until == "step" else FINISH_LENGTH, END: FINISH_END}
            assert finish == expected.get(int(tokens[-1]), FINISH_LENGTH)
            assert len(tokens) == 24 or finish != FINISH_LENGTH
    assert seen == ({FINISH_STEP, FINISH_END, FINISH_LENGTH} if until == "step" else {FINISH_END, FINISH_LENGTH})


def test_samples_end_at_the_window(policy):
    prefix = np.full(WINDOW - 3, 5, np.int32)
    (samples,) = policy.sample([SampleRequest(prefix, np.arange(30, dtype=np.uint64))], sampling(max_tokens=50))
    assert max(len(samples[i]) for i in range(30)) == 3
    assert (samples.finish[np.diff(samples.offsets) == 3] != FINISH_STEP).all()


def test_a_sample_depends_on_its_seed_only(policy):
    requests = sample_requests()
    whole = policy.sample(requests, sampling())
    backwards = policy.sample(requests[::-1], sampling())[::-1]
    assert_same(whole, backwards)
    for request, samples in zip(requests, whole, strict=True):
        split = policy.sample(
            [SampleRequest(request.prefix, request.seeds[:2]), SampleRequest(request.prefix, request.seeds[2:])],
            sampling(),
        )
        np.testing.assert_array_equal(samples.tokens, np.concatenate([part.tokens for part in split]))
    assert len({tuple(samples[i]) for samples in whole for i in range(len(samples))}) > 20


def test_greedy_is_the_argmax(policy, folders):
    (samples,) = policy.sample([sample_requests()[2]], sampling(temperature=0, max_tokens=10))
    tokens = np.concatenate([sample_requests()[2].prefix, samples[0]])
    logits = logits_of(folders["policy"], tokens)
    np.testing.assert_array_equal(samples[0], logits.argmax(-1).numpy()[-len(samples[0]) - 1 : -1])
    assert all((samples[i] == samples[0]).all() for i in range(len(samples)))


def test_logprobs_are_those_of_the_untempered_model(policy, folders):
    request = sample_requests()[3]
    (samples,) = policy.sample([request], sampling(temperature=0.5, top_p=0.7, logprobs=True))
    for i in range(len(samples)):
        tokens = np.concatenate([request.prefix, samples[i]])
        log_p = torch.log_softmax(logits_of(folders["policy"], tokens), -1).numpy()
        expected = log_p[np.arange(len(request.prefix) - 1, len(tokens) - 1), samples[i]]
        got = samples.logprobs[samples.offsets[i] : samples.offsets[i + 1]]
        np.testing.assert_allclose(got, expected, atol=1e-4)


@pytest.mark.parametrize(("temperature", "top_p"), [(0.7, 1.0), (1.0, 0.6)])
def test_samples_follow_the_distribution(policy, folders, temperature, top_p):
    """Chi-square of the first token: over choices of the seeds, a right sampler fails with probability 1e-6."""
    prefix = sample_requests()[1].prefix
    n = 3000
    request = SampleRequest(prefix, np.random.default_rng(7).integers(0, 2**63, n).astype(np.uint64))
    (samples,) = policy.sample([request], sampling(temperature=temperature, top_p=top_p, max_tokens=1))
    p = torch.softmax(logits_of(folders["policy"], prefix)[-1] / temperature, -1).numpy()
    order = np.argsort(-p)
    kept = order[: 1 + np.searchsorted(np.cumsum(p[order]), top_p)] if top_p < 1 else order
    assert np.isin(samples.tokens, kept).all()
    p, counts = p[kept] / p[kept].sum(), np.bincount(samples.tokens, minlength=VOCAB)[kept]
    rare = n * p < 5
    if rare.any():
        p, counts = np.append(p[~rare], p[rare].sum()), np.append(counts[~rare], counts[rare].sum())
    assert stats.chisquare(counts, n * p).pvalue > 1e-6


def test_scores_equal_one_pass_per_step(verifier, folders):
    """Each step's score is the score of the text cut off at that step, read alone."""
    requests = score_requests()
    for request, scores in zip(requests[::2], verifier.score(requests)[::2], strict=True):
        for text, got in zip(request.continuations, scores, strict=True):
            closes = [i for i, token in enumerate(text) if token in (STEP, END) or i == len(text) - 1]
            cut = [np.concatenate([request.prefix, text[: i + 1]]) for i in closes]
            slow = [logits_of(folders["verifier"], tokens)[-1, 0] for tokens in cut]
            assert got.dtype == np.float32
            np.testing.assert_allclose(got, 1 / (1 + np.exp(-np.array(slow))), atol=1e-5)
    assert verifier.score([]) == []
    assert verifier.score([ScoreRequest(requests[0].prefix, [])]) == [[]]


def test_engines_agree(folders):
    """Same seeds, same samples: rounding could part them only where a random number meets the CDF within 1e-6."""
    requests = sample_requests(n_samples=20)
    for settings in (sampling(), sampling(top_p=0.8, until="step"), sampling(temperature=0)):
        native = NativePolicy(folders["policy"], n_threads=1).sample(requests, settings)
        assert_same(native, ReferencePolicy(folders["policy"]).sample(requests, settings))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": -0.1}, "temperature is -0.1"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"max_tokens": 0}, "max_tokens is 0"),
    ],
)
def test_refuses_settings(policy, change, message):
    with pytest.raises(ValueError, match=message):
        policy.sample(sample_requests(), sampling(**change))


def test_refuses_an_unknown_end(policy):
    settings = sampling()
    object.__setattr__(settings, "until", "line")  # the type check of the tests would stop it earlier
    with pytest.raises(ValueError, match="until is 'line'; allowed is 'step' or 'end'"):
        policy.sample(sample_requests(), settings)


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        (np.zeros(0, np.int32), "is empty"),
        (np.array([3, VOCAB], np.int32), f"token {VOCAB}; the vocabulary is 0 to {VOCAB - 1}"),
        (np.array([-1], np.int32), "token -1"),
        (np.zeros(WINDOW, np.int32), f"has {WINDOW} tokens; the model's window"),
        (np.zeros(3), "must be integer"),
    ],
)
def test_refuses_prefixes(policy, verifier, prefix, message):
    with pytest.raises(ValueError, match=message):
        policy.sample([SampleRequest(prefix, np.zeros(1, np.uint64))], sampling())
    if len(prefix) < WINDOW:
        with pytest.raises(ValueError, match=message):
            verifier.score([ScoreRequest(prefix, [np.array([3], np.int32)])])


def test_refuses_texts(verifier):
    prefix = np.array([4], np.int32)
    with pytest.raises(ValueError, match=r"continuation 1 of score request 0 is empty"):
        verifier.score([ScoreRequest(prefix, [prefix, np.zeros(0, np.int32)])])
    with pytest.raises(ValueError, match=f"the model's window is {WINDOW}"):
        verifier.score([ScoreRequest(prefix, [np.full(WINDOW, 3, np.int32)])])


def test_refuses_the_wrong_kind_of_model(folders):
    with pytest.raises(FolderError, match="holds a verifier, not a policy"):
        NativePolicy(folders["verifier"])
    with pytest.raises(FolderError, match="holds a policy, not a verifier"):
        NativeVerifier(folders["policy"])
