"""The contract of `tts_lib.answers.protocols` as test classes, to be held by every engine.

A test module subclasses `PolicyContract`, `VerifierContract` or both, and gives the fixtures they ask for:

    class TestMyEngine(PolicyContract):
        @pytest.fixture(scope="class")
        @classmethod
        def policy(cls, folders):
            with MyPolicy(folders["policy"]) as policy:
                yield policy

`folders` has the paths of one model of random weights as "policy" and one as "verifier" (see `model_folders`).
"""

import functools
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy import stats
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification

from helpers.model_folders import END, STEP, VOCAB, WINDOW
from tts_lib.answers.protocols import (
    FINISH_END,
    FINISH_LENGTH,
    FINISH_STEP,
    ContextOverflowError,
    SampleRequest,
    Samples,
    Sampling,
    ScoreRequest,
)


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


def share_of_equal(one: Sequence[Samples], other: Sequence[Samples]) -> float:
    """The share of samples that are the same token for token and ended for the same reason."""
    assert [len(samples) for samples in one] == [len(samples) for samples in other]
    pairs = [(a, b, i) for a, b in zip(one, other, strict=True) for i in range(len(a))]
    return float(np.mean([np.array_equal(a[i], b[i]) and a.finish[i] == b.finish[i] for a, b, i in pairs]))


class PolicyContract:
    """What a policy promises; a subclass gives the fixture `policy`."""

    same_share = 1.0  # of samples that come out the same in another batch; below 1 where rounding depends on neighbours
    n_draws = 3000  # to hold the first token's distribution against

    def test_result_is_ragged_and_typed(self, policy):
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
    def test_samples_end_where_they_should(self, policy, until):
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

    def test_samples_end_at_the_window(self, policy):
        prefix = np.full(WINDOW - 3, 5, np.int32)
        (samples,) = policy.sample([SampleRequest(prefix, np.arange(30, dtype=np.uint64))], sampling(max_tokens=50))
        assert max(len(samples[i]) for i in range(30)) == 3
        assert (samples.finish[np.diff(samples.offsets) == 3] != FINISH_STEP).all()

    def test_a_sample_depends_on_its_seed_only(self, policy):
        requests = sample_requests(n_samples=20)
        whole = policy.sample(requests, sampling())
        assert share_of_equal(whole, policy.sample(requests, sampling())) >= self.same_share
        assert share_of_equal(whole, policy.sample(requests[::-1], sampling())[::-1]) >= self.same_share
        pieces = [SampleRequest(r.prefix, r.seeds[i : i + 1]) for r in requests for i in range(len(r.seeds))]
        single = [policy.sample([piece], sampling())[0][0] for piece in pieces]
        together = [samples[i] for samples in whole for i in range(len(samples))]
        same = [np.array_equal(one, other) for one, other in zip(single, together, strict=True)]
        assert np.mean(same) >= self.same_share
        assert len({tuple(tokens) for tokens in together}) > 80

    def test_any_uint64_is_a_seed(self, policy):
        seeds = np.array([0, 1, 2**31, 2**32 + 1, 2**63 - 1, 2**63 + 5, 2**64 - 1], np.uint64)
        prefix = sample_requests()[1].prefix
        (samples,) = policy.sample([SampleRequest(prefix, seeds)], sampling(temperature=1.5))
        assert len({tuple(samples[i]) for i in range(len(seeds))}) == len(seeds)

    def test_greedy_is_the_argmax(self, policy, folders):
        (samples,) = policy.sample([sample_requests()[2]], sampling(temperature=0, max_tokens=10))
        tokens = np.concatenate([sample_requests()[2].prefix, samples[0]])
        logits = logits_of(folders["policy"], tokens)
        np.testing.assert_array_equal(samples[0], logits.argmax(-1).numpy()[-len(samples[0]) - 1 : -1])
        assert all((samples[i] == samples[0]).all() for i in range(len(samples)))

    def test_logprobs_are_those_of_the_untempered_model(self, policy, folders):
        request = sample_requests()[3]
        (samples,) = policy.sample([request], sampling(temperature=0.5, top_p=0.7, logprobs=True))
        for i in range(len(samples)):
            tokens = np.concatenate([request.prefix, samples[i]])
            log_p = torch.log_softmax(logits_of(folders["policy"], tokens), -1).numpy()
            expected = log_p[np.arange(len(request.prefix) - 1, len(tokens) - 1), samples[i]]
            got = samples.logprobs[samples.offsets[i] : samples.offsets[i + 1]]
            np.testing.assert_allclose(got, expected, atol=1e-4)

    @pytest.mark.parametrize(("temperature", "top_p"), [(0.7, 1.0), (1.0, 0.6)])
    def test_samples_follow_the_distribution(self, policy, folders, temperature, top_p):
        """Chi-square of the first token: over choices of the seeds, a right sampler fails with probability 1e-6."""
        prefix, n = sample_requests()[1].prefix, self.n_draws
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

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"temperature": -0.1}, "temperature is -0.1"),
            ({"temperature": float("nan")}, "temperature is nan"),
            ({"top_p": 0.0}, "top_p is 0.0"),
            ({"max_tokens": 0}, "max_tokens is 0"),
        ],
    )
    def test_refuses_settings(self, policy, change, message):
        with pytest.raises(ValueError, match=message):
            policy.sample(sample_requests(), sampling(**change))

    def test_refuses_an_unknown_end(self, policy):
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
            (np.zeros(3), "must be integer"),
        ],
    )
    def test_refuses_prefixes(self, policy, prefix, message):
        with pytest.raises(ValueError, match=message):
            policy.sample([SampleRequest(prefix, np.zeros(1, np.uint64))], sampling())

    def test_says_what_does_not_fit_its_window(self, policy):
        short, long = np.full(3, 4, np.int32), np.full(WINDOW, 5, np.int32)
        requests = [SampleRequest(prefix, np.zeros(1, np.uint64)) for prefix in (short, long)]
        said = f"has {WINDOW} tokens, but the model's window of {WINDOW} allows {WINDOW - 1} before a sample: shorten"
        with pytest.raises(ContextOverflowError, match=said) as caught:
            policy.sample(requests, sampling())
        np.testing.assert_array_equal(caught.value.prefix, long)


