"""The fitted choice as a file, `reports/strategy.json`: what to run for a question, at any budget, and what that gives.

    choice = fitted_choice.load("reports/strategy.json")
    pick = choice.pick(budget=64)               # without difficulty
    pick = choice.pick(budget=64, score=0.31)   # by the mean verifier score of samples drawn before
    choice.strategy(pick.strategy)              # all that is needed to run it

The file needs nothing beside it: it names every model with its hash, how each strategy is run and how difficulty is
scored. Bins count from 1 (easiest). How it is fitted: `tts_lib.strategies.fitting`.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, model_validator

from tts_lib.common import records, tables
from tts_lib.common.errors import StudyError
from tts_lib.common.section import Section
from tts_lib.strategies.prediction import Predictor
from tts_lib.strategies.stopping.policy import Policy
from tts_lib.strategies.strategy_table import Method

# Written, and read. Format 2 knows no difficulty without a sample and stops nowhere early; 3 has no zero+probe.
FORMAT, READ = 4, (2, 3, 4)
_WANTED = "what is read is the reports/strategy.json that a study has made"
FIXED, GIVEN, PROBE, ZERO, ZERO_PROBE = "fixed", "given", "probe", "zero", "zero+probe"
TableName = Literal["fixed", "given", "probe", "zero", "zero+probe"]
FORESEEN, PROBED = (ZERO, ZERO_PROBE), (PROBE, ZERO_PROBE)  # the tables whose score takes a prediction, samples
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Mean = Annotated[float, Field(ge=0, allow_inf_nan=False)]

ABOUT = {
    "what": "What to run for a question at a budget of generations, as this study found it, and what that attains.",
    "which table": "`use` names the one to use: of all but `given` the best by cross-validation on validation "
    "questions (`cross_validated`: mean over all budgets, prediction and probe paid for).",
    "tables": "fixed: one strategy for all questions. probe: draw `n_scored` samples, score them, go by the bin of "
    "their mean score; samples that the chosen strategy draws as well are drawn once. given: the same for a mean score "
    "known beforehand, of `n_scored` samples, at no cost. zero: the same for a pass@1 that `zero` predicts from the "
    "question alone. zero+probe: both, where the prediction counts as `prior_worth` (k) further samples: "
    "(k * prediction + sum of the scores) / (k + n_scored).",
    "zero": "What predicts difficulty before the first sample: its weights, and what they are multiplied with.",
    "stopping": "When a vote over independent samples has had enough, for each number of samples that it may have at "
    "most: at n samples look up the cell of the leading answer's share of the votes and of the mean score (a value on "
    "a cut is above it), and draw up to the next n where goes_on says so. Between two budgets the larger one's holds. "
    "A budget is missing where stopping early is no better than a smaller budget.",
    "difficulty": "The score of a question is the mean, over samples, of the verifier's value of the whole solution. "
    "edges ascend; a score on an edge is in the easier bin; bins[0] is the easiest.",
    "bins": "bins[i][j] is for bin i and budgets[j]; for a budget in between take the one below it, and below the "
    "first one that of `fixed`.",
    "expected": "Accuracy on the questions that the choice was made on; never falls as the budget grows.",
    "accuracy": "Accuracy of this very choice on test questions, which it never saw, with a 95% interval over "
    "questions; null where there are too few.",
    "price": "Mean of a question: generations (as charged), tokens read or written by policy and verifier, FLOPs "
    "(2 x parameters x tokens, verifier included), serial rounds of the policy.",
}


class Model(Section):
    """A model by the folder of the study that holds it."""

    folder: Annotated[
        str, Field(pattern=r"^models(/[A-Za-z0-9_-]+)+$", max_length=200, description="a folder below models/")
    ]
    sha256: Annotated[str, Field(min_length=1, max_length=200)]
    parameters: Annotated[float, Field(gt=0, allow_inf_nan=False)]  # without embeddings, as FLOPs are counted with


class Sampling(Section):
    temperature: Annotated[float, Field(ge=0, le=100)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    max_tokens: Count  # new tokens of a solution


class Steps(Section):
    """What every step search has in common."""

    max_step_tokens: Count
    max_rounds: Count
    duplicates: Literal["keep", "merge"]
    temperature: Annotated[float, Field(ge=0, le=100)] | None = None  # null: that of `sampling`


class _Strategy(Section):
    name: str
    policy: str  # roles in `models`
    verifier: str | None


class Vote(_Strategy):
    """Independent samples, of which one is chosen: the most frequent answer, the highest score, or both."""

    kind: Literal["majority", "best_of_n", "weighted"]
    temperature: Annotated[float, Field(ge=0, le=100)] | None = None  # null: that of `sampling`; 0: the greedy answer


class BeamSearch(_Strategy):
    """A search step by step that keeps the best prefixes; like every search, answered by a vote weighted with the
    scores of the last steps.
    """

    kind: Literal["beam", "lookahead", "dvts"]
    width: Annotated[int, Field(ge=2, le=1024)] | Literal["sqrt"]
    depth: Annotated[int, Field(ge=0, le=64)]


class Rebase(_Strategy):
    """A search step by step whose slots are dealt by the softmax of the values."""

    kind: Literal["rebase"]
    temperature_of_values: Annotated[float, Field(ge=0.01, le=100)]


class Particles(_Strategy):
    """A search step by step whose prefixes are resampled by weight."""

    kind: Literal["particles"]
    weights: Literal["odds", "ratio"]


class Tree(_Strategy):
    """A tree of whole solutions, each begun at a node of earlier ones."""

    kind: Literal["tree"]


class Chains(_Strategy):
    """Chains of revisions: the best answer of each chain by a weighted vote, and of those again."""

    kind: Literal["revisions"]
    length: Count  # attempts of a chain
    max_history: Annotated[int, Field(ge=0)]  # earlier attempts in context


Search = Annotated[BeamSearch | Rebase | Particles | Tree, Field(discriminator="kind")]
Strategy = Annotated[Vote | Search | Chains, Field(discriminator="kind")]


def search(name: str, method: Method) -> Search:
    """The search of this name as the base runs it, guided by the PRM."""
    return TypeAdapter[Search](Search).validate_python(
        {"name": name, "kind": method.method, **method.options, "policy": "base", "verifier": "prm"}
    )


class Price(Section):
    generations: Mean
    policy_tokens: Mean
    verifier_tokens: Mean
    flops: Mean
    rounds: Mean


class Pick(Section):
    """What to run, with how many generations, and what it attains."""

    strategy: str
    budget: Count  # generations it is given
    expected: Share
    accuracy: Share | None
    low: Share | None
    high: Share | None
    n_questions: Annotated[int, Field(ge=0)]  # test questions behind `accuracy`
    price: Price


class Table(Section):
    """The picks for each bin and budget, in one way to know a question's bin."""

    n_scored: Annotated[int, Field(ge=0)]  # samples behind a score
    edges: tuple[float, ...]
    budgets: Annotated[tuple[Count, ...], Field(min_length=1)]  # generations in all, those of a probe included
    bins: tuple[tuple[Pick, ...], ...]
    cross_validated: Share | None
    prior_worth: Mean | None = None  # samples that the prediction counts as; null in all tables but zero+probe

    @model_validator(mode="after")
    def _fits(self) -> "Table":
        if list(self.edges) != sorted(self.edges) or not all(map(math.isfinite, self.edges)):
            raise ValueError(f"edges {list(self.edges)} must be finite and ascending")
        if list(self.budgets) != sorted(set(self.budgets)):
            raise ValueError(f"budgets {list(self.budgets)} must be ascending")
        if len(self.bins) != len(self.edges) + 1 or any(len(row) != len(self.budgets) for row in self.bins):
            raise ValueError(f"bins must have {len(self.edges) + 1} rows of {len(self.budgets)} picks")
        for row in self.bins:
            expected = [pick.expected for pick in row]
            if expected != sorted(expected):
                raise ValueError("a pick promises less than one of a smaller budget")
            if any(pick.budget > budget for pick, budget in zip(row, self.budgets, strict=True)):
                raise ValueError("a pick takes more generations than its budget")
        return self

    def bin(self, score: float) -> int:
        """The bin of a score, from 1 (easiest)."""
        return len(self.edges) + 1 - bisect_right(self.edges, score)


