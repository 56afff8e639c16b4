"""Pools: independent samples of every question, sampled once and replayed by every later stage."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from tts_lib import grading, rng
from tts_lib.grading.judging import ExactJudge, Judge
from tts_lib.protocols import (
    FINISH_END,
    FINISH_LENGTH,
    FINISH_STEP,
    ContextOverflowError,
    SampleRequest,
    Samples,
    Sampling,
)
from tts_lib.selection import NO_ANSWER
from tts_lib.types import StudyError

FINISH_NAMES = {FINISH_STEP: "step", FINISH_END: "end", FINISH_LENGTH: "length"}
COLUMNS = ["question_id", "sample", "text", "n_tokens", "finish", "answer", "verdict", "answer_class"]


@runtime_checkable
class ChunkedPolicy(Protocol):
    """A policy that keeps what it has sampled (`tts_lib.cached.CachedPolicy`)."""

    def sample_in_chunks(self, requests: list[SampleRequest], sampling: Sampling) -> list[Samples]: ...


@runtime_checkable
class Codec(Protocol):
    """Text to token ids and back (`tokenizers.Tokenizer` through `tts_lib.models.tokenizer.TokenCodec`)."""

    @property
    def version(self) -> str:
        """Names the tokenizer: what its token ids mean."""
        ...

    def encode(self, texts: list[str]) -> list[np.ndarray]: ...

    def decode(self, tokens: list[np.ndarray]) -> list[str]: ...


def encode_attempts(codec: Codec, texts: list[str], end_tokens: Sequence[int] = ()) -> list[np.ndarray]:
    """The tokens of finished solutions, int32 (T,) each, as they were sampled: up to and with a token that ends them.

    Args:
        end_tokens: those of the policy whose text has none of the token that ended it, as a chat model's has not; the
            first is put at the end of texts that end in none of them.
    """
    tokens = codec.encode(texts)
    if not end_tokens:
        return tokens
    end = np.array(end_tokens[:1], np.int32)
    return [each if len(each) and each[-1] in end_tokens else np.concatenate([each, end]) for each in tokens]


def sample_pool(
    policy: ChunkedPolicy,
    codec: Codec,
    problems: pd.DataFrame,
    n_samples: int,
    sampling: Sampling,
    study_seed: int,
    model: str,
    judge: Judge = ExactJudge(),  # noqa: B008 - has no state
) -> pd.DataFrame:
    """One row per sample, graded; sample i of a question is the same in a pool of any size."""
    prompts = codec.encode(problems["problem"].tolist())
    requests = [
        SampleRequest(prompt, rng.derive_seeds((study_seed, model, question_id, "pool"), n_samples))
        for question_id, prompt in zip(problems["question_id"], prompts, strict=True)
    ]
    with naming_questions(problems["question_id"], prompts):
        results = policy.sample_in_chunks(requests, sampling)
    return pd.concat(
        [
            _graded(question_id, gold, samples, codec, judge)
            for question_id, gold, samples in zip(problems["question_id"], problems["answer"], results, strict=True)
        ],
        ignore_index=True,
    )


@contextmanager
def naming_questions(question_ids: Iterable[str], prompts: Iterable[np.ndarray]) -> Iterator[None]:
    """Says whose text it is that does not fit a model's window.

    Args:
        prompts: int32 (T,) of each question.

    Raises:
        StudyError: a text does not fit; names the question.
    """
    try:
        yield
    except ContextOverflowError as error:
        named = zip(question_ids, prompts, strict=True)
        of = next((name for name, prompt in named if np.array_equal(error.prefix[: len(prompt)], prompt)), "unknown")
        raise StudyError(f"question {of}: {error}") from error


def _graded(question_id: str, gold: str, samples: Samples, codec: Codec, judge: Judge) -> pd.DataFrame:
    texts = codec.decode([samples[i] for i in range(len(samples))])
    judged = judge.judge(question_id, gold, texts)
    return pd.DataFrame(
        {
            "question_id": question_id,
            "sample": np.arange(len(samples)),
            "text": texts,
            "n_tokens": np.diff(samples.offsets),
            "finish": [FINISH_NAMES[f] for f in samples.finish],
            "answer": judged.answers,
            "verdict": judged.verdicts,
            "answer_class": judged.classes,
        },
        columns=COLUMNS,
    )


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
    correct = empty.spread((pool["verdict"] == grading.CORRECT).to_numpy())
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
