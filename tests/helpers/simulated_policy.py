"""A policy and a verifier whose truth is known, for tests of the methods: no model, no text, every draw from its seed.

A question has a number and a length L; its solution has L steps. A step is a symbol (now and then after filler tokens)
and a closing token. It is correct if the symbol is the question's symbol for that step, and if the solution ends with
step L and not elsewhere. The policy draws the symbol from a fixed distribution of the question and step.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from tts_lib.answers.protocols import (
    FINISH_END,
    FINISH_LENGTH,
    FINISH_STEP,
    SampleRequest,
    Samples,
    Sampling,
    ScoreRequest,
)
from tts_lib.answers.question_table import Question
from tts_lib.common.rng import derive_seed, mix

NEWLINE, END, FILLER, FIRST_SYMBOL = 0, 1, 2, 3
N_SYMBOLS = 6


def question(number: int, length: int = 4) -> Question:
    return Question(f"q{number}", np.array([100 + number, 50 + length], np.int32))


def step_ends(solution):
    """Where its steps end."""
    return np.flatnonzero(solution <= END) + 1


def is_correct(prompt: np.ndarray, solution: np.ndarray) -> bool:
    """Whether the solution is finished and every step of it correct."""
    return solution.size > 0 and solution[-1] == END and bool(_steps_are_correct(prompt, solution).all())


class SimulatedPolicy:
    """Draws steps; `skill` raises the correct symbol's log-probability. Counts its calls and tokens."""

    version = "simulated-1"

    def __init__(self, skill: float = 1.0) -> None:
        self.skill = skill
        self.calls: list[Sampling] = []
        self.n_prefill = self.n_decode = 0

    def sample(self, requests: Sequence[SampleRequest], sampling: Sampling) -> list[Samples]:
        self.calls.append(sampling)
        return [self._sample_one(request, sampling) for request in requests]

    def _sample_one(self, request: SampleRequest, sampling: Sampling) -> Samples:
        number, length = int(request.prefix[0]) - 100, int(request.prefix[1]) - 50
        done = int((request.prefix[2:] == NEWLINE).sum())
        texts: list[list[int]] = [[] for _ in request.seeds]
        finish = np.full(len(texts), FINISH_STEP, np.uint8)
        growing = np.arange(len(texts))
        for t in range(done, done + (1 if sampling.until == "step" else 50)):
            draws = mix(request.seeds[growing, None], np.arange(3 * t, 3 * t + 3, dtype=np.uint64)) / 2.0**64
            p = self._symbol_probabilities(number, t, sampling)
            symbols = np.searchsorted(np.cumsum(p)[:-1], draws[:, 0], side="right") + FIRST_SYMBOL
            is_last = t >= length - 1
            greedy = sampling.temperature == 0
            n_filler = np.where(draws[:, 1] < 0.03, 5, draws[:, 1] < 0.2) * (not greedy)
            ends = np.full(len(growing), is_last) if greedy else draws[:, 2] < (0.9 if is_last else 0.1)
            for i, symbol, n, end in zip(growing, symbols.tolist(), n_filler.tolist(), ends.tolist(), strict=True):
                texts[i] += [FILLER] * n + [symbol, END if end else NEWLINE]
                finish[i] = FINISH_END if end else FINISH_STEP
                if len(texts[i]) > sampling.max_tokens:
                    del texts[i][sampling.max_tokens :]
                    finish[i] = FINISH_LENGTH
            growing = np.flatnonzero(finish == FINISH_STEP)
            if not len(growing):
                break
        if sampling.until == "end":
            finish[finish == FINISH_STEP] = FINISH_LENGTH
        offsets = np.cumsum([0, *map(len, texts)])
        self.n_prefill += len(request.prefix)
        self.n_decode += int(offsets[-1])
        return Samples(np.array([token for text in texts for token in text], np.int32), offsets, finish, None)

    def _symbol_probabilities(self, number: int, t: int, sampling: Sampling) -> np.ndarray:
        logits = _logits(number, t) + self.skill * (np.arange(N_SYMBOLS) + FIRST_SYMBOL == _correct_symbol(number, t))
        if sampling.temperature == 0:
            return np.eye(N_SYMBOLS)[logits.argmax()]
        p = np.exp(logits / sampling.temperature)
        order = np.argsort(-p)
        in_nucleus = np.cumsum(p[order]) - p[order] < sampling.top_p * p.sum()
        p[order[~in_nucleus]] = 0
        return p / p.sum()


class SimulatedVerifier:
    """Scores a correct prefix 0.99 and others 0.01, each drawn towards a fixed number of its own by `noise` in 0..1."""

    version = "simulated-1"

    def __init__(self, noise: float = 0.0) -> None:
        self.noise = noise
        self.n_calls = self.n_prefill = self.n_tokens = 0

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[np.ndarray]]:
        self.n_calls += 1
        for request in requests:
            self.n_prefill += len(request.prefix)
            self.n_tokens += sum(map(len, request.continuations))
        return [[self._score_one(request.prefix, c) for c in request.continuations] for request in requests]

    def _score_one(self, prefix: np.ndarray, continuation: np.ndarray) -> np.ndarray:
        text = np.concatenate((prefix, continuation))
        n_new = int((continuation <= END).sum()) + (continuation[-1] > END)
        scores = np.where(_steps_are_correct(text[:2], text[2:])[-n_new:], 0.99, 0.01)
        if self.noise:
            closings = [*np.flatnonzero(text[:-1] <= END), len(text) - 1][-n_new:]
            own = np.array([int(derive_seed("noise", text[: i + 1].tobytes())) / 2.0**64 for i in closings])
            scores = (1 - self.noise) * scores + self.noise * own
        return scores.astype(np.float32)


@cache
def _logits(number: int, t: int) -> np.ndarray:
    return 2 * mix(derive_seed("logits", number, t), np.arange(N_SYMBOLS, dtype=np.uint64)) / 2.0**64


@cache
def _correct_symbol(number: int, t: int) -> int:
    return FIRST_SYMBOL + int(derive_seed("symbol", number, t) % N_SYMBOLS)


def _steps_are_correct(prompt: np.ndarray, solution: np.ndarray) -> np.ndarray:
    """Whether each step and all before it are correct, bool (step,); a truncated last step is wrong."""
    number, length = int(prompt[0]) - 100, int(prompt[1]) - 50
    closings = np.flatnonzero(solution <= END)
    right = [
        solution[i - 1] == _correct_symbol(number, t) and (solution[i] == END) == (t == length - 1)
        for t, i in enumerate(closings)
    ]
    if not len(closings) or closings[-1] < len(solution) - 1:
        right.append(False)
    return np.logical_and.accumulate(np.array(right, bool))
