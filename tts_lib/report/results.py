"""What the claims are judged on: accuracy per question of every strategy, difficulty, and the tables of the analysis.

Something that a study did not measure (a search it leaves out, a table of a stage it does not have) raises
`NotMeasured`, which a claim turns into its verdict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from tts_lib.common import paths, rng, tables
from tts_lib.estimators import intervals
from tts_lib.revisions import ratios as revision_ratios
from tts_lib.revisions.transitions import by_position

ANALYSIS_TABLES = (  # of the results of two stages
    *(
        f"compute_optimal/{name}"
        for name in ("accuracy", "bins", "gains", "iso", "probe", "shares", "binning", "joint")
    ),
    *(f"flops_matched/{name}" for name in ("stars", "lines", "large", "ladder")),
)
_SEARCH_COLUMNS = ["split", "question_id", "budget", "correct", "mean_steps", "repetition"]
_DIFFICULTY_COLUMNS = ["question_id", "level", "subject", "oracle", "oracle_bin"]
_REVISION_COLUMNS = [
    *("split", "question_id", "chain", "position", "answer", "verdict", "text", "n_tokens", "n_prompt", "n_context"),
]
PAPER, REST_EM = "edit_distance", "rest_em"  # the paper's revision model, and that of its ablation
_WAYS = ("parallel", "sequential", "mixed")


class NotMeasured(Exception):  # noqa: N818 (a state of the study, not a mistake)
    """The study has no data on this. The message says on what."""


@dataclass(frozen=True, eq=False)
class Results:
    """Test questions and everything measured on them."""

    accuracy: Mapping[str, pd.DataFrame]  # strategy -> (question_id x budget), expected correctness 0..1
    search: Mapping[str, pd.DataFrame]  # search -> its rows: question_id, budget, mean_steps, repetition
    difficulty: pd.DataFrame  # index question_id: oracle, oracle_bin, level, subject
    tables: Mapping[str, pd.DataFrame]  # of ANALYSIS_TABLES
    revisions: Mapping[
        str, pd.DataFrame
    ]  # revision model -> attempts of its chains (tts_lib.revisions.over_questions.COLUMNS)
    seed: int
    n_bootstrap: int
    ratios: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # revision model -> revision_ratios.COLUMNS
    checkpoints: pd.DataFrame | None = (
        None  # of the paper's revision model, on validation questions (paths.checkpoints)
    )

    @cached_property
    def question_ids(self) -> list[str]:
        return sorted(self.difficulty.index)

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
        return self._first("flops_matched/stars", "large", ("greedy", "one_sample"), "there is no large model")

    @property
    def n_questions(self) -> int:
        return len(self.question_ids)

    def of(self, strategy: str, budget: int) -> Float[np.ndarray, " question"]:
        """Accuracy of a strategy on every test question.

        Raises:
            NotMeasured: no such strategy, or not at this budget.
        """
        if strategy not in self.accuracy:
            raise NotMeasured(f"{strategy} was not run")
        if budget not in self.accuracy[strategy]:
            raise NotMeasured(f"{strategy} was not run at N = {budget}")
        return self.accuracy[strategy].loc[self.question_ids, budget].to_numpy(dtype=np.float64)

    def budgets(self, *strategies: str) -> list[int]:
        """Budgets at which all of these strategies are known, ascending.

        Raises:
            NotMeasured: one of them was not run, or there is no such budget.
        """
        if absent := [name for name in strategies if name not in self.accuracy]:
            raise NotMeasured(f"{absent[0]} was not run")
        common = set.intersection(*(set(self.accuracy[name].columns) for name in strategies))
        if not common:
            raise NotMeasured(f"{' and '.join(strategies)} have no budget in common")
        return sorted(common)

    def budget(self, wanted: int, *strategies: str) -> int:
        """The largest common budget up to `wanted`, or else the smallest one there is."""
        common = self.budgets(*strategies)
        return max((n for n in common if n <= wanted), default=common[0])

    def span(self, first: int, last: int, *strategies: str) -> tuple[int, int]:
        """Two different budgets for a change from `first` to `last`.

        Raises:
            NotMeasured: the grid has only one there.
        """
        low, high = self.budget(first, *strategies), self.budget(last, *strategies)
        if low == high:
            raise NotMeasured(f"{strategies[0]} has no two budgets from N = {first} on")
        return low, high

    def diagnostic(self, method: str, column: str, budget: int) -> Float[np.ndarray, " question"]:
        """A figure of a search per test question; NaN where no candidate was finished."""
        if method not in self.search:
            raise NotMeasured(f"{method} was not run")
        rows = self.search[method]
        return (
            rows[rows["budget"] == budget].set_index("question_id")[column].reindex(self.question_ids).to_numpy(float)
        )

    def attempt(self, pairing: str, position: int) -> Float[np.ndarray, " question"]:
        """Accuracy of the attempts at this position of the chains, per test question.

        Raises:
            NotMeasured: no such revision model, or its chains are shorter.
        """
        if pairing not in self.revisions:
            raise NotMeasured(f"there is no revision model with {pairing} histories")
        attempts = self.revisions[pairing]
        if position > attempts["position"].max():
            raise NotMeasured(f"no chain of revisions has {position} attempts")
        return by_position(attempts, position)[position].loc[self.question_ids].to_numpy(np.float64)

    def in_bins(self, bins: Sequence[int]) -> Bool[np.ndarray, " question"]:
        """Which test questions lie in these oracle bins (1 = easiest).

        Raises:
            NotMeasured: fewer than 2 of them do.
        """
        members = self.difficulty.loc[self.question_ids, "oracle_bin"].isin(list(bins)).to_numpy()
        if members.sum() < 2:
            raise NotMeasured(f"fewer than 2 questions lie in bins {list(bins)}")
        return members

    def row(self, table: str, **where: str | int | float | bool) -> pd.Series:
        """The one row of a table with these values.

        Raises:
            NotMeasured: there is no such table or row.
        """
        frame = self.tables.get(table)
        if frame is None:
            raise NotMeasured(f"there is no table {table}")
        for column, value in where.items():
            frame = frame[frame[column] == value]
        if len(frame) != 1:
            raise NotMeasured(f"{table} has {len(frame)} rows with {', '.join(f'{k} {v}' for k, v in where.items())}")
        return frame.iloc[0]

    def _first(self, table: str, column: str, names: Sequence[str], otherwise: str) -> str:
        """The first of these names that a table's column holds."""
        held = set(self.tables[table][column]) if table in self.tables else set()
        for name in names:
            if name in held:
                return name
        raise NotMeasured(otherwise)

    @cached_property
    def _weights(self) -> dict[int, Float[np.ndarray, "resample question"]]:
        return {}

    def weights(self, n_questions: int) -> Float[np.ndarray, "resample question"]:
        """Bootstrap weights; the same for every comparison on as many questions, so that claims can be compared."""
        if n_questions not in self._weights:
            generator = rng.generator("claims", self.seed, n_questions)
            self._weights[n_questions] = intervals.bootstrap_weights(n_questions, self.n_bootstrap, generator)
        return self._weights[n_questions]


