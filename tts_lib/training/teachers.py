"""Putting it back: which of its own samples a model learns from (paper §8).

A question was answered several times. A teacher says which of these samples are kept: `gold` those that are right
(ReST-EM, Singh et al. 2312.06585), which needs labels; `verifier` those that carry the answer of best-of-N weighted;
`majority` those that carry the answer of the vote (Huang et al. 2210.11610); `all` every one (2604.01193). Of a
question's samples that were kept the first few different texts are learned.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
from jaxtyping import Bool

from tts_lib.common.errors import StudyError
from tts_lib.estimators import selection
from tts_lib.grading import verdicts

TEACHERS = ("gold", "verifier", "majority", "all")
VOTES: Mapping[str, str] = MappingProxyType({"verifier": "best_of_n_weighted", "majority": "majority"})
COLUMNS = ["question_id", "sample", "text", "verdict"]


def kept(teacher: str, samples: pd.DataFrame, most: int) -> pd.DataFrame:
    """What the next model learns from (COLUMNS): of each question `most` different texts at most, the first.

    Samples that were cut off teach nobody to end.

    Args:
        teacher: one of TEACHERS.
        samples: question_id, sample, text, finish, verdict, answer_class, and for the verifier score; those of a
            question stand together.

    Raises:
        StudyError: no sample is kept.
    """
    chosen = samples.loc[_chosen(teacher, samples) & (samples["finish"] == "end").to_numpy(bool)]
    distinct = chosen.loc[~chosen.duplicated(["question_id", "text"])]
    taken = distinct.loc[distinct.groupby("question_id", sort=False).cumcount() < most, COLUMNS]
    if taken.empty:
        raise StudyError(
            f"the teacher {teacher} keeps none of {len(samples):,} samples of {samples['question_id'].nunique():,} "
            "questions; raise samples of the supplement, or give easier training questions or longer answers "
            "(sampling.max_tokens)"
        )
    return taken.reset_index(drop=True)


def _chosen(teacher: str, samples: pd.DataFrame) -> Bool[np.ndarray, " sample"]:
    if teacher == "all":
        return np.ones(len(samples), bool)
    right = (samples["verdict"] == verdicts.CORRECT).to_numpy(bool)
    if teacher == "gold":
        return right
    rule = selection.RULES[VOTES[teacher]]
    answers = samples["answer_class"].to_numpy(np.int64)
    scores = samples["score"].to_numpy(np.float64) if teacher == "verifier" else np.zeros(len(samples))
    question = pd.factorize(samples["question_id"])[0]
    chosen = np.zeros(len(samples), bool)
    for rows in np.split(np.arange(len(samples)), np.flatnonzero(np.diff(question)) + 1):
        winner = rule(answers[rows], scores[rows], right[rows]).answer
        chosen[rows] = (answers[rows] == winner) & (winner != selection.NO_ANSWER)
    return chosen
