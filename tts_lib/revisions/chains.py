"""Chains of revisions (§6.1): each attempt is sampled with the last few finished attempts of its chain in context.

One pass over `chain_lengths(N)` gives every way to split a budget of N: chain c has N / 2^ceil(log2(c + 1)) attempts,
so that for each length L there are N / L chains at least as long. Sequential and parallel samples of any L x P <= N are
then part of it: the first L attempts of P chains.

The context is the prompt and an attempt, as often as there are attempts to show, and the prompt once more: what a model
learned of prompts and solutions holds for the last pair of them at once. (The paper does not give its format.)

Every attempt has its own seed, derived from the question, its chain and its place in the chain: neither the budget nor
the company changes it. An attempt cut off at the token limit is a generation without an answer and is not shown to
later ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_lib.answers.expected import Expected, Means
from tts_lib.answers.protocols import FINISH_END, SampleRequest, Samples, Sampling
from tts_lib.answers.question_table import Question
from tts_lib.answers.scheduler import AskSamples, Search
from tts_lib.common.rng import Part, derive_seeds


@dataclass(frozen=True)
class Attempt:
    """One attempt of a chain."""

    chain: int
    position: int  # from 1
    tokens: np.ndarray  # int32 (T,)
    finish: int
    history: tuple[np.ndarray, ...]  # the attempts it was shown, oldest first


@dataclass(frozen=True, kw_only=True)
class Revisions:
    """Options: temperature, top_p (1 = off), tokens an attempt, attempts in context at most (paper: 4), window."""

    temperature: float
    top_p: float
    max_tokens: int
    max_history: int
    window: int

    @property
    def of_attempt(self) -> Sampling:
        """What an attempt is sampled with."""
        return Sampling(self.temperature, self.top_p, self.max_tokens, until="end")

    def check_room(self, contexts: Sequence[np.ndarray]) -> None:
        """Refuse contexts, int32 (T,) each, behind which no attempt fits into the window.

        Raises:
            ValueError: one does not; names the settings.
        """
        longest = max(map(len, contexts))
        if longest + self.max_tokens > self.window:
            raise ValueError(
                f"a context of {longest} tokens and an attempt of {self.max_tokens} do not fit the model's window of "
                f"{self.window}: lower revisions.max_history or sampling.max_tokens, or raise revisions.max_length"
            )

    def search(self, question: Question, lengths: Sequence[int], seed_key: tuple[Part, ...]) -> Search[list[Attempt]]:
        """Sample chains of these lengths, longest first, side by side; the attempts in order of position, then chain.

        Raises:
            ValueError: a chain is longer than the one before it; a context leaves no room for an attempt.
        """
        if list(lengths) != sorted(lengths, reverse=True):
            raise ValueError(f"chain lengths {list(lengths)} must not increase")
        seen: list[list[np.ndarray]] = [[] for _ in lengths]
        attempts: list[Attempt] = []
        for position in range(1, lengths[0] + 1):
            live = [chain for chain, length in enumerate(lengths) if length >= position]
            seeds = derive_seeds((*seed_key, question.question_id, "revisions", position), len(live))
            histories = [tuple(seen[chain][-self.max_history :]) if self.max_history else () for chain in live]
            requests = _requests(question.prompt, histories, seeds)
            self.check_room([request.prefix for request in requests])
            results: list[Samples] = yield AskSamples(requests, self.of_attempt, len(live))
            for chain, history, (tokens, finish) in zip(live, histories, one_by_one(results), strict=True):
                attempts.append(Attempt(chain, position, tokens, finish, history))
                if finish == FINISH_END:
                    seen[chain].append(tokens)
        return attempts


def chain_lengths(budget: int) -> list[int]:
    """Attempts of each of the `budget` chains, longest first.

    Raises:
        ValueError: the budget is not a power of two.
    """
    if budget < 1 or budget & (budget - 1):
        raise ValueError(f"a budget of {budget} generations cannot be split into chains: it must be a power of two")
    return [budget >> chain.bit_length() for chain in range(budget)]


def expected(lengths: Sequence[int], max_history: int, question: Means) -> Expected:
    """Tokens of chains of these lengths in which every attempt ends, and is shown to the `max_history` after it."""
    attempts = sum(lengths)
    shown = sum(min(position, max_history) for length in lengths for position in range(length))
    return Expected(attempts, attempts * question.solution, attempts * question.prompt + shown * question.pair)


def _requests(prompt: np.ndarray, histories: list[tuple[np.ndarray, ...]], seeds: np.ndarray) -> list[SampleRequest]:
    """One request a chain, or a single one where none has a history yet, so that they share the prompt."""
    if not any(histories):
        return [SampleRequest(prompt, seeds)]
    return [SampleRequest(context(prompt, history), seeds[i : i + 1]) for i, history in enumerate(histories)]


def context(prompt: np.ndarray, history: tuple[np.ndarray, ...]) -> np.ndarray:
    """What an attempt is sampled from, and scored after, int32 (T,)."""
    return np.concatenate([*(piece for attempt in history for piece in (prompt, attempt)), prompt])


def one_by_one(results: Sequence[Samples]) -> list[tuple[np.ndarray, int]]:
    """The samples of all requests in order, int32 (T,) each, with how each of them ended."""
    return [each for samples in results for each in zip(samples, samples.finish.tolist(), strict=True)]
