"""Coverage forecast: of the largest size by laws fitted on the smaller ones, of each pool from its first samples."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from tts_lib.estimators import coverage_law
from tts_lib.report.results import NotMeasured
from tts_lib.report.supplements.surface.models import Measured

SEEN = 16  # samples of a pool from which the rest is forecast


@dataclass(frozen=True, eq=False)
class LeftOut:
    """The models of the largest size: coverage as measured, and by each law fitted without them."""

    models: Sequence[Measured]
    measured: Float[np.ndarray, "model budget"]
    forecast: Mapping[str, Float[np.ndarray, "model budget"]]

    def error(self, law: str) -> float:
        """Mean absolute error over models and budgets."""
        return float(np.abs(self.forecast[law] - self.measured).mean())


def left_out(
    measured: Sequence[Measured], budgets: Sequence[int], guess: float, weights: Float[np.ndarray, " question"]
) -> LeftOut:
    """The laws fitted on all sizes but the largest, on the questions as weighted, and what they say of that one.

    Raises:
        NotMeasured: there are not three models to fit on.
    """
    largest = max(one.sized.n_params for one in measured)
    fit = [one for one in measured if one.sized.n_params < largest]
    left = [one for one in measured if one.sized.n_params == largest]
    if len(fit) < 3:
        raise NotMeasured("a law in parameters and tokens needs three models or more beside the one left out")
    scale = np.log([[one.sized.n_params, one.sized.n_tokens] for one in fit])
    varies = np.ptp(scale, axis=0) > 0  # of what all models have alike there is nothing to learn
    centre, spread = scale.mean(axis=0)[varies], scale.std(axis=0)[varies]

    def features(models: Sequence[Measured]) -> Float[np.ndarray, "model feature"]:
        logs = np.log([[one.sized.n_params, one.sized.n_tokens] for one in models])[:, varies]
        return np.column_stack([np.ones(len(models)), (logs - centre) / spread])

    known, truth = (np.stack([weights @ one.coverage(budgets) for one in models]) for models in (fit, left))
    laws = {"law": coverage_law.fit(np.stack([one.counts(weights) for one in fit]), guess, features(fit))}
    power = coverage_law.fit_power(known, budgets, features(fit))
    forecast = {name: law.coverage(features(left), budgets) for name, law in laws.items()}
    return LeftOut(left, truth, forecast | {"power_law": power.coverage(features(left), budgets)})


def table(measured: Sequence[Measured], budgets: Sequence[int], guess: float) -> pd.DataFrame:
    """Coverage as measured and as forecast: of the size left out, and of each model from its first few samples.

    Columns model, tokens, from (what was fitted), samples, measured, law, power_law, and without_floor: the law of a
    pool that knows no guessing.
    """
    even = np.full(len(measured[0].right[0]), 1 / len(measured[0].right[0]))
    rows: list[dict[str, Any]] = []
    with suppress(NotMeasured):  # of too few sizes: pools can still be forecast
        found = left_out(measured, budgets, guess, even)
        for number, one in enumerate(found.models):
            values = {name: each[number] for name, each in found.forecast.items()}
            rows += _rows(one, "the smaller sizes", budgets, {"measured": found.measured[number]} | values)
    seen = [n for n in budgets if n <= SEEN]
    rest = [n for n in budgets if n > SEEN]
    for one in measured if rest else ():
        counts, pool = coverage_law.among_fewer(one.counts(even), seen[-1])[None], np.ones((1, 1))
        known = (even @ one.coverage(seen))[None]
        laws = {"law": coverage_law.fit(counts, guess), "without_floor": coverage_law.fit(counts, 0.0)}
        by_law = {name: law.coverage(pool, rest)[0] for name, law in laws.items()}
        by_law |= {"power_law": coverage_law.fit_power(known, seen).coverage(pool, rest)[0]}
        rows += _rows(one, f"{seen[-1]} samples", rest, {"measured": even @ one.coverage(rest)} | by_law)
    return pd.DataFrame(rows)


def _rows(one: Measured, fitted: str, budgets: Sequence[int], values: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    named = {"model": one.sized.name, "tokens": one.sized.n_tokens, "from": fitted}
    return [named | {"samples": n} | {k: float(v[i]) for k, v in values.items()} for i, n in enumerate(budgets)]
