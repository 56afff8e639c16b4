"""What a search returns: the candidate solutions found for a question."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Candidates:
    """The candidate solutions of one question, finished ones first; which one answers is decided by `selection`.

    Attributes:
        tokens: the solutions without the prompt, int32 (T,) each. Independent samples that came out equal stand here
            as often as they were sampled, because a vote counts them; no sample stands here twice, but for a particle
            filter's, of which a particle stands here as often as it is held.
        step_scores: the verifier's score of each whole step, float32 (n_steps,) each.
        finished: whether the solution ended with the end token, bool (n,). The others have no answer.
        n_rounds: steps taken by the search.
        n_samples: samples drawn, rollouts not counted.
        n_duplicates: of these, samples equal to another sample of their round and prefix.
        n_truncated: of these, samples cut off at a token limit.
        weights: how much each counts in a vote without scores, float64 (n,): one each, but for a particle filter's.
        hit_round_limit: whether the search was stopped with prefixes still to be expanded.
    """

    tokens: list[np.ndarray]
    step_scores: list[np.ndarray]
    finished: np.ndarray
    n_rounds: int
    n_samples: int
    n_duplicates: int
    n_truncated: int
    weights: np.ndarray
    hit_round_limit: bool

    @property
    def n_distinct(self) -> int:
        """Number of different solutions among the candidates."""
        return len({solution.tobytes() for solution in self.tokens})
