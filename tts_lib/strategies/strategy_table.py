"""The fitted strategy table: which strategy to use for a question of given difficulty at a given budget (§3.1).

Plain data without numpy, so that production code can load and apply it. Bins count from 1 (easiest).
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

TABLE_VERSION = 1
DIFFICULTIES = ("oracle", "predicted", "probe")
Options = Mapping[str, bool | int | float | str]


@dataclass(frozen=True)
class Method:
    """What to run for a strategy: a method with its options."""

    method: str
    options: Options


@dataclass(frozen=True)
class StrategyTable:
    """The strategy for each (difficulty bin, budget), with all that is needed to apply it."""

    difficulty: str  # oracle, predicted or probe: what the score passed to `apply` must be
    n_probe: int  # samples behind a probe score; 0 for the other two
    edges: tuple[float, ...]  # ascending; a score on an edge is in the easier bin
    budgets: tuple[int, ...]  # ascending, in generations
    strategies: tuple[Method, ...]
    choices: tuple[tuple[int, ...], ...]  # (bin, budget) -> index into strategies
    accuracy: tuple[tuple[float, ...], ...]  # (bin, budget): of the choice on the questions it was fitted on
    n_questions: tuple[int, ...]  # per bin; in a bin with 0 the overall best is chosen
    models: Mapping[str, str]  # role -> name and version of the models it was fitted with
    version: int = TABLE_VERSION

    def __post_init__(self) -> None:
        """Raises ValueError where the fields do not fit each other."""
        n_bins, n_budgets = len(self.edges) + 1, len(self.budgets)
        if self.version != TABLE_VERSION:
            raise ValueError(f"strategy table has version {self.version}: this library reads version {TABLE_VERSION}")
        if self.difficulty not in DIFFICULTIES or (self.n_probe > 0) != (self.difficulty == "probe"):
            raise ValueError(
                f"difficulty is {self.difficulty!r} with n_probe {self.n_probe}: allowed is one of "
                f"{', '.join(DIFFICULTIES)}, n_probe > 0 with probe and 0 without"
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

    def apply(self, difficulty_score: float, budget: int) -> Method:
        """What to run for a question: that of its bin at the largest fitted budget not above `budget`.

        Raises:
            ValueError: a budget below the smallest fitted one; a score that is not a number.
        """
        if math.isnan(difficulty_score):
            raise ValueError("difficulty score is NaN")
        if budget < self.budgets[0]:
            raise ValueError(f"budget {budget} is below {self.budgets[0]}, the smallest this table was fitted for")
        row = self.choices[len(self.edges) - bisect_right(self.edges, difficulty_score)]
        return self.strategies[row[bisect_right(self.budgets, budget) - 1]]

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, numbers and strings, as JSON takes them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "StrategyTable":
        """The table that `to_dict` wrote, also after a trip through JSON.

        Raises:
            ValueError: missing or unknown keys, another version, fields that do not fit each other.
        """
        if set(data) != set(cls.__dataclass_fields__):
            odd = sorted(set(data) ^ set(cls.__dataclass_fields__))
            raise ValueError(f"strategy table: missing or unknown keys {', '.join(map(str, odd))}")
        if any(set(strategy) != {"method", "options"} for strategy in data["strategies"]):
            raise ValueError("strategy table: each strategy needs the keys method and options and no other")
        return cls(
            difficulty=data["difficulty"],
            n_probe=data["n_probe"],
            edges=tuple(data["edges"]),
            budgets=tuple(data["budgets"]),
            strategies=tuple(Method(**strategy) for strategy in data["strategies"]),
            choices=tuple(tuple(row) for row in data["choices"]),
            accuracy=tuple(tuple(row) for row in data["accuracy"]),
            n_questions=tuple(data["n_questions"]),
            models=data["models"],
            version=data["version"],
        )
