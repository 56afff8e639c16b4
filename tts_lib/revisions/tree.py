"""Who is revised? Levels of attempts, in which each is a revision of one of the level before.

Chains revise every attempt once, however good it is. Here the parents of a level are dealt: one child each
(`uniform`, the chains again), in proportion to exp(score / T) (`score`: a promising attempt is revised more often),
or in proportion to what a child was seen to gain (`gain`: the probability, measured on other questions, that a parent
of this score is wrong and its child right). A high score says that an attempt is promising, but also that it may be
left alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tts_lib.answers.protocols import FINISH_END, SampleRequest, Samples, ScoreRequest
from tts_lib.answers.question_table import Question
from tts_lib.answers.scheduler import AskSamples, AskScores, Search
from tts_lib.common.rng import Part, derive_seeds
from tts_lib.revisions.chains import Revisions, context

TEMPERATURE = 0.2  # of the scores that parents are dealt by
LEAST_GAIN = 1e-3  # so that nobody is ruled out
Gain = Callable[[np.ndarray], np.ndarray]  # scores of parents -> what a child gains


@dataclass(frozen=True)
class Revised:
    """An attempt of a level, and the place of its parent in the level before (-1: it has none)."""

    level: int  # from 1
    place: int
    parent: int
    tokens: np.ndarray
    n_context: int
    finish: int
    score: float  # of its last step; 0 for one that was cut off


@dataclass(frozen=True, kw_only=True)
class ReviseTree:
    """How attempts are sampled, and how parents are dealt; `gain` is needed by `gain` alone."""

    sampling: Revisions
    dealt: Literal["uniform", "score", "gain"]
    gain: Gain | None = None

    def search(
        self, question: Question, width: int, n_levels: int, seed_key: tuple[Part, ...]
    ) -> Search[list[Revised]]:
        """Levels of `width` attempts; all of them, level by level.

        Raises:
            ValueError: a context leaves no room for an attempt.
        """
        lineages: list[tuple[np.ndarray, ...]] = [()] * width
        parents, attempts = np.full(width, -1), list[Revised]()
        for level in range(1, n_levels + 1):
            seeds = derive_seeds((*seed_key, question.question_id, "revise tree", level), width)
            prefixes = [context(question.prompt, lineage) for lineage in lineages]
            self.sampling.check_room(prefixes)
            requests = [SampleRequest(prefix, seeds[i : i + 1]) for i, prefix in enumerate(prefixes)]
            results: list[Samples] = yield AskSamples(
                [SampleRequest(prefixes[0], seeds)] if level == 1 else requests, self.sampling.of_attempt, width
            )
            sampled: list[Any] = [(s[i], int(s.finish[i])) for s in results for i in range(len(s))]
            scores = np.zeros(width)
            if done := [place for place, (_, finish) in enumerate(sampled) if finish == FINISH_END]:
                (found,) = yield AskScores([ScoreRequest(question.prompt, [sampled[place][0] for place in done])])
                scores[done] = [float(steps[-1]) for steps in found]
            for place, (tokens, finish) in enumerate(sampled):
                own = (level, place, int(parents[place]), tokens, len(prefixes[place]), finish, float(scores[place]))
                attempts.append(Revised(*own))
            draw = derive_seeds((*seed_key, question.question_id, "revise tree dealt", level), 1)
            parents = self._dealt(scores, float(draw[0]) / 2.0**64)
            lineages = [self._lineage(lineages[parent], *sampled[parent]) for parent in parents.tolist()]
        return attempts

    def _lineage(self, before: tuple[np.ndarray, ...], tokens: np.ndarray, finish: int) -> tuple[np.ndarray, ...]:
        """What a child of this attempt is shown, oldest first."""
        shown = (*before, tokens) if finish == FINISH_END else before
        return shown[-self.sampling.max_history :] if self.sampling.max_history else ()

    def _dealt(self, scores: np.ndarray, draw: float) -> np.ndarray:
        """The parent of each place of the next level."""
        if self.dealt == "uniform":
            return np.arange(len(scores))
        if self.dealt == "score":
            weights = np.exp((scores - scores.max()) / TEMPERATURE)
        else:
            assert self.gain is not None, "gain needs a curve"
            weights = np.maximum(self.gain(scores), LEAST_GAIN)
        return systematic(weights, draw)


def systematic(weights: np.ndarray, draw: float) -> np.ndarray:
    """As many places as there are weights, dealt in proportion to them with a single draw in [0, 1): index (place,)."""
    n = len(weights)
    edges = np.cumsum(weights) / weights.sum()
    return np.minimum(np.searchsorted(edges, (np.arange(n) + draw) / n, side="right"), n - 1)


def gain_curve(parents: Sequence[float], parent_right: Sequence[bool], child_right: Sequence[bool]) -> Gain:
    """How often a wrong parent of a score has a right child, from (parent, child) pairs, by tenths of the scores.

    Raises:
        ValueError: there are fewer than 30 pairs.
    """
    scores = np.asarray(parents, np.float64)
    if len(scores) < 30:
        raise ValueError(f"{len(scores)} pairs of a parent and a child: at least 30 are needed for a curve")
    edges = np.unique(np.quantile(scores, np.linspace(0.1, 0.9, 9)))
    cell = np.searchsorted(edges, scores, side="right")
    gained = np.asarray(child_right, np.float64) * ~np.asarray(parent_right, bool)  # a wrong parent, a right child
    n = np.bincount(cell, minlength=len(edges) + 1)
    mean = (np.bincount(cell, gained, len(edges) + 1) + gained.mean()) / (n + 1)

    def gain(asked: np.ndarray) -> np.ndarray:
        return mean[np.searchsorted(edges, asked, side="right")]

    return gain
