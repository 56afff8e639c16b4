"""A policy that never samples the same thing twice: it asks the store first and the real policy for the rest."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict

import numpy as np

from tts_lib.answers.protocols import Part, Policy, SampleRequest, Samples, Sampling, StreamingPolicy
from tts_lib.answers.store.block import SampleBlock, joined
from tts_lib.answers.store.keys import context_keys, first_of_each, sample_keys
from tts_lib.answers.store.shard import Shard
from tts_lib.answers.store.store import Store

CHUNK_SAMPLES, CHUNK_TOKENS = 20_000, 8_000_000  # new tokens; both limits hold


class CachedPolicy:
    """Implements `Policy` over another policy and a store opened for writing.

    What is returned is always read back from the store, so a replayed sample cannot differ from a fresh one. A call is
    passed on in chunks of missing samples, each on disk before the next is begun; the result does not depend on how it
    is cut. Of a `StreamingPolicy` the samples enter the store as they are finished: a call that fails leaves there what
    it had done.
    """

    def __init__(
        self, policy: Policy, store: Store, flush_every_seconds: float = 30.0, chunk_samples: int | None = None
    ) -> None:
        """Wrap ``policy``; a kill loses at most ``flush_every_seconds`` of finished calls, and the chunk under way.

        Of a `StreamingPolicy` it loses at most ``flush_every_seconds`` of finished samples.

        Args:
            chunk_samples: missing samples that one call of the policy is asked for, at most; by default
                `CHUNK_SAMPLES`, or fewer where samples may be so long that a chunk would hold more than `CHUNK_TOKENS`.
                What a `StreamingPolicy` has finished is kept anyhow, so its calls are not cut smaller for that.

        Raises:
            ValueError: chunk_samples below 1.
        """
        if chunk_samples is not None and chunk_samples < 1:
            raise ValueError(f"chunk_samples is {chunk_samples}, but a chunk holds at least 1 sample")
        self.version = policy.version
        self.n_calls = 0  # calls of the policy
        self.n_sampled = 0  # samples it made
        self.n_reused = 0  # samples that were in the store already, or twice in one call
        self._policy = policy
        self._store = store
        self._flush_every_seconds = flush_every_seconds
        self._chunk_samples = chunk_samples
        self._flushed_at = time.monotonic()

    def sample(self, requests: Sequence[SampleRequest], sampling: Sampling) -> list[Samples]:
        """Return samples for each request; the policy is asked for those that are missing, and not at all if none is.

        Raises:
            StoreError: the store cannot be written; everything flushed before is kept.
            RuntimeError: the policy broke its contract.
        """
        if not requests:
            return []
        n_samples = np.array([len(request.seeds) for request in requests])
        request_of = np.repeat(np.arange(len(requests)), n_samples)
        seeds = np.concatenate([request.seeds for request in requests])
        contexts = context_keys(self.version, _settings(sampling), [request.prefix for request in requests])
        keys = sample_keys(contexts, n_samples, seeds)
        rows = self._store.find(self.version, keys)

        absent = np.flatnonzero(rows < 0)
        firsts, which = first_of_each(keys[:, absent])
        missing = absent[firsts]  # positions, ascending: a sample that is asked for twice is made once
        self.n_reused += len(seeds) - len(missing)
        size = self._chunk_size(sampling)
        for start in range(0, len(missing), size):
            if start > 0:
                self._flush()
            chunk = missing[start : start + size]
            rows[chunk] = self._sample_missing(requests, sampling, contexts, request_of[chunk], seeds[chunk])
        rows[absent] = rows[missing][which]
        results = _split(self._store.read(rows), n_samples)
        if time.monotonic() - self._flushed_at >= self._flush_every_seconds:
            self._flush()
        return results

    def _chunk_size(self, sampling: Sampling) -> int:
        if self._chunk_samples is not None:
            return self._chunk_samples
        n_tokens = 1 if isinstance(self._policy, StreamingPolicy) else sampling.max_tokens
        return max(1, min(CHUNK_SAMPLES, CHUNK_TOKENS // n_tokens))

    def _sample_missing(
        self,
        requests: Sequence[SampleRequest],
        sampling: Sampling,
        contexts: np.ndarray,
        request_of: np.ndarray,
        seeds: np.ndarray,
    ) -> np.ndarray:
        """Sample seeds (n,) of the requests request_of (n,), ascending; append the samples and return their rows."""
        starts = np.flatnonzero(np.diff(request_of, prepend=-1))
        asked = request_of[starts]
        run_lengths = np.diff(starts, append=len(seeds))
        runs = zip(asked.tolist(), starts.tolist(), (starts + run_lengths).tolist(), strict=True)
        narrowed = [_narrowed(requests[r], seeds[a:b]) for r, a, b in runs]
        if isinstance(self._policy, StreamingPolicy):
            return self._take_as_finished(self._policy.stream(narrowed, sampling), contexts[asked], starts, seeds)
        made = self._policy.sample(narrowed, sampling)
        if [len(samples) for samples in made] != run_lengths.tolist():
            raise self._broken_contract()
        self.n_calls += 1
        self.n_sampled += len(seeds)
        return self._store.append(self.version, Shard(contexts[asked], run_lengths, seeds, joined(made)))

    def _take_as_finished(
        self, parts: Generator[Part, None, None], contexts: np.ndarray, starts: np.ndarray, seeds: np.ndarray
    ) -> np.ndarray:
        """Append samples as they come and return their rows (n,); request r has contexts[r], and seeds from starts[r].

        If the call fails, what came before is in the store when its error goes on.
        """
        rows = np.full(len(seeds), -1)
        waiting: list[Part] = []

        def keep() -> None:
            at = np.concatenate([starts[part.request] + part.positions for part in waiting])
            if len(np.unique(at)) < len(at) or (rows[at] >= 0).any():
                raise self._broken_contract()
            lengths = np.array([len(part.positions) for part in waiting])
            block = joined([part.samples for part in waiting])
            shard = Shard(contexts[[part.request for part in waiting]], lengths, seeds[at], block)
            rows[at] = self._store.append(self.version, shard)
            self.n_sampled += len(at)
            waiting.clear()

        self.n_calls += 1
        try:
            with closing(parts):
                for part in parts:
                    waiting.append(part)
                    if time.monotonic() - self._flushed_at >= self._flush_every_seconds:
                        keep()
                        self._flush()
        finally:
            if waiting:
                keep()
        if (rows < 0).any():
            raise self._broken_contract()
        return rows

    def _broken_contract(self) -> RuntimeError:
        return RuntimeError(f"policy {self.version} returned other numbers of samples than it was asked for")

    def _flush(self) -> None:
        self._store.flush()
        self._flushed_at = time.monotonic()


def _settings(sampling: Sampling) -> Mapping[str, object]:
    """Name the settings for the key, spelt one way: temperature 1 and 1.0 are the same."""
    return asdict(sampling) | {"temperature": float(sampling.temperature), "top_p": float(sampling.top_p)}


def _narrowed(request: SampleRequest, seeds: np.ndarray) -> SampleRequest:
    """Return the request for some of its seeds, in order."""
    return request if len(seeds) == len(request.seeds) else SampleRequest(request.prefix, seeds)


def _split(block: SampleBlock, n_samples: np.ndarray) -> list[Samples]:
    """Cut a block into the results of requests for n_samples (request,) samples each."""
    ends = np.cumsum(n_samples)
    starts = ends - n_samples
    first_tokens = block.offsets[starts]
    # Each request's offsets begin at its own 0, so there is one more offset than samples per request.
    own = np.arange(len(block) + len(ends)) - np.repeat(np.arange(len(ends)), n_samples + 1)
    offsets = block.offsets[own] - np.repeat(first_tokens, n_samples + 1)
    results = []
    cuts = zip(starts.tolist(), ends.tolist(), first_tokens.tolist(), block.offsets[ends].tolist(), strict=True)
    for request, (start, end, token, token_end) in enumerate(cuts):
        logprobs = None if block.logprobs is None else block.logprobs[token:token_end]
        own_offsets = offsets[start + request : end + request + 1]
        results.append(Samples(block.tokens[token:token_end], own_offsets, block.finish[start:end], logprobs))
    return results
