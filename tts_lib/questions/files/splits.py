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
        test, train: tables of `tts_lib.questions.files.questions.load`. Questions of one `group` (what they are about)
            never come apart into validation and training.
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
    named = list(zip(fresh["group"], fresh["question_id"], strict=True))
    if any(isinstance(group, str) for group, _ in named):
        about = np.array([group if isinstance(group, str) else own for group, own in named])
        is_val = _for_validation(about[drawn], sizes, rng)
    else:
        is_val = np.arange(len(drawn)) < sizes["val"]
    val, others = drawn[is_val][: sizes["val"]], drawn[~is_val]
    if len(others) < sizes["train"]:
        raise StudyError(
            f"n_train is {sizes['train']}, but only {len(others)} questions are about other things than val"
        )
    rows = {
        "test": (test, rng.permutation(len(test))[: sizes["test"]]),
        "val": (fresh, val),
        "train": (fresh, others[: sizes["train"]]),
        "rest": (fresh, others[sizes["train"] :]),
    }
    chosen = {split: table.iloc[np.sort(places)] for split, (table, places) in rows.items()}
    splits = {split: part.drop(columns="group").reset_index(drop=True) for split, part in chosen.items()}
    return {
        split: part.assign(question_id=f"{split}-" + part["question_id"], level=part["level"].astype("float"))
        for split, part in splits.items()
    }, int(known.sum())


def _for_validation(group: np.ndarray, sizes: Mapping[str, int], rng: np.random.Generator) -> np.ndarray:
    """Which questions are for validation: whole groups, drawn until they hold its share, and no fewer than it needs.

    Validation is then about many things, and not about all there is to ask of few.
    """
    number, names = pd.factorize(group)
    chosen = rng.permutation(len(names))
    share = max(sizes["val"], len(group) * sizes["val"] / (sizes["val"] + sizes["train"]))
    held = np.cumsum(np.bincount(number)[chosen])
    return np.isin(number, chosen[: int(np.searchsorted(held, share)) + 1])
