"""A fitted strategy table: which strategy to use for a question of given difficulty at a given budget (§3.1).

What is handed on of it is `tts_lib.strategies.fitted_choice`. Bins count from 1 (easiest).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

DIFFICULTIES = ("oracle", "predicted", "probe", "zero", "zero+probe")
PROBING = ("probe", "zero+probe")
Options = Mapping[str, bool | int | float | str]


@dataclass(frozen=True)
class Method:
    """What to run for a strategy: a method with its options."""

    method: str
    options: Options

    @classmethod
    def of(cls, options: Options) -> "Method":
        """A search of the study, from its options with their kind among them.

        Of beams, also the depth where it is 0, so that a lookahead finds the beam that it is held against.
        """
        own = {name: value for name, value in options.items() if name != "kind"}
        return cls(str(options["kind"]), {"depth": 0, **own} if "width" in own else own)


@dataclass(frozen=True)
class StrategyTable:
    """The strategy for each (difficulty bin, budget)."""

    difficulty: str  # what its score is: pass@1, mean score of many samples, of a few, predicted from none, or both
    n_probe: int  # samples that are drawn for it
    edges: tuple[float, ...]  # ascending; a score on an edge is in the easier bin
    budgets: tuple[int, ...]  # ascending, in generations
    strategies: tuple[Method, ...]
    choices: tuple[tuple[int, ...], ...]  # (bin, budget) -> index into strategies
    accuracy: tuple[tuple[float, ...], ...]  # (bin, budget): of the choice on the questions it was fitted on
    n_questions: tuple[int, ...]  # per bin; in a bin with 0 the overall best is chosen

    def __post_init__(self) -> None:
        """Raises ValueError where the fields do not fit each other."""
        n_bins, n_budgets = len(self.edges) + 1, len(self.budgets)
        if self.difficulty not in DIFFICULTIES or (self.n_probe > 0) != (self.difficulty in PROBING):
            raise ValueError(
                f"difficulty is {self.difficulty!r} with n_probe {self.n_probe}: allowed is one of "
                f"{', '.join(DIFFICULTIES)}, n_probe > 0 with {' and '.join(PROBING)} and 0 without"
            )
        if list(self.edges) != sorted(self.edges) or not all(map(math.isfinite, self.edges)):
            raise ValueError(f"edges {list(self.edges)} must be finite and ascending")
        if not self.budgets or self.budgets[0] < 1 or list(self.budgets) != sorted(set(self.budgets)):
            raise ValueError(f"budgets {list(self.budgets)} must be >= 1 and ascending")
        for name, rows in (("choices", self.choices), ("accuracy", self.accuracy)):
            if len(rows) != n_bins or any(len(row) != n_budgets for row in rows):
                raise ValueError(f"{name} must have {n_bins} rows (bins) of {n_budgets} entries (budgets)")
        if len(self.n_questions) != n_bins:
            raise ValueError(f"n_questions must have {n_bins} entries, one for each bin")
        if not all(0 <= index < len(self.strategies) for row in self.choices for index in row):
            raise ValueError(f"choices must lie in 0..{len(self.strategies) - 1}, the strategies of the table")