def load(methods: Sequence[str], pairings: Mapping[str, Mapping[str, Any]], seed: int, n_bootstrap: int) -> Results:
    """The results of the study in this folder.

    Args:
        methods: searches that were run.
        pairings: revision models, each with the `attempts` a question that were sampled from it.

    Raises:
        TableError: a table is missing or damaged.
    """
    replayed = tables.read_table(paths.accuracy("test"), ["question_id", "strategy", "budget", "accuracy"])
    accuracy = {str(name): _wide(part, "accuracy") for name, part in replayed.groupby("strategy")}
    searches = {}
    for method in methods:
        rows = tables.read_table(paths.search(method), _SEARCH_COLUMNS)
        searches[method] = rows[rows["split"] == "test"].reset_index(drop=True)
        accuracy[method] = _wide(searches[method], "correct")
    analysis = {name: read_csv(name) for name in ANALYSIS_TABLES}
    difficulty = tables.read_table(paths.difficulty("test"))
    # and predicted bins, where there are scores
    kept = [*_DIFFICULTY_COLUMNS, *(name for name in ("predicted_bin",) if name in difficulty)]
    difficulty = difficulty[kept].set_index("question_id")
    revisions = {name: _test(tables.read_table(paths.revisions(name), _REVISION_COLUMNS)) for name in pairings}
    ratios = {}
    if REST_EM in pairings:
        ratios[REST_EM] = revision_ratios.accuracy(revisions[REST_EM], {}, pairings[REST_EM]["attempts"])
    if pairings:
        ratios[PAPER] = _test(tables.read_table(paths.revision_verifier("ratios")))
    checkpoints = tables.read_table(paths.checkpoints(PAPER)) if pairings else None
    for name, rows in ratios.items():
        accuracy |= _ways(rows, "" if name == PAPER else f"{name} ")
    return Results(accuracy, searches, difficulty, analysis, revisions, seed, n_bootstrap, ratios, checkpoints)


def _ways(ratios: pd.DataFrame, prefix: str) -> dict[str, pd.DataFrame]:
    """Accuracy (question_id x budget) of parallel, sequential and mixed revisions by each selection."""
    found = {}
    for way in _WAYS:
        length = ratios["budget"].map(lambda n, way=way: revision_ratios.chain_length(way, n))
        for selection, part in ratios[ratios["length"] == length].groupby("selection"):
            found[f"{prefix}{way}:{selection}"] = _wide(part, "accuracy")
    return found


def _test(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["split"] == "test"].reset_index(drop=True)


def read_csv(name: str) -> pd.DataFrame:
    """A table of reports/results, as STAGE/NAME; bins and groups stay text.

    Raises:
        TableError: it is missing.
    """
    stage, _, table = name.partition("/")
    path = paths.results(stage) / f"{table}.csv"
    if not path.is_file():
        raise tables.TableError(f"{path} is missing; run `dvc repro`, or the stage that writes it, first")
    return pd.read_csv(path, dtype={"bin": str, "group": str})


def _wide(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    return rows.set_index(["question_id", "budget"])[column].unstack("budget")  # noqa: PD010 (refuses a row given twice)
