"""What the methods ask of a policy and of a verifier: requests, results and two protocols.

Everything is in token ids; no engine, no text and no question appears here. A call carries the
requests of all live questions, and an engine may compute them in any order: sample i of a request
depends only on the model, the prefix, the settings and seeds[i].
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from tts_lib.common.errors import StudyError

FINISH_STEP = 0  # ended with the token that closes a step
FINISH_END = 1  # ended with the end-of-text token
FINISH_LENGTH = 2  # cut off at max_tokens or at the model's window
LEAST_TEMPERATURE = 0.01  # above 0: vLLM raises to it what lies between


@dataclass(frozen=True)
class Sampling:
    """Settings shared by all requests of one engine call."""

    temperature: float  # 0 = greedy
    top_p: float  # 1 = off
    max_tokens: int  # new tokens per sample at most
    until: Literal["step", "end"]  # stop after the first step, or at the end of the solution
    logprobs: bool = False


@dataclass(frozen=True)
class SampleRequest:
    """One prefix, n samples of what follows it."""

    prefix: np.ndarray  # int32 (T,): prompt and the steps so far
    seeds: np.ndarray  # uint64 (n,), one per sample


@dataclass(frozen=True)
class Samples:
    """The samples of one request, ragged: sample i is tokens[offsets[i]:offsets[i + 1]]."""

    tokens: np.ndarray  # int32 (total,), including the closing step or end token
    offsets: np.ndarray  # int64 (n + 1,)
    finish: np.ndarray  # uint8 (n,): FINISH_STEP, FINISH_END or FINISH_LENGTH
    logprobs: np.ndarray | None  # float32 (total,): log p of each token at temperature 1 without top-p

    def __len__(self) -> int:
        return len(self.finish)

    def __getitem__(self, i: int) -> np.ndarray:
        """Tokens of sample i, a view."""
        if not 0 <= i < len(self):
            raise IndexError(f"sample {i} of a request with {len(self)} samples")
        return self.tokens[self.offsets[i] : self.offsets[i + 1]]

    def __iter__(self) -> Iterator[np.ndarray]:
        """The tokens of each sample."""
        return (self.tokens[first:last] for first, last in pairwise(self.offsets.tolist()))


@dataclass(frozen=True)
class ScoreRequest:
    """Several continuations of one prefix, whose steps are to be scored."""

    prefix: np.ndarray  # int32 (T,): prompt and the steps already scored
    continuations: list[np.ndarray]  # int32 each; a last step without closing token closes at its last token


def n_alike(texts: Sequence[np.ndarray]) -> int:
    """How many tokens all texts, int32 (T,) each, begin with alike."""
    if not texts:
        return 0
    length = min(map(len, texts))
    same = np.all([text[:length] == texts[0][:length] for text in texts], axis=0)
    return length if same.all() else int(np.argmin(same))


class ContextOverflowError(StudyError, ValueError):
    """A text does not fit the model's window. Engines know no questions: whose text it is follows from its tokens."""

    def __init__(self, message: str, prefix: np.ndarray):
        super().__init__(message, prefix)  # both, so that it can travel between processes
        self.prefix = prefix

    def __str__(self) -> str:
        return self.args[0]


@runtime_checkable
class Policy(Protocol):
    """A language model that continues texts."""

    version: str  # engine, its version and the hash of the weights: enters the store's keys

    def sample(self, requests: Sequence[SampleRequest], sampling: Sampling) -> list[Samples]:
        """The samples of each request, one for each of its seeds, in their order.

        Raises:
            ValueError: a setting or a request is out of range; `ContextOverflowError` if a prefix fills the window.
        """
        ...


@dataclass(frozen=True)
class Part:
    """Some samples of a call, handed over before the rest of it."""

    request: int  # index of their request in the call
    positions: np.ndarray  # int64 (m,): which of that request's seeds
    samples: Samples  # m of them, in the order of positions


@runtime_checkable
class StreamingPolicy(Policy, Protocol):
    """A policy whose calls can fail half-way (a server, a machine): what was finished by then can be kept."""

    def stream(self, requests: Sequence[SampleRequest], sampling: Sampling) -> Generator[Part, None, None]:
        """Every sample of the call once, in parts of any size and order; closing the generator ends the call."""
        ...


@runtime_checkable
class Verifier(Protocol):
    """A model that scores the steps of solutions: a PRM, or an ORM, whose last score counts."""

    version: str  # as a policy's

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[np.ndarray]]:
        """[request][continuation] -> float32 (steps,), each in (0, 1)."""
        ...


@runtime_checkable
class Codec(Protocol):
    """Text to token ids and back (`tokenizers.Tokenizer` through `tts_lib.models.tokenizer.TokenCodec`)."""

    @property
    def version(self) -> str:
        """Names the tokenizer: what its token ids mean."""
        ...

    def encode(self, texts: list[str]) -> list[np.ndarray]:
        """The token ids of each text, int32 (T,), without special tokens around it."""
        ...

    def decode(self, tokens: list[np.ndarray]) -> list[str]:
        """The text of each sequence of token ids, special tokens left out."""
        ...
