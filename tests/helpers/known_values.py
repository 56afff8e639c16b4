"""A policy and verifiers whose every solution, probability and value-to-go is known: few enough to be written out.

A question is a number; a solution has a fixed number of steps, each a symbol and a closing token. How likely a symbol
is after those before it follows from hashes, so that nothing is regular but what a test asks for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from tts_lib.answers.protocols import FINISH_END, FINISH_STEP, SampleRequest, Samples, Sampling
from tts_lib.answers.question_table import Question
from tts_lib.common.rng import derive_seed, mix

CLOSE, END, FIRST = 0, 1, 2
Path = tuple[int, ...]  # the symbols so far


@dataclass(frozen=True)
class World:
    """Solutions of n_steps symbols, of which those are right that `right` says."""

    number: int
    n_steps: int
    n_symbols: int
    right: Callable[[Path], bool]
    even: bool = False  # whether all symbols are equally likely

    @property
    def question(self) -> Question:
        return Question(f"q{self.number}", np.array([100 + self.number], np.int32))

    @property
    def solutions(self) -> list[Path]:
        return list(product(range(self.n_symbols), repeat=self.n_steps))

    @cache  # noqa: B019 (a world lives as long as its test)
    def next_symbol(self, path: Path) -> np.ndarray:
        """Probability of each symbol after a path."""
        if self.even:
            return np.full(self.n_symbols, 1 / self.n_symbols)
        logits = 2 * mix(derive_seed("next", self.number, *path), np.arange(self.n_symbols, dtype=np.uint64)) / 2.0**64
        return np.exp(logits) / np.exp(logits).sum()

    def probability(self, path: Path) -> float:
        return float(np.prod([self.next_symbol(path[:t])[symbol] for t, symbol in enumerate(path)]))

    @cache  # noqa: B019
    def value(self, path: Path) -> float:
        """The share of right solutions among those that go on from a path."""
        if len(path) == self.n_steps:
            return float(self.right(path))
        return float(sum(p * self.value((*path, s)) for s, p in enumerate(self.next_symbol(path))))

    def path(self, tokens: np.ndarray) -> Path:
        """The symbols of a solution or of a prefix, prompt included."""
        return tuple((tokens[(tokens >= FIRST) & (tokens < 100)] - FIRST).tolist())


class KnownPolicy:
    """Draws each symbol by inverting the distribution of a world at a number from the seed."""

    version = "known"

    def __init__(self, world: World) -> None:
        self.world = world

    def sample(self, requests: list[SampleRequest], sampling: Sampling) -> list[Samples]:
        return [self._one(request, sampling.until == "step") for request in requests]

    def _one(self, request: SampleRequest, one_step: bool) -> Samples:
        begun, texts = self.world.path(request.prefix), []
        ends = len(begun) + 1 if one_step else self.world.n_steps
        for draws in mix(request.seeds[:, None], np.arange(self.world.n_steps, dtype=np.uint64)) / 2.0**64:
            path = begun
            while len(path) < ends:
                ends_at = np.cumsum(self.world.next_symbol(path))[:-1]
                path = (*path, int(np.searchsorted(ends_at, draws[len(path)], side="right")))
            steps = enumerate(path[len(begun) :], start=len(begun) + 1)
            texts.append([token for t, s in steps for token in (FIRST + s, END if t == self.world.n_steps else CLOSE)])
        finish = FINISH_END if ends == self.world.n_steps else FINISH_STEP
        offsets = np.cumsum([0, *map(len, texts)])
        tokens = np.array([token for text in texts for token in text], np.int32)
        return Samples(tokens, offsets, np.full(len(texts), finish, np.uint8), None)


class KnownVerifier:
    """Gives each step the score of the path that it ends."""

    version = "known"

    def __init__(self, world: World, score: Callable[[Path], float]) -> None:
        self.world, self.score_of = world, score

    def score(self, requests):
        return [[self._one(request.prefix, each) for each in request.continuations] for request in requests]

    def _one(self, prefix: np.ndarray, continuation: np.ndarray) -> np.ndarray:
        before, path = len(self.world.path(prefix)), self.world.path(np.concatenate((prefix, continuation)))
        return np.array([self.score_of(path[:t]) for t in range(before + 1, len(path) + 1)])
