"""Pools: K independent samples of every question, sampled once and replayed by every later stage."""

from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd

from tts_lib import grading, rng
from tts_lib.protocols import FINISH_END, FINISH_LENGTH, FINISH_STEP, SampleRequest, Samples, Sampling

FINISH_NAMES = {FINISH_STEP: "step", FINISH_END: "end", FINISH_LENGTH: "length"}
COLUMNS = ["question_id", "sample", "text", "n_tokens", "finish", "answer", "verdict"]


@runtime_checkable
class ChunkedPolicy(Protocol):
    """A policy that keeps what it has sampled (`tts_lib.cached.CachedPolicy`)."""

    def sample_in_chunks(self, requests: list[SampleRequest], sampling: Sampling) -> list[Samples]: ...


@runtime_checkable
class Codec(Protocol):
    """Text to token ids and back (`tokenizers.Tokenizer` through `tts_lib.models.tokenizer.TokenCodec`)."""

    def encode(self, texts: list[str]) -> list[np.ndarray]: ...

    def decode(self, tokens: list[np.ndarray]) -> list[str]: ...


def sample_pool(
    policy: ChunkedPolicy,
    codec: Codec,
    problems: pd.DataFrame,
    n_samples: int,
    sampling: Sampling,
    study_seed: int,
    model: str,
) -> pd.DataFrame:
    """One row per sample, graded; sample i of a question is the same in a pool of any size."""
    prompts = codec.encode(problems["problem"].tolist())
    requests = [
        SampleRequest(prompt, rng.derive_seeds((study_seed, model, question_id, "pool"), n_samples))
        for question_id, prompt in zip(problems["question_id"], prompts, strict=True)
    ]
    results = policy.sample_in_chunks(requests, sampling)
    return pd.concat(
        [
            _graded(question_id, gold, samples, codec)
            for question_id, gold, samples in zip(problems["question_id"], problems["answer"], results, strict=True)
        ],
        ignore_index=True,
    )


def _graded(question_id: str, gold: str, samples: Samples, codec: Codec) -> pd.DataFrame:
    texts = codec.decode([samples[i] for i in range(len(samples))])
    verdicts = [grading.grade(text, gold) for text in texts]
    return pd.DataFrame(
        {
            "question_id": question_id,
            "sample": np.arange(len(samples)),
            "text": texts,
            "n_tokens": np.diff(samples.offsets),
            "finish": [FINISH_NAMES[f] for f in samples.finish],
            "answer": [answer for answer, _ in verdicts],
            "verdict": [verdict for _, verdict in verdicts],
        },
        columns=COLUMNS,
    )


def as_arrays(pool: pd.DataFrame, question_ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """(correct bool, answer class int with -1 for none), each (problem, sample), problems in the order given.

    Raises:
        ValueError: questions have unequal numbers of samples.
    """
    pool = pool.set_index("question_id").loc[question_ids]
    n_samples = len(pool) // len(question_ids)
    if len(pool) != n_samples * len(question_ids) or (pool.groupby(level=0).size() != n_samples).any():
        raise ValueError(f"the pool's {len(question_ids)} questions have unequal numbers of samples")
    correct = (pool["verdict"] == grading.CORRECT).to_numpy().reshape(-1, n_samples)
    answers = pool["answer"].to_numpy(dtype=object).reshape(-1, n_samples)
    classes = np.stack([pd.factorize(row)[0] for row in answers])
    return correct, classes


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
