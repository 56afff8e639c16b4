"""Pools: independent samples of every question, sampled once and replayed by every later stage."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tts_lib.answers.expected import Expected, Means
from tts_lib.answers.protocols import (
    FINISH_END,
    FINISH_LENGTH,
    FINISH_STEP,
    Codec,
    Policy,
    SampleRequest,
    Samples,
    Sampling,
)
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common import rng

FINISH_NAMES = {FINISH_STEP: "step", FINISH_END: "end", FINISH_LENGTH: "length"}
COLUMNS = ["question_id", "sample", "text", "n_tokens", "finish", "answer", "verdict", "answer_class"]
JUDGED = ["question_id", "sample", "n_tokens", "verdict", "answer_class"]  # of them: what a selection goes by


def sample_pool(
    policy: Policy, questions: QuestionTable, n_samples: int, sampling: Sampling, seed_key: tuple[rng.Part, ...]
) -> pd.DataFrame:
    """One row (COLUMNS) for each sample, judged; sample i of a question is the same in a pool of any size.

    Args:
        seed_key: names the study and the model.

    Raises:
        StudyError: a prompt does not fit the model's window; names the question.
    """
    requests = [
        SampleRequest(question.prompt, rng.derive_seeds((*seed_key, question.question_id, "pool"), n_samples))
        for question in questions
    ]
    with questions.naming():
        results = policy.sample(requests, sampling)
    tables = [
        _judged(questions, question.question_id, samples) for question, samples in zip(questions, results, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)


def empty() -> pd.DataFrame:
    """The pool of nobody: no rows, with the columns and types of one."""
    kinds = {"sample": "int64", "n_tokens": "int64", "answer_class": "int64"}
    return pd.DataFrame({name: pd.Series(dtype=kinds.get(name, "str")) for name in COLUMNS})


def expected(n_samples: int, question: Means) -> Expected:
    """Tokens of a question's samples, which share one reading of the prompt."""
    return Expected(n_samples, n_samples * question.solution, question.prompt)


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


def _judged(questions: QuestionTable, question_id: str, samples: Samples) -> pd.DataFrame:
    texts = questions.codec.decode(list(samples))
    judged = questions.judged(question_id, texts)
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