class FittedChoice(Section):
    """The whole file."""

    format: Literal[2, 3, 4]
    about: Mapping[str, str]
    use: TableName | None  # null where only verdicts are known: nothing chooses an answer
    seed: Annotated[int, Field(ge=0)]  # of the study
    n_questions: Count  # validation questions it was fitted on
    sampling: Sampling | None  # null in a study of samples that existed already, which can run nothing
    steps: Steps | None
    models: Mapping[str, Model]
    strategies: tuple[Strategy, ...]
    tables: Mapping[TableName, Table]
    zero: Predictor | None = None
    stopping: tuple[Policy, ...] = ()  # at most one for each vote and budget

    @model_validator(mode="after")
    def _fits(self) -> "FittedChoice":
        names = {strategy.name for strategy in self.strategies}
        if len(names) < len(self.strategies):
            raise ValueError("strategies must have different names")
        for strategy in self.strategies:
            if unknown := {strategy.policy, strategy.verifier} - {*self.models, None}:
                raise ValueError(f"strategies: {strategy.name} needs the model {unknown.pop()}, which is not in models")
        is_empty = self.use is None and not self.tables
        if not is_empty and (FIXED not in self.tables or self.use not in self.tables or self.tables[FIXED].edges):
            raise ValueError("tables must hold fixed, of one bin, and the one that use names")
        for name, table in self.tables.items():
            if unknown := {pick.strategy for row in table.bins for pick in row} - names:
                raise ValueError(f"tables.{name} picks {sorted(unknown)[0]!r}, which is not in strategies")
            if (table.prior_worth is None) == (name == ZERO_PROBE):
                raise ValueError(f"tables.{name}: prior_worth belongs to {ZERO_PROBE}, and to it alone")
        if any(name in self.tables for name in FORESEEN) != (self.zero is not None):
            raise ValueError("tables.zero and zero, which predicts its score, need each other")
        if len({(policy.vote, policy.budget) for policy in self.stopping}) < len(self.stopping):
            raise ValueError("stopping has two policies for one vote and budget")
        return self

    def strategy(self, name: str) -> Strategy:
        """How the strategy of this name is run.

        Raises:
            StudyError: there is none.
        """
        for strategy in self.strategies:
            if strategy.name == name:
                return strategy
        raise StudyError(f"there is no strategy {name}; there are {', '.join(each.name for each in self.strategies)}")

    def stops(self, name: str, budget: int) -> Policy | None:
        """How the strategy of this name stops before it has drawn a budget of samples; None where it does not.

        Raises:
            StudyError: there is no such strategy.
        """
        way = self.strategy(name)
        if not isinstance(way, Vote) or way.temperature is not None:
            return None
        known = [policy for policy in self.stopping if policy.vote == way.kind and policy.budget >= budget]
        return min(known, key=lambda policy: policy.budget, default=None)

    def pick(self, budget: float, score: float | None = None, table: TableName | None = None) -> Pick:
        """The best pick that fits within the budget.

        Args:
            score: difficulty, as the table has it, from 0 to 1; without one the pick of `fixed` is returned.
            table: that the score belongs to; `given` by default.

        Raises:
            StudyError: a budget below the smallest, a score that is none, a table that is not there.
        """
        if score is not None and not 0 <= score <= 1:
            raise StudyError(f"the score is {score}, but must be from 0 to 1, as a mean of the verifier's scores is")
        name = FIXED if score is None else table or GIVEN
        if name not in self.tables:
            raise StudyError(f"there is no table {name}; there are {', '.join(self.tables) or 'none'}")
        found = self.tables[name]
        if budget < found.budgets[0]:
            found = self.tables[FIXED]
        if not budget >= found.budgets[0]:
            raise StudyError(f"the budget is {budget}: the smallest strategy takes {found.budgets[0]} generations")
        row = found.bins[0 if score is None or not found.edges else found.bin(score) - 1]
        return row[bisect_right(found.budgets, budget) - 1]


def load(path: Path | str) -> FittedChoice:
    """The choice in a file.

    Raises:
        StudyError: it is missing, damaged, of another format, or its parts do not fit each other; one sentence.
    """
    is_own = Path(path).resolve().parts[-2:] == ("reports", "strategy.json")  # and can be made again
    remedy = tables.REMEDY if is_own else _WANTED
    record: Any = tables.read_json(path, remedy=remedy)
    found = None
    if isinstance(record, dict):
        found = record.get("format", record.get("version"))
    if found not in READ:
        what = "no strategy table" if found is None else f"a strategy table of format {found!s:.20}"
        again = "make it again: `dvc repro compute_optimal`" if is_own else _WANTED
        raise StudyError(f"{path} is {what}, but formats {READ[0]} to {FORMAT} are read here; {again}")
    return records.read(path, FittedChoice, remedy)
