"""An estimate whose figures may lie beyond a grid: where they do, the grid's end is a bound, and no value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

Bound = Literal["exact", "at_least", "at_most"]
_INVERSE: dict[Bound, Bound] = {"exact": "exact", "at_least": "at_most", "at_most": "at_least"}


@dataclass(frozen=True)
class Bounded:
    """An estimate with its interval; each figure says whether it is a value or only a bound."""

    estimate: float
    bound: Bound
    low: float
    low_bound: Bound
    high: float
    high_bound: Bound

    @property
    def inverse(self) -> "Bounded":
        """Of one over it."""
        return Bounded(
            *(1 / self.estimate, _INVERSE[self.bound]),
            *(1 / self.high, _INVERSE[self.high_bound]),
            *(1 / self.low, _INVERSE[self.low_bound]),
        )


def bounded(
    estimate: float,
    replicates: Float[np.ndarray, " resample"],
    ends: tuple[float, float],
    level: float = 0.95,
    back: Callable[[float], float] = float,
) -> Bounded:
    """A figure with its percentile interval, where some lie beyond the grid and rank beyond all others.

    Args:
        estimate: -inf below the grid, inf above it, as are replicates.
        ends: of the grid, which stand for what lies beyond them.
        back: from the scale of estimate and replicates to that of the ends.
    """
    tail = (1 - level) / 2
    low = float(np.quantile(replicates, tail, method="lower"))
    high = float(np.quantile(replicates, 1 - tail, method="higher"))

    def named(value: float) -> tuple[float, Bound]:
        if value == -np.inf:
            return ends[0], "at_most"
        return (ends[1], "at_least") if value == np.inf else (back(value), "exact")

    return Bounded(*named(float(estimate)), *named(low), *named(high))
