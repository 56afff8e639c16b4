"""Samples in one piece: flat arrays for any number of samples, without their keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np


@dataclass(frozen=True)
class SampleBlock:
    """The tokens, finish and log-probabilities of n samples; sample i has tokens[offsets[i]:offsets[i + 1]]."""

    tokens: np.ndarray  # int32 (total,)
    offsets: np.ndarray  # int64 (n + 1,), from 0 to total
    finish: np.ndarray  # uint8 (n,)
    logprobs: np.ndarray | None  # float32 (total,)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.finish)

    def take(self, rows: np.ndarray) -> "SampleBlock":
        """Return the samples at ``rows`` (int64 (m,), any order, repeats allowed)."""
        starts = self.offsets[rows]
        lengths = self.offsets[rows + 1] - starts
        offsets = offsets_of(lengths)
        source = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
        logprobs = None if self.logprobs is None else self.logprobs[source]
        return SampleBlock(self.tokens[source], offsets, self.finish[rows], logprobs)


@runtime_checkable
class Ragged(Protocol):
    """Anything laid out like a `SampleBlock`, such as one request's samples."""

    @property
    def tokens(self) -> np.ndarray: ...
    @property
    def offsets(self) -> np.ndarray: ...
    @property
    def finish(self) -> np.ndarray: ...
    @property
    def logprobs(self) -> np.ndarray | None: ...


def joined(blocks: Sequence[Ragged]) -> SampleBlock:
    """Return the samples of all blocks (at least one), in order.

    Raises:
        ValueError: some blocks have log-probabilities and some have none.
    """
    logprobs = [block.logprobs for block in blocks if block.logprobs is not None]
    if logprobs and len(logprobs) != len(blocks):
        raise ValueError("samples with and without log-probabilities cannot share a block")
    finish = [block.finish for block in blocks]
    steps = np.diff(np.concatenate([block.offsets for block in blocks]))
    borders = np.cumsum([len(one) + 1 for one in finish])[:-1] - 1  # the step from one block's end to the next's 0
    return SampleBlock(
        np.concatenate([block.tokens for block in blocks]),
        offsets_of(np.delete(steps, borders)),
        np.concatenate(finish),
        np.concatenate(logprobs) if logprobs else None,
    )


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """Return the int64 offsets (n + 1,) of consecutive pieces of the given lengths (n,)."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
