"""Choosing one answer from one question's candidates: step scores to a score, scores and answers to a choice (§5.1).

Candidates keep their order of generation, and every tie goes to the earliest: best-of-N takes the first candidate of
the highest score; a vote takes, among answers with the largest sum, the one that was proposed first. A vote's chosen
index is the answer's candidate of highest score (the first of them), as the two-level selection of §6.1 needs.
Differs from tts_lib.estimators.subsets, which averages over subsets and therefore shares a tie uniformly.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import fsum
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float, Int

AGGREGATIONS = ("last", "min", "prod", "mean")
NO_ANSWER = -1
MAJORITY = "majority"  # the selection that needs no score


@dataclass(frozen=True, eq=False)
class Selection:
    """The candidates of one question, the evidence about them, and the one that was chosen."""

    answers: Int[np.ndarray, " candidate"]  # answer class of each candidate, -1 = no answer
    scores: Float[np.ndarray, " candidate"]
    candidate_correct: Bool[np.ndarray, " candidate"]
    chosen: int  # index of the chosen candidate; -1 where a vote found no answer to vote for

    @property
    def answer(self) -> int:
        """Class of the chosen answer; -1 = none."""
        return NO_ANSWER if self.chosen < 0 else int(self.answers[self.chosen])

    @property
    def correct(self) -> bool:
        """Whether the chosen answer is right; a missing answer is wrong."""
        return self.chosen >= 0 and bool(self.candidate_correct[self.chosen])


def aggregate_steps(
    step_scores: Float[np.ndarray, " step"], offsets: Int[np.ndarray, " boundary"], how: str
) -> Float[np.ndarray, " sample"]:
    """Solution scores from step scores (§5.1, App. E): last, min, prod or mean of each solution's steps.

    Args:
        step_scores: the steps of all solutions, end to end.
        offsets: solution i owns steps offsets[i] to offsets[i + 1] (n_solutions + 1 entries).

    Raises:
        ValueError: unknown `how`; offsets that do not cover the steps; a solution without a step.
    """
    if how not in AGGREGATIONS:
        raise ValueError(f"aggregation {how!r} is unknown: choose one of {', '.join(AGGREGATIONS)}")
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(step_scores):
        raise ValueError(f"offsets must run from 0 to the number of step scores, {len(step_scores)}")
    lengths = np.diff(offsets)
    if (lengths < 1).any():
        raise ValueError(f"solution {int(np.argmax(lengths < 1))} has no step score: every solution needs at least 1")
    scores, starts = step_scores.astype(np.float64), offsets[:-1]
    if len(starts) == 0:
        return scores
    if how == "last":
        return scores[offsets[1:] - 1]
    if how == "min":
        return np.minimum.reduceat(scores, starts)
    if how == "prod":
        return np.multiply.reduceat(scores, starts)
    return np.add.reduceat(scores, starts) / lengths


def majority(
    answers: Int[np.ndarray, " candidate"],
    scores: Float[np.ndarray, " candidate"],
    correct: Bool[np.ndarray, " candidate"],
) -> Selection:
    """The most frequent answer (self-consistency). Candidates without an answer do not vote.

    Raises:
        ValueError: no candidates; arrays of unequal length; a score that is not a number.
    """
    return _vote(answers, scores, correct, np.ones(len(answers)))


def best_of_n(
    answers: Int[np.ndarray, " candidate"],
    scores: Float[np.ndarray, " candidate"],
    correct: Bool[np.ndarray, " candidate"],
) -> Selection:
    """The candidate of the highest score, with or without an answer.

    Raises:
        ValueError: no candidates; arrays of unequal length; a score that is not a number.
    """
    _check(answers, scores, correct)
    return Selection(answers, scores, correct, int(np.argmax(scores)))


def best_of_n_weighted(
    answers: Int[np.ndarray, " candidate"],
    scores: Float[np.ndarray, " candidate"],
    correct: Bool[np.ndarray, " candidate"],
) -> Selection:
    """The answer whose candidates' scores sum highest. Candidates without an answer do not vote.

    Raises:
        ValueError: no candidates; arrays of unequal length; a score that is not a number, or negative.
    """
    if (scores < 0).any():
        raise ValueError(f"scores weigh votes and must be >= 0; the lowest is {scores.min()}")
    return _vote(answers, scores, correct, scores)


RULES: Mapping[str, Callable[..., Selection]] = MappingProxyType(
    {"majority": majority, "best_of_n": best_of_n, "best_of_n_weighted": best_of_n_weighted}
)


def _vote(
    answers: Int[np.ndarray, " candidate"],
    scores: Float[np.ndarray, " candidate"],
    correct: Bool[np.ndarray, " candidate"],
    weights: Float[np.ndarray, " candidate"],
) -> Selection:
    """Sums are rounded once (fsum), so that they do not depend on the order of the candidates."""
    _check(answers, scores, correct)
    votes: dict[int, list[float]] = {}
    for answer, weight in zip(answers.tolist(), weights.tolist(), strict=True):
        if answer != NO_ANSWER:
            votes.setdefault(answer, []).append(weight)
    if not votes:
        return Selection(answers, scores, correct, chosen=-1)
    winner = max(votes, key=lambda answer: fsum(votes[answer]))  # max keeps the first
    members = np.flatnonzero(answers == winner)
    return Selection(answers, scores, correct, int(members[np.argmax(scores[members])]))


def _check(
    answers: Int[np.ndarray, " candidate"],
    scores: Float[np.ndarray, " candidate"],
    correct: Bool[np.ndarray, " candidate"],
) -> None:
    if not len(answers) == len(scores) == len(correct):
        raise ValueError(f"{len(answers)} answers, {len(scores)} scores, {len(correct)} gradings: one each is needed")
    if len(answers) == 0:
        raise ValueError("there are no candidates to select from")
    if np.isnan(scores).any():
        raise ValueError(f"the score of candidate {int(np.argmax(np.isnan(scores)))} is NaN")
