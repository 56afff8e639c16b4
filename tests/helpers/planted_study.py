"""A planted world of two strategies for the tests of curves: best-of-N wins in bin 1, the search in bin 2."""

import numpy as np

from tts_lib.answers.cost import LEDGER
from tts_lib.common.strategy import WEIGHTED, Strategy
from tts_lib.strategies.outcomes import Outcomes
from tts_lib.strategies.strategy_table import Method

BUDGETS = (1, 4, 16)
BEAM = Strategy("beam_4")
METHODS = (Method("best_of_n", {}), Method("beam", {"width": 4}))


def planted_outcomes(n_per_bin: int = 20) -> tuple[Outcomes, np.ndarray, np.ndarray]:
    """(outcomes, bins, difficulty score); accuracies are exact, so every result has a closed form.

    Best-of-N 0.5, 0.6, 0.7 in bin 1 and 0.1, 0.2, 0.3 in bin 2; the search, from budget 4 on, 0.4 everywhere.
    """
    bins = np.repeat([1, 2], n_per_bin)
    best_of_n = np.array([0.5, 0.6, 0.7])[:, None] - 0.4 * (bins == 2)
    search = np.full_like(best_of_n, 0.4)
    search[0] = np.nan
    ledger = np.ones((2, 3, len(bins), len(LEDGER))) * np.array(BUDGETS)[None, :, None, None]
    ledger[1] *= 3
    ledger[1, 0] = np.nan
    ids = tuple(f"q{i}" for i in range(len(bins)))
    accuracy = np.stack([best_of_n, search])
    return Outcomes(ids, (WEIGHTED, BEAM), BUDGETS, accuracy, ledger), bins, 1.0 - 0.5 * (bins == 2)
