"""Monte-Carlo step labels (paper App. D, after Math-Shepherd).

The label of a step is the share of rollouts from the prefix that ends with it which reach the right
answer: the value-to-go of the policy itself. The last step needs none: its label is whether the
answer is right. Equal prefixes of a question share their rollouts.
"""

import numpy as np
import pandas as pd

from tts_lib import grading, rng
from tts_lib.pools import ChunkedPolicy, Codec, naming_questions
from tts_lib.protocols import SampleRequest, Sampling


def split_steps(text: str, delimiter: str = "\n") -> list[str]:
    """The lines of a solution, each with its closing delimiter (the last as it is)."""
    parts = text.split(delimiter)
    return [part + delimiter for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def label_steps(
    policy: ChunkedPolicy,
    codec: Codec,
    problems: pd.DataFrame,
    solutions: pd.DataFrame,
    n_rollouts: int,
    sampling: Sampling,
    study_seed: int,
    model: str,
) -> tuple[pd.DataFrame, int]:
    """Soft labels of every step of the solutions that have an answer; also the number of tokens rolled out.

    Returns a table question_id, sample, labels (list of float in [0, 1], one a step); solutions without
    a readable answer are dropped, as in the paper.
    """
    solutions = solutions[solutions["verdict"] != grading.NO_ANSWER]
    problem = dict(zip(problems["question_id"], problems["problem"], strict=True))
    gold = dict(zip(problems["question_id"], problems["answer"], strict=True))
    prefixes = _distinct_prefixes(solutions)
    tokens = codec.encode([problem[q] + prefix for q, prefix in prefixes])
    requests = [
        SampleRequest(t, rng.derive_seeds((study_seed, model, q, "rollouts", prefix), n_rollouts))
        for (q, prefix), t in zip(prefixes, tokens, strict=True)
    ]
    value, n_tokens = {}, 0
    with naming_questions([q for q, _ in prefixes], tokens):
        rolled_out = policy.sample_in_chunks(requests, sampling)
    for (q, prefix), samples in zip(prefixes, rolled_out, strict=True):
        texts = codec.decode([samples[i] for i in range(n_rollouts)])
        value[q, prefix] = np.mean([grading.grade(prefix + text, gold[q])[1] == grading.CORRECT for text in texts])
        n_tokens += len(samples.tokens)
    labels = []
    for q, text, verdict in zip(solutions["question_id"], solutions["text"], solutions["verdict"], strict=True):
        steps = split_steps(text)
        ends = np.cumsum([len(step) for step in steps[:-1]], dtype=int)
        labels.append([float(value[q, text[:end]]) for end in ends] + [float(verdict == grading.CORRECT)])
    return solutions[["question_id", "sample"]].assign(labels=labels).reset_index(drop=True), n_tokens


def _distinct_prefixes(solutions: pd.DataFrame) -> list[tuple[str, str]]:
    """(question, text up to the end of a step) of all steps but the last ones, in order of appearance."""
    seen: dict[tuple[str, str], None] = {}
    for q, text in zip(solutions["question_id"], solutions["text"], strict=True):
        end = 0
        for step in split_steps(text)[:-1]:
            end += len(step)
            seen[q, text[:end]] = None
    return list(seen)