class VerifierContract:
    """What a verifier promises; a subclass gives the fixture `verifier`."""

    def test_scores_equal_one_pass_per_step(self, verifier, folders):
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

    def test_scores_do_not_depend_on_the_batch(self, verifier):
        requests = score_requests()
        whole = verifier.score(requests)
        for request, scores in zip(requests, whole, strict=True):
            for text, expected in zip(request.continuations, scores, strict=True):
                ((alone,),) = verifier.score([ScoreRequest(request.prefix, [text])])
                np.testing.assert_allclose(alone, expected, atol=1e-5)

    def test_scores_a_text_that_fills_the_window(self, verifier):
        prefix = np.full(WINDOW // 2, 3, np.int32)
        ((scores,),) = verifier.score([ScoreRequest(prefix, [np.full(WINDOW - len(prefix), 4, np.int32)])])
        assert scores.shape == (1,)

    @pytest.mark.parametrize(
        ("prefix", "message"),
        [
            (np.zeros(0, np.int32), "is empty"),
            (np.array([3, VOCAB], np.int32), f"token {VOCAB}; the vocabulary is 0 to {VOCAB - 1}"),
            (np.array([-1], np.int32), "token -1"),
            (np.zeros(3), "must be integer"),
        ],
    )
    def test_refuses_contexts(self, verifier, prefix, message):
        with pytest.raises(ValueError, match=message):
            verifier.score([ScoreRequest(prefix, [np.array([3], np.int32)])])

    def test_refuses_texts(self, verifier):
        prefix = np.array([4], np.int32)
        with pytest.raises(ValueError, match=r"continuation 1 of score request 0 is empty"):
            verifier.score([ScoreRequest(prefix, [prefix, np.zeros(0, np.int32)])])

    def test_says_what_does_not_fit_its_window(self, verifier):
        prefix, long = np.array([4], np.int32), np.full(WINDOW, 3, np.int32)
        said = f"a prompt with its solution has {WINDOW + 1} tokens, but the verifier's window is {WINDOW}: shorten"
        with pytest.raises(ContextOverflowError, match=said) as caught:
            verifier.score([ScoreRequest(prefix, [prefix]), ScoreRequest(prefix, [long])])
        np.testing.assert_array_equal(caught.value.prefix, prefix)
