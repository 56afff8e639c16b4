"""What the claims are judged on: accuracy per question of every strategy, difficulty, and the tables of the analysis.

Something that a study did not measure (a search it leaves out, a table of a stage it does not have) raises
`NotMeasured`, which a claim turns into its verdict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from tts_lib.common import rng
from tts_lib.common.errors import StudyError
from tts_lib.common.strategy import COVERAGE, MIXED, REVISIONS, SEQUENTIAL, Strategy
from tts_lib.estimators import intervals
from tts_lib.grading.verdicts import CORRECT
from tts_lib.revisions import ratios
from tts_lib.revisions.transitions import Rate, transitions
from tts_lib.strategies.exchange.large import GREEDY, ONE_SAMPLE
from tts_lib.strategies.exchange.matched import REACHED

PAPER, REST_EM = "edit_distance", "rest_em"  # the paper's revision model, and that of its ablation
TRAINED = 4  # attempts in the context of the training data at most
PAPER_BINS = 5
_QUANTILES = {1: "one bin", 2: "halves", 3: "thirds", 4: "quarters", 5: "quintiles", 10: "deciles"}
_WAYS: dict[Literal["parallel", "sequential", "mixed"], tuple[str, int]] = {  # to split a budget: rule, fixed length
    "parallel": (REVISIONS, 1),
    "sequential": (SEQUENTIAL, 0),
    "mixed": (MIXED, 0),
}


class NotMeasured(Exception):  # noqa: N818 (a state of the study, not a mistake)
    """The study has no data on this. The message says on what."""


@dataclass(frozen=True, eq=False)
class Results:
    """Test questions and everything measured on them."""

    accuracy: Mapping[Strategy, pd.DataFrame]  # (question_id x budget), expected correctness 0..1
    search: Mapping[str, pd.DataFrame]  # search -> its rows: question_id, budget, mean_steps, repetition
    difficulty: pd.DataFrame  # index question_id: oracle, oracle_bin, level, subject, pass_at_1, n_samples, greedy
    tables: Mapping[str, pd.DataFrame]  # STAGE/NAME, of reading.ANALYSIS_TABLES
    revisions: Mapping[str, pd.DataFrame]  # revision model -> attempts of its chains (over_questions.COLUMNS)
    seed: int
    n_bootstrap: int
    splits: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # revision model -> ratios.COLUMNS
    checkpoints: pd.DataFrame | None = None  # of the paper's revision model, on validation questions
    n_bins: int = PAPER_BINS  # of difficulty
    lookaheads: Sequence[str] = ()  # searches that look ahead
    guess_rate: float = 0.0  # chance that an answer of the right form drawn at random is right

    @cached_property
    def question_ids(self) -> list[str]:
        return sorted(self.difficulty.index)

    @property
    def quantiles(self) -> str:
        """What the difficulty bins are, in words: quintiles, halves, 7 bins."""
        return _QUANTILES.get(self.n_bins, f"{self.n_bins} bins")

    @property
    def strategy_set(self) -> str:
        """What the compute-optimal strategy is chosen from: the paper's pair, or all strategies if it was not run.

        Raises:
            NotMeasured: there was nothing to choose from.
        """
        return self._first(
            "compute_optimal/gains", "strategy_set", ("paper", "all"), "there are no strategies to choose"
        )

    @property
    def large_answer(self) -> str:
        """How the large model gives its one answer: greedy, or (imported pools) the mean over its samples.

        Raises:
            NotMeasured: there is no large model.
        """
        return self._first("flops_matched/stars", "large", (GREEDY, ONE_SAMPLE), "there is no large model")

    @property
    def n_questions(self) -> int:
        return len(self.question_ids)

    def within(self, budgets: Sequence[int]) -> "Results":
        """The same at these budgets alone, of all that were measured: what is drawn.

        Strategies that are known at none of them are left out, as are comparisons with a larger model at matched
        budgets k that lie beyond the largest.

        Raises:
            StudyError: none of them was measured.
        """
        known = self.budgets(COVERAGE)
        if not (drawn := [budget for budget in known if budget in budgets]):
            raise StudyError(f"grid.budgets holds none of the budgets that the samples suffice for, {known}")
        beyond = np.inf if drawn[-1] == known[-1] else 2 * drawn[-1] / REACHED

        def kept(frame: pd.DataFrame) -> pd.DataFrame:
            frame = frame.loc[frame["budget"].isin(drawn)] if "budget" in frame else frame
            return frame.loc[frame["k"] < beyond] if "k" in frame else frame

        accuracy = {strategy: each.loc[:, each.columns.isin(drawn)] for strategy, each in self.accuracy.items()}
        return replace(
            self,
            accuracy={strategy: each for strategy, each in accuracy.items() if each.shape[1]},
            search={name: kept(rows) for name, rows in self.search.items()},
            tables={name: kept(table) for name, table in self.tables.items()},
            splits={name: kept(rows) for name, rows in self.splits.items()},
        )

    def after_rest_em(self) -> "Results":
        """The same questions, answered by the revision model after ReST-EM.

        Raises:
            NotMeasured: there is no such model.
        """
        if REST_EM not in self.splits:
            raise NotMeasured("there is no revision model after ReST-EM")
        return replace(self, accuracy=split_accuracy(self.splits[REST_EM]))

    def of(self, strategy: Strategy, budget: int) -> Float[np.ndarray, " question"]:
        """Accuracy of a strategy on every test question.

        Raises:
            NotMeasured: no such strategy, or not at this budget.
        """
        if strategy not in self.accuracy:
            raise NotMeasured(f"{strategy.name} was not run")
        if budget not in self.accuracy[strategy]:
            raise NotMeasured(f"{strategy.name} was not run at N = {budget}")
        return self.accuracy[strategy].loc[self.question_ids, budget].to_numpy(dtype=np.float64)

    def attained(self, strategy: Strategy, budget: int) -> intervals.Interval:
        """Mean accuracy of a strategy with its interval, as the analysis has it, or else of our resamples."""
        values = self.of(strategy, budget)
        if known := self._analysed.get((strategy.name, budget)):
            return known
        return intervals.of_shares(intervals.mean_interval(values, self.weights(self.n_questions)), values)

    @cached_property
    def _analysed(self) -> dict[tuple[str, int], intervals.Interval]:
        """By strategy and budget, what the analysis has of each strategy by itself."""
        if (table := self.tables.get("compute_optimal/accuracy")) is None:
            return {}
        singles = table.loc[table["strategy_set"] == "single", ["strategy", "budget", "accuracy", "low", "high"]]
        return {
            (row["strategy"], row["budget"]): intervals.Interval(row["accuracy"], row["low"], row["high"], 0.95)
            for row in singles.to_dict("records")
        }

    def budgets(self, *strategies: Strategy) -> list[int]:
        """Budgets at which all of these strategies are known, ascending.

        Raises:
            NotMeasured: one of them was not run, or there is no such budget.
        """
        if absent := [strategy for strategy in strategies if strategy not in self.accuracy]:
            raise NotMeasured(f"{absent[0].name} was not run")
        common = set.intersection(*(set(self.accuracy[strategy].columns) for strategy in strategies))
        if not common:
            names = " and ".join(strategy.name for strategy in strategies)
            raise NotMeasured(f"{names} have no budget in common")
        return sorted(common)

    def budget(self, wanted: int, *strategies: Strategy) -> int:
        """The largest common budget up to `wanted`, or else the smallest one there is."""
        common = self.budgets(*strategies)
        return max((n for n in common if n <= wanted), default=common[0])

    def span(self, first: int, last: int, *strategies: Strategy) -> tuple[int, int]:
        """Two different budgets for a change from `first` to `last`.

        Raises:
            NotMeasured: the grid has only one there.
        """
        low, high = self.budget(first, *strategies), self.budget(last, *strategies)
        if low == high:
            raise NotMeasured(f"{strategies[0].name} has no two budgets from N = {first} on")
        return low, high

    def diagnostic(self, method: str, column: str, budget: int) -> Float[np.ndarray, " question"]:
        """A figure of a search per test question; NaN where no candidate was finished.

        Raises:
            NotMeasured: no such search.
        """
        if method not in self.search:
            raise NotMeasured(f"{method} was not run")
        rows = self.search[method]
        at = rows.loc[rows["budget"] == budget].set_index("question_id")
        return at[column].reindex(self.question_ids).to_numpy(float)

    def attempt(self, pairing: str, position: int) -> Float[np.ndarray, " question"]:
        """Accuracy of the attempts at this position of the chains, per test question.

        Raises:
            NotMeasured: no such revision model, or its chains are shorter.
        """
        if pairing not in self.revisions:
            raise NotMeasured(f"there is no revision model with {pairing} histories")
        attempts = self.revisions[pairing]
        here = attempts.loc[attempts["position"] == position, ["question_id", "verdict"]]
        if here.empty:
            raise NotMeasured(f"no chain of revisions has {position} attempts")
        shares = pd.Series((here["verdict"] == CORRECT).groupby(here["question_id"]).mean())
        return shares.loc[self.question_ids].to_numpy(np.float64)

    @cached_property
    def transitions(self) -> dict[str, Rate]:
        """What follows an attempt of the paper's revision model; three claims ask."""
        return transitions(self.revisions[PAPER], self.weights(self.n_questions), TRAINED)

    def in_bins(self, bins: Sequence[int]) -> Bool[np.ndarray, " question"]:
        """Which test questions lie in these oracle bins (1 = easiest) of the paper's five.

        Raises:
            NotMeasured: the study has another number of bins, or fewer than 2 questions lie in these.
        """
        if self.n_bins != PAPER_BINS:
            raise NotMeasured(f"bins {list(bins)} are of {PAPER_BINS}, and the study has {self.quantiles}")
        members = self.difficulty.loc[self.question_ids, "oracle_bin"].isin(list(bins)).to_numpy()
        if members.sum() < 2:
            raise NotMeasured(f"fewer than 2 questions lie in bins {list(bins)}")
        return members

    def check_bins(self, *binnings: str) -> None:
        """Refuse a choice by difficulty where there is one difficulty: it is a choice for all questions.

        Args:
            binnings: `oracle` or `predicted`; others have no bins that are known here.

        Raises:
            NotMeasured: all test questions lie in one of these bins.
        """
        for binning in binnings:
            bins = self.difficulty.get(f"{binning}_bin")
            if bins is not None and bins.nunique() < 2:
                raise NotMeasured(f"all questions lie in one bin of {binning} difficulty, so nothing is chosen by it")

    def rows(self, table: str, **where: str | int | bool | Sequence[str]) -> pd.DataFrame:
        """The rows of a table with these values, of several any.

        Raises:
            NotMeasured: there is no such table or row.
        """
        if (frame := self.tables.get(table)) is None:
            raise NotMeasured(f"there is no table {table}")
        for column, wanted in where.items():
            values = [wanted] if isinstance(wanted, str | int) else list(wanted)
            frame = frame.loc[frame[column].isin(values)]
        if frame.empty:
            raise NotMeasured(f"{table} has no rows with {', '.join(map(str, where.values()))}")
        return frame

    def _first(self, table: str, column: str, names: Sequence[str], otherwise: str) -> str:
        """The first of these names that a table's column holds."""
        held = set(self.tables[table][column]) if table in self.tables else set()
        for name in names:
            if name in held:
                return name
        raise NotMeasured(otherwise)

    def generator(self, purpose: str) -> np.random.Generator:
        """Of the randomness that judging a claim needs."""
        return rng.generator("claims", self.seed, purpose)

    @cached_property
    def _weights(self) -> dict[int, Float[np.ndarray, "resample question"]]:
        return {}

    def weights(self, n_questions: int) -> Float[np.ndarray, "resample question"]:
        """Bootstrap weights; the same for every comparison on as many questions, so that claims can be compared."""
        if n_questions not in self._weights:
            generator = rng.generator("claims", self.seed, n_questions)
            self._weights[n_questions] = intervals.bootstrap_weights(n_questions, self.n_bootstrap, generator)
        return self._weights[n_questions]


def split_accuracy(splits: pd.DataFrame) -> dict[Strategy, pd.DataFrame]:
    """Accuracy (question_id x budget) of first attempts, of one chain and of a mixture, by each selection."""
    found = {}
    for way, (rule, fixed) in _WAYS.items():
        length = {budget: ratios.chain_length(way, budget) for budget in splits["budget"].unique().tolist()}
        lengths = [length[budget] for budget in splits["budget"].tolist()]
        for _, part in splits.loc[splits["length"] == lengths].groupby("selection"):
            found[Strategy(rule, part.iloc[0]["selection"], fixed)] = wide(part, "accuracy")
    return found


def wide(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """A column of rows (question_id, budget) as a table of that shape."""
    by = rows.set_index(["question_id", "budget"])
    return by.loc[:, column].unstack("budget")  # noqa: PD010 (refuses a row given twice)
