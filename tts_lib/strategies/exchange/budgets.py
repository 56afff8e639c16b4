"""What the small model may spend where a large one is the alternative: k for each R and way of counting (§7)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from tts_lib.common.strategy import Strategy
from tts_lib.estimators.flops import Sizes, attention_flops, inference_flops
from tts_lib.estimators.per_question import PerQuestion
from tts_lib.strategies.curves import Curve
from tts_lib.strategies.exchange.matched import Accounting, matched_budget

FORMULAS: tuple[Accounting, ...] = ("v1", "iclr", "small_only")
EXACT, EXACT_NO_VERIFIER = "exact", "exact_no_verifier"
_WELL_APART = math.log(3)  # from R = 1
NO_VERIFIER = {"v1", EXACT_NO_VERIFIER}  # the small model's verifier is not counted


@dataclass(frozen=True, eq=False)
class LargeModel:
    """The large model answering with one or several generations."""

    name: str
    generations: int
    accuracy: Float[np.ndarray, " problem"]
    tokens: Float[np.ndarray, " problem"]  # read (prompt, once) and written, all generations together
    n_params: float  # without embeddings
    attention: Float[np.ndarray, " problem"] | float = 0.0  # FLOPs over the context, which the paper leaves out

    @property
    def attained(self) -> PerQuestion:
        """Its accuracy."""
        return PerQuestion(self.accuracy)

    @property
    def flops(self) -> Float[np.ndarray, " problem"]:
        return inference_flops(self.n_params, 1.0) * self.tokens


@dataclass(frozen=True)
class Training:
    """What pretraining took, and what else was made for a model's answers.

    Attributes:
        n_params: without embeddings.
        flops: 6 x parameters x tokens.
        layers_by_width, attended: of its attention, and positions attended to in training; 0 where they are not known.
        revision, verifier: FLOPs of its revision model, and of the verifiers that read its answers.
    """

    n_params: float
    n_tokens: float
    flops: float
    layers_by_width: float = 0.0
    attended: float = 0.0
    revision: float = 0.0
    verifier: float = 0.0

    def exact(self, count_verifier: bool) -> float:
        """All of it, with its verifiers or without."""
        attention = 3.0 * attention_flops(self.layers_by_width, self.attended)  # forward, and twice that backward
        return self.flops + attention + self.revision + self.verifier * count_verifier


@dataclass(frozen=True)
class Setting:
    """One R under one way of counting, and the generations k it gives the small model."""

    accounting: str
    r_source: str  # v1 or iclr, whose value of R it is
    r_label: str
    r: float
    k: float


def with_making(base: Training, made: Mapping[str, float], members: Sequence[Strategy]) -> Training:
    """The base model's training with what was made for a strategy, or a choice among several (`model_sizes.making`)."""
    reads_prm = any(member.is_search or member.score.startswith("prm") for member in members if not member.is_revisions)
    revised = [member for member in members if member.is_revisions]
    verifier = made["prm"] * reads_prm
    verifier += made.get("revision_orm", 0.0) * any(member.score == "orm" for member in revised)
    return replace(base, revision=made.get("revision", 0.0) * bool(revised), verifier=verifier)


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
    """k from counted tokens: the budget whose FLOPs, training spread over all questions, equal the large model's.

    Attention over the context is in, and so is what the revision model and the verifier took to make.

    R = D_inf / D_pre fixes the number of questions: D_inf is what one generation of the large model reads and writes
    for each. Between budgets FLOPs are interpolated in logarithms, beyond the last they grow in proportion.
    """
    one = float(large.tokens.mean()) / large.generations
    budgets, _ = curve.open()
    columns = [curve.budgets.index(budget) for budget in budgets]
    settings: list[Setting] = []
    for accounting in (EXACT, EXACT_NO_VERIFIER):
        counted = accounting == EXACT
        spent = curve.flops(sizes, counted) + curve.attention_flops(sizes, counted)
        cost, spared = spent.mean(axis=0)[columns], large_training.exact(False) - small_training.exact(counted)
        for label, r in zip(_labels(r_values), r_values, strict=True):
            n_questions = r * large_training.n_tokens / one
            target = float((large.flops + large.attention).mean()) + spared / n_questions
            k = _budget_of(target, np.array(budgets, dtype=np.float64), cost)
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


def _labels(r_values: Sequence[float]) -> list[str]:
    """The R farthest below 1, nearest to it and farthest above it, if that is where it lies; others by their number."""
    apart = [math.log(r) for r in r_values]
    named = {min(apart): "low"} if min(apart) < -_WELL_APART else {}
    named |= {max(apart): "high"} if max(apart) > _WELL_APART else {}
    nearest = min(apart, key=abs)
    named |= {nearest: "one"} if abs(nearest) <= _WELL_APART else {}
    return [named.get(one, f"{r:g}") for one, r in zip(apart, r_values, strict=True)]
