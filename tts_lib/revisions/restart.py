"""Verifiers and revisions in one solution, which the paper leaves undone (§8).

A revision starts over with the failed attempts in view; a search goes on from a good prefix and forgets the failure.
Where does the next attempt begin, and what does it see? Both are cells of one table, of one revision model:

    the next attempt begins at          earlier attempts not shown      shown
    the beginning                       parallel samples                revisions (§6.1)
    a random step of the last one       control                         control
    its first bad step                  backtracking                    both mechanisms

The first bad step is the first that the verifier scores below a threshold, or, where none is, that of the largest drop.
What stands before it is kept and sampled on to the end. An attempt that was cut off is neither shown nor gone on from.
The first attempts of all cells are the same samples.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tts_lib.answers.protocols import FINISH_END, FINISH_LENGTH, SampleRequest, ScoreRequest
from tts_lib.answers.question_table import Question
from tts_lib.answers.scheduler import AskSamples, AskScores, Search
from tts_lib.common.rng import Part, derive_seeds
from tts_lib.revisions.chains import Revisions, context, one_by_one

Where = Literal["start", "random", "first_error", "true_error"]
Truth = Callable[[str, np.ndarray], int]  # question and solution -> its first wrong step, -1 if all are right
StepEnds = Callable[[np.ndarray], np.ndarray]  # solution -> where each of its steps ends, (step,)


@dataclass(frozen=True)
class Restarted:
    """An attempt of a chain, whole, and what its verifier says."""

    chain: int
    position: int  # from 1
    tokens: np.ndarray  # int32 (T,), those that were kept included
    n_kept: int  # of the attempt before it
    n_context: int  # tokens it was sampled after
    finish: int
    scores: np.ndarray  # float32 (step,); empty for an attempt that was cut off


@dataclass(frozen=True, kw_only=True)
class Restart:
    """A cell of the table.

    Attributes:
        sampling: how attempts are sampled, and how many of the earlier ones are shown at most.
        where: the next attempt begins; `true_error` is told the answer, an upper limit and no result.
        shown: whether the earlier attempts of the chain stand in the context.
        threshold: a step scored below it is bad; at 0 none is, and the largest drop decides.
        ends: finds the ends of the steps that the verifier scores.
        truth: finds the true first error, for `true_error`.
    """

    sampling: Revisions
    where: Where
    shown: bool
    threshold: float
    ends: StepEnds
    truth: Truth | None = None

    def search(
        self, question: Question, n_chains: int, length: int, seed_key: tuple[Part, ...]
    ) -> Search[list[Restarted]]:
        """Chains of equal length side by side; the attempts in order of position, then chain.

        Raises:
            ValueError: a context leaves no room for an attempt.
        """
        seen: list[list[np.ndarray]] = [[] for _ in range(n_chains)]
        kept = [np.zeros(0, np.int32)] * n_chains
        attempts: list[Restarted] = []
        for position in range(1, length + 1):
            seeds = derive_seeds((*seed_key, question.question_id, "restart", position), n_chains)
            before = [self._before(question.prompt, seen[chain]) for chain in range(n_chains)]
            prefixes = [np.concatenate([text, stay]) for text, stay in zip(before, kept, strict=True)]
            self.sampling.check_room(prefixes)
            results = yield AskSamples(_requests(prefixes, seeds), self.sampling.of_attempt, n_chains)
            whole = [self._whole(stay, *each) for stay, each in zip(kept, one_by_one(results), strict=True)]
            done = [chain for chain in range(n_chains) if whole[chain][1] == FINISH_END]
            scores = [np.zeros(0, np.float32)] * n_chains
            if done:
                (found,) = yield AskScores([ScoreRequest(question.prompt, [whole[chain][0] for chain in done])])
                for chain, steps in zip(done, found, strict=True):
                    scores[chain] = steps
            draws = derive_seeds((*seed_key, question.question_id, "restart at", position), n_chains)
            for chain, (tokens, finish) in enumerate(whole):
                sizes = (len(kept[chain]), len(prefixes[chain]))
                attempts.append(Restarted(chain, position, tokens, *sizes, finish, scores[chain]))
                kept[chain] = tokens[:0]
                if finish == FINISH_END:
                    seen[chain].append(tokens)
                    kept[chain] = self._kept(question, tokens, scores[chain], int(draws[chain]))
        return attempts

    def _before(self, prompt: np.ndarray, seen: list[np.ndarray]) -> np.ndarray:
        """What stands before the attempt."""
        shown = tuple(seen[-self.sampling.max_history :]) if self.shown and self.sampling.max_history else ()
        return context(prompt, shown)

    def _whole(self, kept: np.ndarray, new: np.ndarray, finish: int) -> tuple[np.ndarray, int]:
        """The attempt with what was kept of the last one, and how it ended: at its own limit, if not before."""
        tokens = np.concatenate([kept, new]).astype(np.int32)
        if len(tokens) > self.sampling.max_tokens:
            return tokens[: self.sampling.max_tokens], FINISH_LENGTH
        return tokens, finish

    def _kept(self, question: Question, tokens: np.ndarray, scores: np.ndarray, draw: int) -> np.ndarray:
        """What the next attempt keeps of a finished one."""
        ends = self.ends(tokens)
        n_steps = min(len(ends), len(scores))
        if self.where == "start" or n_steps == 0:
            return tokens[:0]
        if self.where == "random":
            step = draw % n_steps
        elif self.where == "first_error":
            step = first_bad(scores, self.threshold)
        else:
            assert self.truth is not None, "true_error needs to be told the truth"
            step = self.truth(question.question_id, tokens)
            step = n_steps - 1 if step < 0 else step  # a right one: its last step is taken again
        return tokens[: 0 if step == 0 else ends[min(step, n_steps) - 1]]


def first_bad(scores: np.ndarray, threshold: float) -> int:
    """Index of the first step scored below the threshold, or else of the one of the largest drop, from 1 at first.

    Args:
        scores: of each step, float (step,) in [0, 1].
    """
    below = scores < threshold
    if below.any():
        return int(below.argmax())
    return int((np.concatenate([[1.0], scores[:-1]]) - scores).argmax())


def _requests(prefixes: Sequence[np.ndarray], seeds: np.ndarray) -> list[SampleRequest]:
    """One request a chain, or a single one where all begin alike, so that they share what is read."""
    if all(np.array_equal(prefix, prefixes[0]) for prefix in prefixes):
        return [SampleRequest(prefixes[0], seeds)]
    return [SampleRequest(prefix, seeds[i : i + 1]) for i, prefix in enumerate(prefixes)]
