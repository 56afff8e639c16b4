"""A pool as it is read: the samples of each question side by side, and what one of them costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from tts_lib.answers.cost import attended
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


def sample_costs(pool: pd.DataFrame, n_steps: np.ndarray, prompt_tokens: Mapping[str, int]) -> pd.DataFrame:
    """Tokens of one sample of each question, averaged over its pool; a verifier reads what the policy wrote.

    `mean_attended` are the positions that a sample's tokens attend to (`cost.attended`), those of the prompt included.

    Args:
        pool: the samples (question_id, n_tokens).
        n_steps: of each of them.
        prompt_tokens: of each question, in the order of the result.
    """
    n_tokens = pool["n_tokens"].to_numpy(float)
    behind = np.array([prompt_tokens[name] for name in pool["question_id"]], float)
    counts = {"n_tokens": n_tokens, "n_steps": n_steps, "attended": attended(behind, n_tokens)}
    samples = pd.DataFrame({"question_id": pool["question_id"], **counts})
    means = samples.groupby("question_id").agg("mean", skipna=False).reindex(list(prompt_tokens))
    return pd.DataFrame(
        {
            "question_id": list(prompt_tokens),
            "prompt_tokens": list(prompt_tokens.values()),
            "mean_policy_tokens": means["n_tokens"].to_numpy(),
            "mean_verifier_tokens": means["n_tokens"].to_numpy(),
            "mean_attended": means["attended"].to_numpy(),
            "n_steps": means["n_steps"].to_numpy(),
        }
    )


def greedy_answers(greedy: pd.DataFrame, prompt_tokens: Mapping[str, int]) -> pd.DataFrame:
    """Whether each greedy answer (question_id, verdict, n_tokens) is right, and the tokens of question and answer."""
    right = greedy["verdict"] == verdicts.CORRECT
    found = pd.DataFrame({"question_id": greedy["question_id"], "correct": right, "n_tokens": greedy["n_tokens"]})
    return found.assign(prompt_tokens=[prompt_tokens[name] for name in found["question_id"]])


def check_aligned(pool: pd.DataFrame, scores: pd.DataFrame) -> None:
    """Refuse scores whose rows are not those of the pool, in its order.

    Raises:
        ValueError: they differ; names the first row that does.
    """
    if len(pool) != len(scores):
        raise ValueError(f"{len(scores)} scores for a pool of {len(pool)} samples")
    differs = np.zeros(len(pool), dtype=bool)
    for key in ("question_id", "sample"):
        differs |= pool[key].to_numpy() != scores[key].to_numpy()
    if differs.any():
        raise ValueError(f"row {int(differs.argmax())} of the scores belongs to another sample than that of the pool")
