"""Questions in bins, and how they were binned."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

COARSE_LABELS = {1: "easy", 2: "medium", 3: "hard"}


@dataclass(frozen=True, eq=False)
class Bins:
    """Questions in bins, of which 1 is the easiest."""

    binning: str  # the difficulty they go by
    of_problem: Int[np.ndarray, " problem"]
    labels: Mapping[int, str]  # of all bins, in order, also of those without a question
    frozen: bool = False  # edges from the validation questions

    @property
    def n_bins(self) -> int:
        return len(self.labels)

    @property
    def name(self) -> str:
        return f"{self.binning}_frozen" if self.frozen else self.binning

    @property
    def coarse(self) -> "Bins":
        """Easy, medium and hard: the bins before, at and after the middle one (of five: 1-2, 3, 4-5).

        Differs from the paper: its grouping (Fig. 1 right) is not stated. An even number of bins has no medium.
        """
        thirds = 2 + np.sign(2 * self.of_problem - (self.n_bins + 1))
        return Bins(self.binning, thirds, COARSE_LABELS, self.frozen)


def numbered(n_bins: int) -> dict[int, str]:
    """Bins under their own numbers."""
    return {number: str(number) for number in range(1, n_bins + 1)}
