"""Monte-Carlo step labels (paper App. D, after Math-Shepherd).

The label of a step is the share of rollouts from the prefix that ends with it which reach the right
answer: the value-to-go of the policy itself. The last step needs none: its label is whether the
answer is right. Equal prefixes of a question share their rollouts.
"""

from itertools import islice

import numpy as np
import pandas as pd

from tts_lib.answers.expected import Expected, Means
from tts_lib.answers.protocols import Policy, SampleRequest, Sampling
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common import rng
from tts_lib.grading import verdicts as verdicts_

NOT_JUDGED = (verdicts_.TIMEOUT, verdicts_.ERROR)


def split_steps(text: str, delimiter: str = "\n") -> list[str]:
    """The steps of a solution, each with its closing delimiter (the last as it is)."""
    parts = text.split(delimiter)
    return [part + delimiter for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def answered(solutions: pd.DataFrame) -> pd.DataFrame:
    """The solutions whose answer could be read and judged."""
    return solutions.loc[~solutions["verdict"].isin((verdicts_.NO_ANSWER, *NOT_JUDGED))].reset_index(drop=True)


def label_steps(
    policy: Policy,
    questions: QuestionTable,
    solutions: pd.DataFrame,
    n_rollouts: int,
    sampling: Sampling,
    seed_key: tuple[rng.Part, ...],
    delimiter: str = "\n",
) -> tuple[pd.DataFrame, int]:
    """Soft labels of every step of the `answered` solutions; also the number of tokens rolled out.

    Returns a table question_id, sample, labels (list of float in [0, 1], one a step); the other solutions are
    dropped, as those without an answer are in the paper. A rollout whose answer could not be judged does not
    count: a step all of whose rollouts are such has the label NaN.

    Args:
        seed_key: names the study and the model.
        delimiter: the text that closes a step.

    Raises:
        StudyError: a prefix does not fit the model's window; names the question.
    """
    solutions = answered(solutions)
    prefixes = _distinct_prefixes(solutions, delimiter)
    begun = questions.codec.encode([prefix for _, prefix in prefixes])
    requests = [
        SampleRequest(
            np.concatenate([questions.prompts[q], tokens]),
            rng.derive_seeds((*seed_key, q, "rollouts", prefix), n_rollouts),
        )
        for (q, prefix), tokens in zip(prefixes, begun, strict=True)
    ]
    with questions.naming():
        drawn = policy.sample(requests, sampling)
    rolled_out, n_tokens = {}, 0
    for (q, prefix), samples in zip(prefixes, drawn, strict=True):
        texts = questions.codec.decode(list(samples))
        rolled_out.setdefault(q, []).extend(prefix + text for text in texts)
        n_tokens += len(samples.tokens)
    verdicts = {q: iter(questions.judged(q, texts).verdicts) for q, texts in rolled_out.items()}
    value = {(q, prefix): _share_correct(list(islice(verdicts[q], n_rollouts))) for q, prefix in prefixes}
    labels = []
    for q, text, verdict in zip(solutions["question_id"], solutions["text"], solutions["verdict"], strict=True):
        steps = split_steps(text, delimiter)
        ends = np.cumsum([len(step) for step in steps[:-1]], dtype=int)
        labels.append([float(value[q, text[:end]]) for end in ends] + [float(verdict == verdicts_.CORRECT)])
    return solutions[["question_id", "sample"]].assign(labels=labels), n_tokens


def expected(n_solutions: int, n_rollouts: int, question: Means) -> Expected:
    """Tokens of the rollouts from the end of every step but the last, where no two solutions begin alike."""
    n_prefixes = n_solutions * max(0.0, question.steps - 1)
    generations = n_prefixes * n_rollouts
    return Expected(generations, generations * question.solution / 2, n_prefixes * question.halfway)


def _share_correct(verdicts: list[str]) -> float:
    """Among the rollouts that could be judged; NaN if none could."""
    known = [verdict == verdicts_.CORRECT for verdict in verdicts if verdict not in NOT_JUDGED]
    return sum(known) / len(known) if known else np.nan


def _distinct_prefixes(solutions: pd.DataFrame, delimiter: str) -> list[tuple[str, str]]:
    """(question, text up to the end of a step) of all steps but the last ones, in order of appearance."""
    seen: dict[tuple[str, str], None] = {}
    for q, text in zip(solutions["question_id"], solutions["text"], strict=True):
        end = 0
        for step in split_steps(text, delimiter)[:-1]:
            end += len(step)
            seen[q, text[:end]] = None
    return list(seen)
