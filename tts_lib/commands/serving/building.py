"""Builds any strategy of a fitted choice into the method that runs it, from what the choice says alone.

Seeds are named as in the study (seed, model, question, purpose): a question of the study that is asked under its own id
is answered from the very samples that the study drew.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from tts_lib.answers.pools import encode_attempts
from tts_lib.answers.protocols import FINISH_END, Codec, SampleRequest, Sampling, ScoreRequest
from tts_lib.answers.question_table import Question
from tts_lib.answers.scheduler import AskSamples, AskScores, Search
from tts_lib.common.errors import StudyError
from tts_lib.common.rng import derive_seeds
from tts_lib.estimators import selection
from tts_lib.estimators.selection import NO_ANSWER
from tts_lib.revisions import ratios
from tts_lib.revisions.chains import Attempt, Revisions
from tts_lib.search.candidates import Candidates
from tts_lib.search.step_search import StepSearch
from tts_lib.strategies import fitted_choice
from tts_lib.strategies.fitted_choice import FittedChoice, Vote


@dataclass(frozen=True)
class Reader:
    """How the texts of one policy are read.

    Attributes:
        closing: tokens at which a verifier gives a score.
        end_tokens: see `pools.encode_attempts`.
        window: tokens of prompt and solution together.
    """

    codec: Codec
    closing: tuple[int, ...]
    end_tokens: tuple[int, ...]
    window: int


@dataclass(frozen=True)
class Proposed:
    """The solutions that a strategy chooses from.

    Attributes:
        texts: one a solution.
        scores: float32 (solution,): the verifier's value of each; ones where the strategy has no verifier.
        finished: bool (solution,): whether it may have an answer.
        samples: the tokens behind texts, as far as a later strategy may use them again.
    """

    texts: list[str]
    scores: np.ndarray
    finished: np.ndarray
    samples: tuple[np.ndarray, ...] = ()


@runtime_checkable
class Runnable(Protocol):
    """A strategy, ready to run."""

    policy: str  # roles of its models
    verifier: str | None
    least: int  # generations it needs

    def generations(self, budget: int) -> int:
        """What it spends of a budget."""
        ...

    def search(self, question: Question, budget: int, seed: int, drawn: Proposed | None) -> Search[Proposed]:
        """The search of one question, for the scheduler.

        Args:
            drawn: samples of a probe; a vote goes on from them, the others draw their own.

        Raises:
            StudyError: the prompt leaves no room for a solution.
        """
        ...

    def choose(self, classes: np.ndarray, scores: np.ndarray) -> int:
        """The solution that answers, -1 where there is none; classes as `Judged` has them, those unfinished -1."""
        ...


def build(choice: FittedChoice, name: str, reader: Reader) -> Runnable:
    """The strategy of this name.

    Args:
        reader: of its policy's texts.

    Raises:
        StudyError: there is no such strategy, or the choice comes from samples that existed already.
    """
    strategy = choice.strategy(name)
    if choice.sampling is None or choice.steps is None:
        raise StudyError(
            "this strategy table comes from samples that existed already: it names no settings to sample by"
        )
    sampling = Sampling(choice.sampling.temperature, choice.sampling.top_p, choice.sampling.max_tokens, until="end")
    model = Path(choice.models[strategy.policy].folder).name
    match strategy:
        case fitted_choice.Vote():
            if strategy.temperature is not None:
                sampling = replace(sampling, temperature=strategy.temperature)
            return Votes(strategy, sampling, reader, model)
        case fitted_choice.Chains():
            limits = choice.sampling.model_dump()
            method = Revisions(**limits, max_history=strategy.max_history, window=reader.window)
            return Chained(strategy, method, reader, model)
        case _:
            has_no_depth = {"depth"} if strategy.kind == "beam" else set[str]()
            options = strategy.model_dump(exclude={"name", "policy", "verifier", *has_no_depth})
            limits = choice.sampling.model_dump() | choice.steps.model_dump(exclude_none=True)
            search = StepSearch(method=options, closing=reader.closing, **limits)  # pyright: ignore
            return Steps(strategy, search, reader, model)


class Votes:
    """Independent samples, scored where the rule asks for it."""

    least = 1

    def __init__(self, strategy: Vote, sampling: Sampling, reader: Reader, model: str) -> None:
        self.policy, self.verifier = strategy.policy, strategy.verifier
        self._kind, self._sampling, self._reader, self._model = strategy.kind, sampling, reader, model
        self._goes_on = strategy.temperature is None  # from samples that were drawn before

    def generations(self, budget: int) -> int:
        return budget

    def search(self, question: Question, budget: int, seed: int, drawn: Proposed | None) -> Search[Proposed]:
        check_room(question, self._sampling.max_tokens, self._reader.window)
        return self._sampled(question, budget, seed, drawn)

    def _sampled(self, question: Question, budget: int, seed: int, drawn: Proposed | None) -> Search[Proposed]:
        before = (drawn if self._goes_on else None) or Proposed([], np.zeros(0, np.float32), np.zeros(0, bool))
        fresh, finished = [], before.finished
        if (n_before := len(before.texts)) < budget:
            seeds = derive_seeds((seed, self._model, question.question_id, "pool"), np.arange(n_before, budget))
            request = SampleRequest(question.prompt, seeds)
            (samples,) = yield AskSamples([request], self._sampling, budget - n_before)
            fresh = list(samples)
            finished = np.concatenate([finished, np.ones(len(fresh), bool)])  # the judge reads whatever there is
        texts = self._reader.codec.decode(fresh) if fresh else []
        scores = np.ones(len(texts), np.float32)
        if self.verifier is not None and texts:
            distinct = list(dict.fromkeys(texts))
            request = ScoreRequest(question.prompt, self._reader.codec.encode(distinct))
            (steps,) = yield AskScores([request])
            of = {text: step[-1] for text, step in zip(distinct, steps, strict=True)}
            scores = np.array([of[text] for text in texts], np.float32)
        tokens = (*before.samples, *fresh)
        earlier = before.scores if self.verifier is not None else np.ones(n_before, np.float32)
        return Proposed([*before.texts, *texts], np.concatenate([earlier, scores]), finished, tokens)

    def choose(self, classes: np.ndarray, scores: np.ndarray) -> int:
        rules = {"weighted": selection.best_of_n_weighted, "best_of_n": selection.best_of_n}
        rule = rules.get(self._kind, selection.majority)
        return rule(classes, scores.astype(np.float64), np.zeros(len(classes), bool)).chosen


class Steps:
    """A search, answered by a vote weighted with the last steps' scores."""

    def __init__(self, strategy: fitted_choice.Search, search: StepSearch, reader: Reader, model: str) -> None:
        self.policy, self.verifier = strategy.policy, strategy.verifier
        self.least = search.method.least
        self._search, self._reader, self._key = search, reader, (model, strategy.name)

    def generations(self, budget: int) -> int:
        return self._search.generations(budget)

    def search(self, question: Question, budget: int, seed: int, drawn: Proposed | None) -> Search[Proposed]:
        check_room(question, self._search.max_tokens, self._reader.window)
        return self._found(self._search.search(question, budget, (seed, *self._key)))

    def _found(self, search: Search[Candidates]) -> Search[Proposed]:
        found = yield from search
        scores = np.array([each[-1] if len(each) else 0.0 for each in found.step_scores], np.float32)
        return Proposed(self._reader.codec.decode(found.tokens), scores, found.finished)

    def choose(self, classes: np.ndarray, scores: np.ndarray) -> int:
        return selection.best_of_n_weighted(classes, scores.astype(np.float64), np.zeros(len(classes), bool)).chosen


