"""End to end: the compute-optimal choice with its difficulty predicted from a few samples, whose cost is charged.

The paper leaves the 2048 samples of its difficulty out of every budget (§3.2). Here bins and choice come from
validation questions and the score of a test question from n_probe of its samples. With reuse the probe samples are
part of a pool strategy's own: it is charged, and evaluated at, the larger of the two. A search cannot reuse them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from tts_lib.common.strategy import PLAIN, WEIGHTED
from tts_lib.estimators.difficulty import quantile_binning
from tts_lib.estimators.per_question import PerQuestion, Remade
from tts_lib.strategies.curves import SINGLE, Curve, at_budget, find
from tts_lib.strategies.frozen import Difficulty, fit_table, frozen_accuracy, frozen_anew
from tts_lib.strategies.outcomes import Outcomes
from tts_lib.strategies.strategy_table import Method
from tts_lib.strategies.tables.gains import FROZEN_FIXED
from tts_lib.strategies.tables.groups import Group, Row

_SELECTORS = [
    "strategy_set",
    "n_probe",
    "reuse",
    "budget",
    "charged_budget",
    "complete",
    "accuracy",
    "low",
    "high",
    "gain",
]


@dataclass(frozen=True, eq=False)
class Probed:
    """Difficulty by a probe, on the questions fitted on and those tested, and what it cost on the latter."""

    fit: Difficulty
    test: Difficulty
    tokens: Float[np.ndarray, " problem"]  # policy tokens the probe samples took, prompt included


@dataclass(frozen=True, eq=False)
class ProbeCurve:
    """A choice with its probe; `charged` is what a nominal budget comes to."""

    n_probe: int
    reuse: bool
    budgets: tuple[int, ...]  # nominal, in generations
    accuracy: Float[np.ndarray, "problem budget"]
    charged: Float[np.ndarray, "problem budget"]  # generations, probe included
    policy_tokens: Float[np.ndarray, "problem budget"]  # probe included
    remade: Remade  # the choice made anew in each resample

    @property
    def attained(self) -> PerQuestion:
        """Accuracy at each of the budgets."""
        return PerQuestion.of(self.accuracy, self.remade)


def probe_curve(
    fit: Outcomes,
    test: Outcomes,
    probed: Probed,
    n_bins: int,
    methods: tuple[Method, ...],
    reuse: bool,
    weights_fit: Float[np.ndarray, "resample fitted"],
) -> ProbeCurve:
    """Make the choice on `fit` by the probe's bins and apply it frozen to `test`.

    Args:
        weights_fit: bootstrap weights of the questions of `fit`, in whose resamples the choice is made anew.

    Raises:
        ValueError: the two have not the same strategies and budgets.
    """
    if (fit.strategies, fit.budgets) != (test.strategies, test.budgets):
        raise ValueError("the questions fitted on and those tested must have the same strategies and budgets")
    n_probe = probed.test.n_probe
    columns, charged, reused = _charges(test, n_probe, reuse)
    rows = np.arange(len(test.strategies))[:, None]
    binning = quantile_binning(probed.fit.score, n_bins)
    table = fit_table(fit.accuracy[rows, columns], probed.fit, binning.edges, methods, fit.budgets)
    tokens = test.policy_tokens[rows, columns] + np.where(reused[..., None], 0.0, probed.tokens)
    charges = np.broadcast_to(charged[..., None], tokens.shape)
    known = test.known[rows, columns][..., None]
    accuracy, policy_tokens, generations = (
        frozen_accuracy(table, np.where(known, values, np.nan), probed.test.score)
        for values in (test.accuracy[rows, columns], tokens, charges)
    )
    bins_fit, bins = (binning.assign(difficulty.score) for difficulty in (probed.fit, probed.test))
    there = np.where(known, test.accuracy[rows, columns], np.nan)
    remade = frozen_anew(fit.accuracy[rows, columns], bins_fit, weights_fit, there, bins, n_bins)
    return ProbeCurve(n_probe, reuse, test.budgets, accuracy, generations, policy_tokens, remade)


def probe_table(probes: Mapping[str, Sequence[ProbeCurve]], curves: Sequence[Curve], group: Group) -> pd.DataFrame:
    """Choices with a paid probe: gain over best-of-N and the best fixed strategy given the same generations."""
    rows: list[Row] = []
    # Without answers no votes can be weighed, and best-of-N is the plain one.
    best_of_n = WEIGHTED if any(curve.strategy == WEIGHTED for curve in curves) else PLAIN
    for strategy_set, probe in ((name, probe) for name, probes_of in probes.items() for probe in probes_of):
        rivals = {
            "gain": find(curves, SINGLE, best_of_n),
            "gain_fixed": find(curves, strategy_set, FROZEN_FIXED),
        }
        complete = rivals["gain_fixed"].complete
        for i, budget in enumerate(probe.budgets):
            charged = float(probe.charged[:, i].mean())
            row: Row = {"strategy_set": strategy_set, "n_probe": probe.n_probe, "reuse": probe.reuse, "budget": budget}
            row |= {"charged_budget": charged, "policy_tokens": float(probe.policy_tokens[:, i].mean())}
            attained = probe.attained.at(i)
            row |= {"complete": complete[i]} | group.mean(attained)
            for name, rival in rivals.items():
                budgets, known = rival.open()
                other = at_budget(known, budgets, charged)
                nothing: Row = {name: math.nan, f"{name}_low": math.nan, f"{name}_high": math.nan}
                gain = nothing
                if not np.isnan(other.each).any():
                    gain = group.difference(attained, other, name, f"{name}_")
                row |= gain if name == "gain" else {k: v for k, v in gain.items() if k != "questions_needed"}
            rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else _SELECTORS)  # no rows: a pool without scores has no probes


def _charges(
    outcomes: Outcomes, n_probe: int, reuse: bool
) -> tuple[np.ndarray, Float[np.ndarray, "strategy budget"], np.ndarray]:
    """Per (strategy, budget): the column it is evaluated at, the generations charged, whether the probe is reused."""
    budgets = np.array(outcomes.budgets)
    pooled = np.array([strategy.is_from_pool for strategy in outcomes.strategies])[:, None]
    reused = np.broadcast_to(pooled & reuse, (len(outcomes.strategies), len(budgets)))
    larger = np.maximum(budgets, n_probe)
    column = np.searchsorted(budgets, larger, side="right") - 1  # the largest budget on the grid it can pay
    columns = np.where(reused, column, np.arange(len(budgets)))
    return columns, np.where(reused, larger, budgets + n_probe).astype(np.float64), reused
