"""What a contrast can decide: its variance split into questions, samples, runs, trainings, and the power of a design.

Every question q has an expected difference; what is seen of it are draws: of the pool, N samples each, and runs of a
search. The mean over Q questions, D draws of the pool and R runs in each of T trainings has the variance

    training / T + (question + sample / D + run / R) / Q

(a question's own answers in another training vary less than its draws do, and are left out: training holds the rest).
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

Part = Literal["question", "sample", "run", "training"]
POWER, LEVEL = 0.8, 0.95


@dataclass(frozen=True)
class Components:
    """Variances of a difference of accuracies; None: not known, or no such part."""

    question: float
    sample: float | None = None  # of one draw of N samples, within a question
    run: float | None = None  # of one run of each search in the contrast, within a question
    training: float | None = None


@dataclass(frozen=True)
class Design:
    """How large a study is."""

    questions: int
    draws: float = 1.0  # of N samples from the pool of each question
    runs: int = 1  # of each search on each question
    trainings: int = 1


def within_question(draws: Float[np.ndarray, "question draw"]) -> float | None:
    """Variance of a draw around its question's mean, from questions with at least 2 draws; NaN is no draw."""
    n = (~np.isnan(draws)).sum(axis=1)
    kept = draws[n >= 2]
    if len(kept) == 0:
        return None
    squares = np.nansum((kept - np.nanmean(kept, axis=1, keepdims=True)) ** 2)
    return float(squares / (n[n >= 2] - 1).sum())


def components(
    pool: Float[np.ndarray, "question draw"] | None, runs: Float[np.ndarray, "question run"] | None
) -> Components:
    """The parts of a difference: `pool` is what comes of the pool, `runs` what comes of searches, signed, and added.

    Both are unbiased for the variance between questions only if each draw is as good as another: what a draw adds to
    the variance of a question's mean is taken off that variance, which stays at least 0.

    Raises:
        ValueError: neither is given, or fewer than 2 questions.
    """
    parts = {"sample": pool, "run": runs}
    given = {name: draws for name, draws in parts.items() if draws is not None}
    if not given or min(len(draws) for draws in given.values()) < 2:
        raise ValueError("a contrast needs draws of at least 2 questions")
    within = {name: within_question(draws) for name, draws in given.items()}
    means = sum(np.nanmean(draws, axis=1) for draws in given.values())
    noise = sum(
        (variance or 0.0) * float(np.mean(1 / (~np.isnan(given[name])).sum(axis=1)))
        for name, variance in within.items()
    )
    return Components(max(0.0, float(np.var(means, ddof=1)) - noise), within.get("sample"), within.get("run"))


def standard_error(parts: Components, design: Design) -> float:
    """Of the mean difference in a study of this design, as far as its parts are known."""
    each = parts.question + (parts.sample or 0.0) / design.draws + (parts.run or 0.0) / design.runs
    return math.sqrt((parts.training or 0.0) / design.trainings + each / design.questions)


def smallest_effect(error: float, power: float = POWER, level: float = LEVEL) -> float:
    """The difference that a two-sided test finds with this power: (z_level + z_power) times its standard error."""
    return float(ndtri((1 + level) / 2) + ndtri(power)) * error


def questions_for(parts: Components, design: Design, effect: float, power: float = POWER) -> float:
    """Questions at which a study, otherwise of this design, finds the effect with this power.

    Infinite where even all questions would not do, because trainings differ too much: then more of them are needed.

    Raises:
        ValueError: an effect that is not above 0.
    """
    if not effect > 0:
        raise ValueError(f"the effect is {effect}: it must be above 0")
    variance = (effect / smallest_effect(1.0, power)) ** 2 - (parts.training or 0.0) / design.trainings
    if variance <= 0:
        return math.inf
    of_one = standard_error(replace(parts, training=None), replace(design, questions=1))
    return float(max(2, math.ceil(of_one**2 / variance)))
