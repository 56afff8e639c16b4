"""What the small model may spend where a large one is the alternative: k for each R and way of counting (§7)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tts_lib.estimators.flops import Sizes, inference_flops
from tts_lib.estimators.per_question import PerQuestion
from tts_lib.strategies.curves import Curve
from tts_lib.strategies.exchange.matched import Accounting, matched_budget

FORMULAS: tuple[Accounting, ...] = ("v1", "iclr", "small_only")
EXACT, EXACT_NO_VERIFIER = "exact", "exact_no_verifier"
NO_VERIFIER = {"v1", EXACT_NO_VERIFIER}  # the small model's verifier is not counted


@dataclass(frozen=True, eq=False)
class LargeModel:
    """The large model answering with one or several generations."""

    name: str
    generations: int
    accuracy: Float[np.ndarray, " problem"]
    tokens: Float[np.ndarray, " problem"]  # read (prompt, once) and written, all generations together
    n_params: float  # without embeddings

    @property
    def attained(self) -> PerQuestion:
        """Its accuracy."""
        return PerQuestion(self.accuracy)

    @property
    def flops(self) -> Float[np.ndarray, " problem"]:
        return inference_flops(self.n_params, 1.0) * self.tokens


@dataclass(frozen=True)
class Training:
    """What pretraining took."""

    n_params: float  # without embeddings
    n_tokens: float
    flops: float


@dataclass(frozen=True)
class Setting:
    """One R under one way of counting, and the generations k it gives the small model."""

    accounting: str
    r_source: str  # v1 or iclr, whose value of R it is
    r_label: str
    r: float
    k: float


def formula_settings(m: float, r_values: Sequence[float], large_generations: int) -> list[Setting]:
    """The closed formulas. ICLR halves R, having doubled inference, so its three k are those of v1."""
    settings: list[Setting] = []
    for accounting in FORMULAS:
        for source, factor in (("v1", 1.0), ("iclr", 0.5)):
            if (accounting, source) == ("v1", "iclr"):
                continue
            for label, r in zip(_labels(r_values), r_values, strict=True):
                k = matched_budget(m, r * factor, accounting, large_generations)
                settings.append(Setting(accounting, source, label, r * factor, k))
    return settings


def exact_settings(
    curve: Curve,
    sizes: Sizes,
    large: LargeModel,
    small_training: Training,
    large_training: Training,
    r_values: Sequence[float],
) -> list[Setting]:
    """k from counted tokens: the budget whose FLOPs, pretraining spread over all questions, equal the large model's.

    R = D_inf / D_pre fixes the number of questions: D_inf is what one generation of the large model reads and writes
    for each. Between budgets FLOPs are interpolated in logarithms, beyond the last they grow in proportion.
    """
    one = float(large.tokens.mean()) / large.generations
    budgets, _ = curve.open()
    columns = [curve.budgets.index(budget) for budget in budgets]
    settings: list[Setting] = []
    for accounting in (EXACT, EXACT_NO_VERIFIER):
        cost = curve.flops(sizes, accounting == EXACT).mean(axis=0)[columns]
        for label, r in zip(_labels(r_values), r_values, strict=True):
            n_questions = r * large_training.n_tokens / one
            spared = (large_training.flops - small_training.flops) / n_questions
            k = _budget_of(float(large.flops.mean()) + spared, np.array(budgets, dtype=np.float64), cost)
            settings.append(Setting(accounting, "v1", label, r, k))
    return settings


def _budget_of(target: float, budgets: Float[np.ndarray, " budget"], cost: Float[np.ndarray, " budget"]) -> float:
    """Budget of a given cost per question; where a larger budget costs less, it is taken instead."""
    least = np.minimum.accumulate(cost[::-1])[::-1]
    rising = np.append(np.diff(least) > 0, True)
    budgets, cost = budgets[rising], least[rising]
    if target >= cost[-1]:
        return float(budgets[-1] * target / cost[-1])
    return float(np.exp(np.interp(np.log(target), np.log(cost), np.log(budgets))))


def _labels(r_values: Sequence[float]) -> Sequence[str]:
    """R well below, about and well above 1; other than three values go by their number."""
    return ("low", "one", "high") if len(r_values) == 3 else [f"{r:g}" for r in r_values]
