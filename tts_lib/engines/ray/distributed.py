"""A policy and a verifier spread over workers; the same protocols, and the same results as one engine alone.

A call is split by request into pieces (`tts_lib.engines.parts.split`). Any split gives the same samples wherever the
engine's own do not depend on their company (the native engine: to the last bit).
"""

from collections.abc import Callable, Generator, Sequence

import numpy as np

from tts_lib.answers.protocols import Part, Policy, SampleRequest, Samples, Sampling, ScoreRequest, Verifier
from tts_lib.engines.parts import gathered, split
from tts_lib.engines.ray.workers import Crew, Workers


class DistributedPolicy:
    """A policy (`tts_lib.answers.protocols.StreamingPolicy`) over workers; a context manager."""

    def __init__(self, make: Callable[[], Policy], crew: Crew):
        """Start the workers; see `Workers` for `make` and errors."""
        self.workers = Workers(make, crew)
        self.version = self.workers.version
        self._n_workers = crew.n_workers

    def close(self) -> None:
        self.workers.close()

    def __enter__(self) -> "DistributedPolicy":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sample(self, requests: Sequence[SampleRequest], sampling: Sampling) -> list[Samples]:
        """Samples of each request; for errors see `stream`."""
        return gathered(requests, self.stream(requests, sampling), sampling.logprobs)

    def stream(self, requests: Sequence[SampleRequest], sampling: Sampling) -> Generator[Part, None, None]:
        """The samples of each piece as it is finished.

        Raises:
            StudyError: workers keep dying.
            Exception: what the engine raises; it numbers the requests of a piece.
        """
        pieces = split([len(request.seeds) for request in requests], self._n_workers)
        calls = [
            ([SampleRequest(requests[r].prefix, requests[r].seeds[a:b]) for r, a, b in piece], sampling)
            for piece in pieces
        ]
        for number, results in self.workers.run("sample", calls):
            for (request, first, last), samples in zip(pieces[number], results, strict=True):
                yield Part(request, np.arange(first, last), samples)


class DistributedVerifier:
    """A verifier (`tts_lib.answers.protocols.Verifier`) over workers; a context manager."""

    def __init__(self, make: Callable[[], Verifier], crew: Crew):
        """Start the workers; see `Workers` for `make` and errors."""
        self.workers = Workers(make, crew)
        self.version = self.workers.version
        self._n_workers = crew.n_workers

    def close(self) -> None:
        self.workers.close()

    def __enter__(self) -> "DistributedVerifier":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[np.ndarray]]:
        """Step scores of each continuation of each request.

        Raises:
            StudyError: workers keep dying.
            Exception: what the engine raises; it numbers the requests of a piece.
        """
        pieces = split([len(request.continuations) for request in requests], self._n_workers)
        calls = [
            ([ScoreRequest(requests[r].prefix, requests[r].continuations[a:b]) for r, a, b in piece],)
            for piece in pieces
        ]
        scores: dict[tuple[int, int], np.ndarray] = {}
        for number, results in self.workers.run("score", calls):
            for (request, first, _), scored in zip(pieces[number], results, strict=True):
                scores |= {(request, first + i): steps for i, steps in enumerate(scored)}
        return [[scores[r, i] for i in range(len(request.continuations))] for r, request in enumerate(requests)]