class Chained:
    """Chains of revisions side by side, read by the verifier of revisions in blocks of attempts."""

    def __init__(self, strategy: fitted_choice.Chains, method: Revisions, reader: Reader, model: str) -> None:
        self.policy, self.verifier = strategy.policy, strategy.verifier
        self.least = self._length = strategy.length
        self._method, self._reader, self._model = method, reader, model

    def generations(self, budget: int) -> int:
        return budget - budget % self._length

    def search(self, question: Question, budget: int, seed: int, drawn: Proposed | None) -> Search[Proposed]:
        needed = (self._method.max_history + 1) * (len(question.prompt) + self._method.max_tokens)
        check_room(question, needed - len(question.prompt), self._reader.window)
        return self._revised(question, budget // self._length, seed)

    def _revised(self, question: Question, n_chains: int, seed: int) -> Search[Proposed]:
        attempts: list[Attempt] = yield from self._method.search(
            question, [self._length] * n_chains, (seed, self._model)
        )
        attempts.sort(key=lambda attempt: (attempt.chain, attempt.position))
        texts = self._reader.codec.decode([attempt.tokens for attempt in attempts])
        finished = np.array([attempt.finish == FINISH_END for attempt in attempts])
        scores = np.zeros(len(attempts), np.float32)
        shown = [i for i, done in enumerate(finished) if done]
        if shown:
            scores[shown] = yield from self._scored(
                question.prompt, [attempts[i].chain for i in shown], [texts[i] for i in shown]
            )
        return Proposed(texts, scores, finished)

    def _scored(
        self, prompt: np.ndarray, chains: Sequence[int], texts: list[str]
    ) -> Generator[AskScores, Any, np.ndarray]:
        """The score of each finished attempt after the earlier ones of its block (`tts_lib.revisions.verifier`)."""
        tokens = encode_attempts(self._reader.codec, texts, self._reader.end_tokens)
        blocks: list[np.ndarray] = []
        ends: list[tuple[int, int]] = []  # of each attempt: its block, and the closing tokens up to its end
        begun: list[np.ndarray] = []
        place, last = 0, None
        for chain, attempt in zip(chains, tokens, strict=True):
            place = 0 if chain != last else place + 1
            begun = [attempt] if place % (self._method.max_history + 1) == 0 else [*begun, prompt, attempt]
            block = np.concatenate(begun)
            if len(begun) == 1:
                blocks.append(block)
            blocks[-1], last = block, chain
            ends.append((len(blocks) - 1, int(np.isin(block, self._reader.closing).sum()) - 1))
        results: list[list[np.ndarray]] = yield AskScores([ScoreRequest(prompt, [block]) for block in blocks])
        return np.array([results[block][0][at] for block, at in ends], np.float32)

    def choose(self, classes: np.ndarray, scores: np.ndarray) -> int:
        at = ratios.chosen(classes, scores.astype(np.float64), self._length)
        return at if classes[at] != NO_ANSWER else -1


class PromptTooLongError(StudyError):
    """A question that does not fit the model's window."""


def check_room(question: Question, needed: int, window: int) -> None:
    """Refuse a prompt behind which `needed` tokens do not fit the window.

    Raises:
        PromptTooLongError: it does not fit.
    """
    if (room := window - needed) < len(question.prompt):
        raise PromptTooLongError(
            f"the prompt has {len(question.prompt)} tokens, but the model's window of {window} leaves room for {room} "
            "before a solution"
        )
