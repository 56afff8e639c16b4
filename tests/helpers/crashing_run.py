"""A generating run on a deterministic policy, and a server that starts such runs in processes of their own.

The server forks one process per line of JSON on its standard input (starting Python anew for each kill would take most
of the test's time), prints the process id, and when the process has ended, its wait status.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tts_lib.answers.cached_policy import CachedPolicy
from tts_lib.answers.protocols import FINISH_END, SampleRequest, Samples, Sampling
from tts_lib.answers.store.store import Store
from tts_lib.common.rng import derive_seeds

SAMPLING = Sampling(temperature=1.0, top_p=1.0, max_tokens=16, until="end")
N_QUESTIONS = 20
CHUNK = 8


class HashPolicy:
    """Each token is a hash of prefix, seed and position; 1 to 6 tokens a sample. Notes each call in a file."""

    def __init__(self, version: str = "hash 1", seconds: float = 0.0, journal: Path | None = None) -> None:
        self.version = version
        self.calls: list[list[int]] = []  # samples per request
        self._seconds = seconds
        self._journal = journal

    def sample(self, requests: Sequence[SampleRequest], sampling: Sampling) -> list[Samples]:
        self.calls.append([len(request.seeds) for request in requests])
        if self._journal is not None:
            with open(self._journal, "a") as journal:
                journal.write(f"{sum(self.calls[-1])}\n")
        time.sleep(self._seconds)
        return [self._one(request, sampling) for request in requests]

    def _one(self, request: SampleRequest, sampling: Sampling) -> Samples:
        lengths = (request.seeds % np.uint64(6)).astype(np.int64) + 1
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        position = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        hashed = np.repeat(request.seeds >> np.uint64(8), lengths) % np.uint64(1000)
        tokens = ((hashed.astype(np.int64) * (position + 1) + int(request.prefix.sum())) % 997).astype(np.int32)
        logprobs = -tokens.astype(np.float32) if sampling.logprobs else None
        return Samples(tokens, offsets, np.full(len(lengths), FINISH_END, np.uint8), logprobs)


def requests_for(n_samples: int, n_questions: int = N_QUESTIONS) -> list[SampleRequest]:
    return [
        SampleRequest(np.array([question, 7, 8], np.int32), derive_seeds(("pool", f"q{question}"), n_samples))
        for question in range(n_questions)
    ]


def generate(folder: Path, n_samples: int, policy: HashPolicy, chunk: int = CHUNK) -> list[Samples]:
    """Sample the pool through the store, in chunks."""
    with Store.open(folder, write=True) as store:
        return CachedPolicy(policy, store, chunk_samples=chunk).sample(requests_for(n_samples), SAMPLING)


def die_before_step(countdown: int) -> None:
    """Let this process kill itself right before its countdown-th fsync or rename."""
    real = {name: getattr(os, name) for name in ("fsync", "replace")}
    left = [countdown]

    def guarded(name: str):
        def step(*arguments: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real[name](*arguments)

        return step

    for name in real:
        setattr(os, name, guarded(name))


def run(order: dict) -> None:
    folder = Path(order["folder"])
    if order["do"] == "hold":
        with Store.open(folder, write=True):
            (folder / "holding").touch()
            time.sleep(60)
    if order.get("die_before_step"):
        die_before_step(order["die_before_step"])
    generate(folder, order["n_samples"], HashPolicy(seconds=order["seconds"], journal=folder.parent / "journal"))


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(json.loads(line))
            os._exit(0)
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main()
