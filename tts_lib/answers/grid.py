"""A pool as it is read: the samples of each question side by side, and what one of them costs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from tts_lib.estimators.selection import NO_ANSWER
from tts_lib.grading import verdicts


@dataclass(frozen=True, eq=False)
class SampleGrid:
    """The samples of each question side by side. Row q ends at n_samples[q]; what stands behind is never read."""

    question_ids: tuple[str, ...]
    n_samples: Int[np.ndarray, " problem"]
    correct: Bool[np.ndarray, "problem sample"]
    answers: Int[np.ndarray, "problem sample"]  # answer class; -1 = none
    row: Int[np.ndarray, " pool"]  # where each sample of the pool's table stands; -1 = of another question
    column: Int[np.ndarray, " pool"]

    @property
    def smallest(self) -> int:
        """Samples of the question that has fewest: the largest budget within reach."""
        return int(self.n_samples.min())

    @property
    def has_answers(self) -> bool:
        """Whether any sample has an answer; an imported pool of verdicts alone has none, and cannot vote."""
        return bool((self.answers >= 0).any())

    def spread(self, values: np.ndarray) -> np.ndarray:
        """A column of the pool's table as (problem, sample)."""
        grid = np.zeros(self.correct.shape, values.dtype)
        kept = self.row >= 0
        grid[self.row[kept], self.column[kept]] = values[kept]
        return grid

    def without_first(self, n: int) -> "SampleGrid":
        """The same without the first n samples of each question.

        Raises:
            ValueError: a question would have none left.
        """
        if n == 0:
            return self
        if n >= self.smallest:
            question = self.question_ids[int(self.n_samples.argmin())]
            raise ValueError(f"question {question} has {self.smallest} samples: none are left without the first {n}")
        row = np.where(self.column < n, -1, self.row)
        arrays = (self.n_samples - n, self.correct[:, n:], self.answers[:, n:], row, self.column - n)
        return SampleGrid(self.question_ids, *arrays)


def grid(pool: pd.DataFrame, question_ids: Sequence[str]) -> SampleGrid:
    """The verdicts and answer classes of a pool, questions in the order given, samples in the table's order.

    Raises:
        ValueError: a question has no sample.
    """
    row = pd.Index(question_ids).get_indexer(pd.Index(pool["question_id"]))
    column = pool.groupby("question_id", sort=False).cumcount().to_numpy()
    n_samples = np.bincount(row[row >= 0], minlength=len(question_ids))
    if (n_samples == 0).any():
        raise ValueError(f"the pool has no sample of question {question_ids[int((n_samples == 0).argmax())]}")
    shape = (len(question_ids), int(n_samples.max()))
    empty = SampleGrid(
        tuple(question_ids), n_samples, np.zeros(shape, bool), np.full(shape, NO_ANSWER), row, column.astype(np.int64)
    )
    correct = empty.spread((pool["verdict"] == verdicts.CORRECT).to_numpy())
    answers = np.where(
        np.arange(shape[1]) < n_samples[:, None], empty.spread(pool["answer_class"].to_numpy(np.int64)), NO_ANSWER
    )
    return replace(empty, correct=correct, answers=answers)


def sample_costs(
    pool: SampleGrid, prompt_tokens: Sequence[int], n_tokens: np.ndarray, n_steps: np.ndarray
) -> pd.DataFrame:
    """Tokens of one sample of each question, averaged over its pool; a verifier reads what the policy wrote.

    Args:
        pool: the samples.
        prompt_tokens: of each question.
        n_tokens, n_steps: of each sample, (problem, sample).
    """
    used = np.arange(pool.correct.shape[1]) < pool.n_samples[:, None]
    tokens, steps = (np.where(used, values, 0).sum(axis=1) / pool.n_samples for values in (n_tokens, n_steps))
    return pd.DataFrame(
        {
            "question_id": pool.question_ids,
            "prompt_tokens": prompt_tokens,
            "mean_policy_tokens": tokens,
            "mean_verifier_tokens": tokens,
            "n_steps": steps,
        }
    )


def check_aligned(pool: pd.DataFrame, scores: pd.DataFrame) -> None:
    """Refuse scores whose rows are not those of the pool, in its order.

    Raises:
        ValueError: they differ; names the first row that does.
    """
    keys = ["question_id", "sample"]
    if len(pool) != len(scores):
        raise ValueError(f"{len(scores)} scores for a pool of {len(pool)} samples")
    differs = (pool[keys].to_numpy() != scores[keys].to_numpy()).any(axis=1)
    if differs.any():
        raise ValueError(f"row {int(differs.argmax())} of the scores belongs to another sample than that of the pool")
