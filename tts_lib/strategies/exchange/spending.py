"""How a total of FLOPs is best spent on parameters, pretraining tokens and samples, for a life of so many questions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from tts_lib.estimators.intervals import difference_interval
from tts_lib.strategies.exchange.sized import WEIGHTED, Prices, Sized
from tts_lib.strategies.exchange.surface import Surface

N_TOTALS = 9  # budgets from the cheapest option to the dearest


@dataclass(frozen=True, eq=False)
class Option:
    """A model with a number of samples: what it costs and what each question attains, over its seeds."""

    model: Sized
    samples: int
    flops: float
    accuracy: Float[np.ndarray, " question"]

    @property
    def columns(self) -> dict[str, Any]:
        """As a row of a table."""
        model = self.model
        return {"model": model.name, "parameters": model.n_params, "tokens": model.n_tokens, "samples": self.samples}


def options(surface: Surface, selector: str, n_questions: float, prices: Prices) -> list[Option]:
    """Every model of the surface with every number of samples, for a life of so many questions."""
    return [
        Option(
            model,
            n,
            model.flops(n, n_questions, prices, selector == WEIGHTED),
            model.accuracy[selector][:, :, column].mean(axis=0),
        )
        for model in surface.models
        for column, n in enumerate(surface.budgets)
    ]


def cheapest(
    surface: Surface, selector: str, n_questions: float, prices: Prices, folds: Int[np.ndarray, " question"]
) -> pd.DataFrame:
    """The best option for each total, beside the best that samples once, and what that costs in accuracy.

    The gain is cross-fitted: options are chosen on one fold of the questions and compared on the other. What the table
    names is the choice on all of them.
    """
    every = options(surface, selector, n_questions, prices)
    costs = [option.flops for option in every]
    rows = []
    for total in np.geomspace(min(costs), max(costs), N_TOTALS):
        affordable = [option for option in every if option.flops <= total * (1 + 1e-9)]
        once = [option for option in affordable if option.samples == 1]
        best, single = best_of(affordable), best_of(once)
        gain = difference_interval(crossed(affordable, once, folds))
        row = {"selector": selector, "questions": n_questions, "total_flops": total} | best.columns
        row |= {"accuracy": float(best.accuracy.mean())} | {f"once_{k}": v for k, v in single.columns.items()}
        row |= {"once_accuracy": float(single.accuracy.mean()), "gain": gain.estimate}
        rows.append(row | {"low": gain.low, "high": gain.high})
    return pd.DataFrame(rows).drop(columns="once_samples")


def best_of(choices: Sequence[Option], among: Bool[np.ndarray, " question"] | None = None) -> Option:
    """The option of the highest mean accuracy, on all questions or these; of equals the cheapest."""
    chosen = slice(None) if among is None else among
    return max(choices, key=lambda option: (round(float(option.accuracy[chosen].mean()), 12), -option.flops))


def crossed(
    a: Sequence[Option], b: Sequence[Option], folds: Int[np.ndarray, " question"]
) -> Float[np.ndarray, " question"]:
    """The best of `a` minus the best of `b`, each chosen on the other fold's questions."""
    found = np.empty(len(folds))
    for fold in np.unique(folds):
        here = folds == fold
        found[here] = (best_of(a, ~here).accuracy - best_of(b, ~here).accuracy)[here]
    return found
