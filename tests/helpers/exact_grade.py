"""A grade for pools whose answers are spelt as their golds are."""

from collections.abc import Sequence

import numpy as np


def exact(golds: Sequence[str], answers: Sequence[str | None]) -> list[str]:
    """The verdict of each answer: right if it is its gold letter by letter."""
    return ["no_answer" if a is None else "correct" if a == g else "wrong" for a, g in zip(answers, golds, strict=True)]


def one_class(ids: Sequence[str], golds: Sequence[str], answers: Sequence[str | None]) -> np.ndarray:
    """All answers of a question vote together; where nothing asks how they vote."""
    return np.zeros(len(ids), np.int64)
