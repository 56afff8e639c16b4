"""A verifier that never reads the same text twice: it asks the store first and the real verifier for the rest.

A text's step scores stand in the store as a sample does, of the verifier's version: its context is the whole text, its
seed the number of tokens before the part that was scored, and its tokens are the bits of the scores, a float32 each.
"""

import time
from collections.abc import Iterator, Sequence

import numpy as np

from tts_lib.answers.protocols import ScoreRequest, Verifier
from tts_lib.answers.store.block import SampleBlock, offsets_of
from tts_lib.answers.store.keys import context_keys, first_of_each, sample_keys
from tts_lib.answers.store.shard import Shard
from tts_lib.answers.store.store import Store

CHUNK_TOKENS = 500_000  # read between two appends: a minute or so of a large model
_SETTINGS = {"what": "step scores"}


class CachedVerifier:
    """Implements `Verifier` over another verifier and a store opened for writing.

    What is returned is always read back from the store, so a replayed score cannot differ from a fresh one.
    """

    def __init__(
        self,
        verifier: Verifier,
        store: Store,
        flush_every_seconds: float = 30.0,
        chunk_tokens: int = CHUNK_TOKENS,
    ) -> None:
        """Wrap ``verifier``; a kill loses at most ``flush_every_seconds`` of finished calls, and the call under way.

        Args:
            chunk_tokens: tokens of a call of the verifier, at most, unless it is of one text; the same texts are cut
                in the same places, whenever a run before this one was killed.
        """
        self.version = verifier.version
        self.n_calls = 0  # calls of the verifier
        self.n_scored = 0  # texts it read
        self.n_reused = 0  # texts whose scores were in the store already, or that came twice in one call
        self._verifier = verifier
        self._store = store
        self._flush_every_seconds = flush_every_seconds
        self._chunk_tokens = chunk_tokens
        self._flushed_at = time.monotonic()

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[np.ndarray]]:
        """Step scores of each continuation of each request, from the store where it has them.

        Raises:
            StoreError: the store cannot be written; everything flushed before is kept.
            RuntimeError: the verifier broke its contract.
        """
        places = [(r, i) for r, request in enumerate(requests) for i in range(len(request.continuations))]
        if not places:
            return [[] for _ in requests]
        parts = [(requests[r].prefix, requests[r].continuations[i]) for r, i in places]
        contexts = context_keys(self.version, _SETTINGS, map(np.concatenate, parts))
        starts = np.array([len(prefix) for prefix, _ in parts], np.uint64)
        keys = sample_keys(contexts, np.ones(len(places), np.int64), starts)
        rows = self._store.find(self.version, keys)

        absent = np.flatnonzero(rows < 0)
        firsts, which = first_of_each(keys[:, absent])
        missing = absent[firsts]  # positions, ascending: a text that comes twice is read once
        self.n_reused += len(places) - len(missing)
        lengths = np.array([len(prefix) + len(text) for prefix, text in parts])
        for chunk in _chunks(missing, lengths[missing], self._chunk_tokens):
            scores = self._score_missing(requests, [places[at] for at in chunk])
            block = _block(scores)
            shard = Shard(contexts[chunk], np.ones(len(chunk), np.int64), starts[chunk], block)
            rows[chunk] = self._store.append(self.version, shard)
            if time.monotonic() - self._flushed_at >= self._flush_every_seconds:
                self._store.flush()
                self._flushed_at = time.monotonic()
        rows[absent] = rows[missing][which]
        block = self._store.read(rows)
        each = iter(np.split(block.tokens.view(np.float32), block.offsets[1:-1]))
        return [[next(each) for _ in request.continuations] for request in requests]

    def _score_missing(self, requests: Sequence[ScoreRequest], places: Sequence[tuple[int, int]]) -> list[np.ndarray]:
        """Step scores of the continuations at places (request, continuation), ascending, in one call."""
        asked: dict[int, list[np.ndarray]] = {}
        for r, i in places:
            asked.setdefault(r, []).append(requests[r].continuations[i])
        made = self._verifier.score([ScoreRequest(requests[r].prefix, texts) for r, texts in asked.items()])
        if [len(scores) for scores in made] != [len(texts) for texts in asked.values()]:
            raise RuntimeError(f"verifier {self.version} returned other numbers of scores than it was asked for")
        self.n_calls += 1
        self.n_scored += len(places)
        return [scores for of_request in made for scores in of_request]


def _block(scores: Sequence[np.ndarray]) -> SampleBlock:
    """Step scores, float32 (step,) each, as the store keeps them."""
    bits = np.concatenate(scores).astype(np.float32).view(np.int32)
    return SampleBlock(
        bits, offsets_of(np.array([len(each) for each in scores])), np.zeros(len(scores), np.uint8), None
    )


def _chunks(positions: np.ndarray, lengths: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Consecutive positions whose lengths add up to at most `size`, or a single one that is longer."""
    start = total = 0
    for i, length in enumerate(lengths.tolist()):
        if total + length > size and i > start:
            yield positions[start:i]
            start, total = i, 0
        total += length
    if len(positions):
        yield positions[start:]
