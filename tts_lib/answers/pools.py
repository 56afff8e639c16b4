"""Pools: independent samples of every question, sampled once and replayed by every later stage."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd

from tts_lib.answers.protocols import (
    FINISH_END,
    FINISH_LENGTH,
    FINISH_STEP,
    Codec,
    ContextOverflowError,
    SampleRequest,
    Samples,
    Sampling,
)
from tts_lib.common import rng
from tts_lib.common.errors import StudyError
from tts_lib.grading.judging import ExactJudge, Judge

FINISH_NAMES = {FINISH_STEP: "step", FINISH_END: "end", FINISH_LENGTH: "length"}
COLUMNS = ["question_id", "sample", "text", "n_tokens", "finish", "answer", "verdict", "answer_class"]


@runtime_checkable
class ChunkedPolicy(Protocol):
    """A policy that keeps what it has sampled (`tts_lib.answers.cached_policy.CachedPolicy`)."""

    def sample_in_chunks(self, requests: list[SampleRequest], sampling: Sampling) -> list[Samples]: ...


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
