"""A verifier that counts what it reads and can be stopped at a call."""

import numpy as np

from tts_lib.answers.protocols import ScoreRequest


class Reader:
    """A step closes at a 0 or at the end; its score depends on all tokens before it. Can be interrupted at a call."""

    def __init__(self, version: str = "reader", fails_at: int = 10**9, how=KeyboardInterrupt) -> None:
        self.version = version
        self.calls: list[list[int]] = []  # texts per request
        self.fails_at, self.how = fails_at, how

    def score(self, requests):
        if len(self.calls) == self.fails_at:
            raise self.how("stop")
        self.calls.append([len(request.continuations) for request in requests])
        return [[self._one(request.prefix, text) for text in request.continuations] for request in requests]

    def _one(self, prefix, text):
        ends = sorted({*np.flatnonzero(text == 0), len(text) - 1})
        total = np.cumsum(np.concatenate([prefix, text]) * 7919 % 1009)
        return ((total[len(prefix) + np.array(ends)] % 1000 + 1) / 1002).astype(np.float32)

    @property
    def n_read(self) -> int:
        return sum(map(sum, self.calls))


def asked(n_requests: int = 6, n_texts: int = 5) -> list[ScoreRequest]:
    rng = np.random.default_rng(0)
    return [
        ScoreRequest(
            np.array([100 + r, 3, 4], np.int32), [rng.integers(0, 9, 3 + i % 4, np.int32) for i in range(n_texts)]
        )
        for r in range(n_requests)
    ]
