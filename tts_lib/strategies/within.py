"""Strategies within a budget in all, that of a probe included.

At a budget every strategy stands where it was measured last within it: a search that was run at 64 generations is known
at 128 by what 64 gave. Of a probe, samples are charged unless the strategy draws them anyway.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int

from tts_lib.common.strategy import Strategy
from tts_lib.strategies.outcomes import Outcomes


@dataclass(frozen=True, eq=False)
class Within:
    """Outcomes at budgets in all: `n_probe` samples come first, and what they leave is the strategy's own."""

    outcomes: Outcomes
    n_probe: int = 0

    @cached_property
    def own(self) -> Int[np.ndarray, "strategy budget"]:
        """Index of the largest budget of its own that each strategy can pay; -1 where there is none."""
        budgets = np.array(self.outcomes.budgets)
        found = np.full((len(self.outcomes.strategies), len(budgets)), -1)
        for row, strategy in enumerate(self.outcomes.strategies):
            for column in np.flatnonzero(self.outcomes.known[row]).tolist():
                found[row, charged(strategy, int(budgets[column]), self.n_probe) <= budgets] = column
        return found

    @cached_property
    def lifted(self) -> Outcomes:
        """The outcomes at each budget in all that pays for any strategy; NaN where one cannot be paid."""
        there = self.own.max(axis=0) >= 0
        own = self.own[:, there]
        rows = np.arange(len(own))[:, None]
        missing = (own < 0)[..., None]
        accuracy = np.where(missing, np.nan, self.outcomes.accuracy[rows, own])
        ledger = np.where(missing[..., None], np.nan, self.outcomes.ledger[rows, own])
        budgets = tuple(np.array(self.outcomes.budgets)[there].tolist())
        return Outcomes(self.outcomes.question_ids, self.outcomes.strategies, budgets, accuracy, ledger)


def charged(strategy: Strategy, budget: int, n_probe: int) -> int:
    """Generations in all of a strategy behind a probe, whose samples best-of-N and majority use again."""
    own = strategy.generations(budget)
    return max(own, n_probe) if strategy.is_from_pool else own + n_probe
