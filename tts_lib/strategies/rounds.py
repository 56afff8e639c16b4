"""What a round of self-improvement made of a policy, read from a scored pool of its samples, question by question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from tts_lib.answers.grid import SampleGrid
from tts_lib.estimators import score_quality, subsets
from tts_lib.estimators.selection import NO_ANSWER

N_RESAMPLES = 200  # subsets a vote


@dataclass(frozen=True, eq=False)
class Round:
    """A policy on test questions at each budget up to its pool, and how diverse its samples are.

    Attributes:
        coverage: pass@k.
        unguessed: the same with the guessing floor taken out, see `unguessed`.
        right_throughout: the same of samples that are right in every step; None where steps cannot be checked.
        weighted: best-of-N weighted by each verifier that read the pool, by its name.
        distinct_answers, distinct_solutions: among the first samples.
        entropy: of the answers of all samples, in nats.
        auc: of each verifier within the question; NaN where its samples are all right or all wrong.
        prompt, tokens: of the question, and of one sample in the mean.
    """

    budgets: tuple[int, ...]
    coverage: Float[np.ndarray, "problem budget"]
    unguessed: Float[np.ndarray, "problem budget"]
    right_throughout: Float[np.ndarray, "problem budget"] | None
    majority: Float[np.ndarray, "problem budget"]
    weighted: Mapping[str, Float[np.ndarray, "problem budget"]]
    distinct_answers: Float[np.ndarray, " problem"]
    distinct_solutions: Float[np.ndarray, " problem"]
    entropy: Float[np.ndarray, " problem"]
    auc: Mapping[str, Float[np.ndarray, " problem"]]
    prompt: Float[np.ndarray, " problem"]
    tokens: Float[np.ndarray, " problem"]

    @property
    def pass_at_1(self) -> Float[np.ndarray, " problem"]:
        return self.coverage[:, self.budgets.index(1)]

    @property
    def not_guessed(self) -> Float[np.ndarray, "problem budget"]:
        """Coverage by samples that are right in every step, or else with the guessing floor taken out."""
        return self.unguessed if self.right_throughout is None else self.right_throughout

    def gap(self, verifier: str, at: int) -> Float[np.ndarray, " problem"]:
        """What verification adds to generation: best-of-N weighted at a budget less pass@1 (2412.02674)."""
        return self.weighted[verifier][:, self.budgets.index(at)] - self.pass_at_1


@dataclass(frozen=True, eq=False)
class Pool:
    """Samples of test questions, side by side, as `Round` is read from them.

    Attributes:
        texts: a number for each different text.
        scores: by the name of each verifier.
        throughout: whether a sample is right in every step; None where steps cannot be checked.
    """

    grid: SampleGrid
    texts: Int[np.ndarray, "problem sample"]
    scores: Mapping[str, Float[np.ndarray, "problem sample"]]
    throughout: Bool[np.ndarray, "problem sample"] | None
    prompt: Float[np.ndarray, " problem"]
    tokens: Float[np.ndarray, "problem sample"]

    @classmethod
    def of(
        cls,
        samples: pd.DataFrame,
        grid: SampleGrid,
        scores: Mapping[str, np.ndarray],
        throughout: np.ndarray | None,
        prompts: Mapping[str, int],
    ) -> "Pool":
        """Of a pool's table and what is known of each of its rows.

        Args:
            grid: of the same table.
            prompts: tokens of each question's prompt.
        """
        return cls(
            grid,
            grid.spread(pd.factorize(samples["text"])[0].astype(np.int64)),
            {name: grid.spread(values.astype(np.float64)) for name, values in scores.items()},
            None if throughout is None else grid.spread(throughout),
            np.array([prompts[name] for name in grid.question_ids], float),
            grid.spread(samples["n_tokens"].to_numpy(float)),
        )


def read(pool: Pool, budgets: Sequence[int], at: int, guess_rate: float, rng: np.random.Generator) -> Round:
    """Everything that is measured of a round.

    Args:
        budgets: up to the pool's size.
        at: samples among which different answers and solutions are counted, the first.
        guess_rate: chance that an answer of the right form is right, 0..1.
        rng: draws the subsets that vote; the same for pools of one size, so that they are compared on the same.
    """
    grid, n = pool.grid, pool.grid.n_samples
    ballots = {"": None, **pool.scores}
    votes = subsets.vote(grid.correct, grid.answers, ballots, budgets, rng, N_RESAMPLES, n)
    n_right = grid.correct.sum(axis=1)
    return Round(
        budgets=tuple(budgets),
        coverage=subsets.coverage(n_right, n, budgets),
        unguessed=unguessed(n_right / n, budgets, guess_rate),
        right_throughout=None if pool.throughout is None else subsets.coverage(pool.throughout.sum(axis=1), n, budgets),
        majority=votes[""].accuracy,
        weighted={name: votes[name].accuracy for name in pool.scores},
        distinct_answers=_n_distinct(grid.answers[:, :at]),
        distinct_solutions=_n_distinct(pool.texts[:, :at]),
        entropy=entropy(grid.answers),
        auc={name: score_quality.auc_by_question(scores, grid.correct) for name, scores in pool.scores.items()},
        prompt=pool.prompt,
        tokens=pool.tokens.mean(axis=1),
    )


def unguessed(
    share_right: Float[np.ndarray, " problem"], budgets: Sequence[int], guess_rate: float
) -> Float[np.ndarray, "problem budget"]:
    """Coverage of a policy that does not guess: a sample is right by knowledge (p') or else by chance (c).

    p = c + (1 - c) p', so that p' = (p - c) / (1 - c), at least 0, and coverage is 1 - (1 - p')^k. It takes the share
    of right samples for p, and is not unbiased as pass@k is: compare pools of one size.
    """
    known = np.maximum(share_right - guess_rate, 0) / (1 - guess_rate)
    return 1 - (1 - known[:, None]) ** np.asarray(budgets, float)


def entropy(answers: Int[np.ndarray, "problem sample"]) -> Float[np.ndarray, " problem"]:
    """Of the answers of each question's samples, in nats; samples without an answer are left out."""
    found = np.zeros(len(answers))
    for row, own in enumerate(answers):
        counts = np.unique(own[own != NO_ANSWER], return_counts=True)[1]
        share = counts / max(counts.sum(), 1)
        found[row] = (share * np.log(1 / share)).sum()
    return found


def _n_distinct(values: Int[np.ndarray, "problem sample"]) -> Float[np.ndarray, " problem"]:
    """Different ones in each row; what is below 0 is none."""
    ordered = np.sort(values, axis=1)
    new = np.diff(ordered, axis=1, prepend=-1) != 0
    return (new & (ordered >= 0)).sum(axis=1).astype(float)
