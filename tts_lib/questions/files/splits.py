"""Question files as the splits of a study: disjoint, of the sizes asked for, with ids that name their split."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tts_lib.common.errors import StudyError
from tts_lib.questions.files.fields import normalised


def draw_splits(
    test: pd.DataFrame, train: pd.DataFrame, sizes: Mapping[str, int], rng: np.random.Generator
) -> tuple[dict[str, pd.DataFrame], int]:
    """Questions of test, val, train and rest (of the training file), each in its file's order.

    Args:
        test, train: tables of `tts_lib.questions.files.questions.load`.
        sizes: questions wanted in test, val and train.

    Returns:
        The splits, and how many training questions were left out because their text occurs in the test or twice.

    Raises:
        StudyError: a file has too few questions.
    """
    texts = train["statement"].map(normalised)
    known = texts.duplicated() | texts.isin(list(test["statement"].map(normalised)))
    fresh = train[~known]
    wanted = sizes["val"] + sizes["train"]
    for table, n, what in ((test, sizes["test"], "n_test"), (fresh, wanted, "n_train and n_val together")):
        if len(table) < n:
            raise StudyError(f"{what} is {n}, but the file has only {len(table)} questions that can be used")
    drawn = rng.permutation(len(fresh))
    rows = {
        "test": (test, rng.permutation(len(test))[: sizes["test"]]),
        "val": (fresh, drawn[: sizes["val"]]),
        "train": (fresh, drawn[sizes["val"] : wanted]),
        "rest": (fresh, drawn[wanted:]),
    }
    splits = {split: table.iloc[np.sort(chosen)].reset_index(drop=True) for split, (table, chosen) in rows.items()}
    return {
        split: part.assign(question_id=f"{split}-" + part["question_id"], level=part["level"].astype("float"))
        for split, part in splits.items()
    }, int(known.sum())
