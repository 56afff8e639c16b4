"""The schema of the methods: what is sampled and searched, how difficulty is measured and strategies compared."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tts_lib.answers.protocols import LEAST_TEMPERATURE
from tts_lib.common.section import Section
from tts_lib.common.strategy import TAKEN
from tts_lib.study.config.fields import (
    BatchTokens,
    Budget,
    Count,
    Dropout,
    Epochs,
    FieldError,
    Fraction,
    Name,
    PoolName,
    Rate,
    Seconds,
    Shards,
    Split,
    Temperature,
    TopP,
    increasing,
)


class Sampling(Section):
    temperature: Temperature
    top_p: TopP
    max_tokens: Annotated[int, Field(ge=1, le=32_768, description="new tokens a solution")]


class Beside(Section):
    """Smaller pools at other temperatures, for a choice of strategy that includes the temperature."""

    temperatures: Annotated[list[Annotated[float, Field(ge=LEAST_TEMPERATURE, le=10)]], Field(min_length=1)]
    n_samples: Annotated[int, Field(ge=1, le=65_536, description="samples a question at each of them")]

    @model_validator(mode="after")
    def _ordered(self) -> "Beside":
        increasing("temperatures", self.temperatures)
        return self


class Pool(Section):
    model: Name
    split: Split
    n_samples: Annotated[int, Field(ge=1, le=65_536, description="samples a question")]
    beside: Beside | None = None


class Select(Section):
    n_resamples: Annotated[int, Field(ge=2, le=100_000, description="subsets a vote")]
    flip_share: Annotated[float, Field(ge=0, le=0.5, description="share of the PRM's scores flipped")]


class TextPredictors(Section):
    """Of difficulty, from the questions' texts alone."""

    pool: Annotated[PoolName, Field(description="whose questions are learned from")]
    reads: Annotated[Literal["data/scores"], Field(description="what the stage waits for")]


class ModelPredictors(Section):
    """Of difficulty, from the texts and from what the base makes of a prompt."""

    pool: Annotated[PoolName, Field(description="whose questions are learned from")]
    reads: Annotated[Literal["models/base"], Field(description="the model that reads the prompts")]
    n_questions: Annotated[list[Count], Field(min_length=1, description="questions learned from, the most for good")]
    epochs: Annotated[Epochs, Field(description="passes over the most; over fewer, as many steps")]
    batch_tokens: BatchTokens
    lr_muon: Rate
    lr_adamw: Rate
    dropout: Dropout
    shards: Shards
    checkpoint_seconds: Seconds

    @model_validator(mode="after")
    def _ordered(self) -> "ModelPredictors":
        increasing("n_questions", self.n_questions)
        return self


class Predictors(Section):
    """Of difficulty before the first sample, in one of two ways."""

    texts: TextPredictors | None = None
    model: ModelPredictors | None = None

    @model_validator(mode="after")
    def _one(self) -> "Predictors":
        if (self.texts is None) == (self.model is None):
            raise ValueError("must be either texts or model")
        return self


class Difficulty(Section):
    n_bins: Annotated[int, Field(ge=1, le=100)]
    n_samples: Annotated[int, Field(ge=1, le=65_536, description="a question, the first of its pool, that bin it")]
    disjoint: Annotated[bool, Field(description="whether strategies are evaluated on the other samples only")]
    n_probe: Annotated[list[Budget], Field(min_length=1, description="samples spent on predicting difficulty")]
    absolute_edges: Annotated[list[Fraction], Field(min_length=1, description="pass@1 between two bins")]
    predictors: Predictors

    @model_validator(mode="after")
    def _ordered(self) -> "Difficulty":
        increasing("n_probe", self.n_probe)
        increasing("absolute_edges", self.absolute_edges)
        return self


class Search(Section):
    temperature: Temperature
    max_step_tokens: Annotated[int, Field(ge=1, le=4096, description="new tokens a step")]
    max_rounds: Annotated[int, Field(ge=1, le=1000, description="steps of a solution at most")]
    duplicates: Literal["keep", "merge"]
    replicates: Annotated[int, Field(ge=1, le=1000, description="runs a question, up to replicated_budget")] = 4
    replicated_budget: Annotated[int, Field(ge=0, le=65_536, description="generations; above it, one run")] = 64

    def runs(self, budget: int) -> int:
        """How often each question is searched at a budget."""
        return self.replicates if budget <= self.replicated_budget else 1


class Grid(Section):
    """Budgets and searches; apart from the settings, so that adding one entry reruns only that entry.

    The pools are replayed at every doubling they hold samples for, and choices among strategies are fitted on all of
    these, so that what is found at a budget does not depend on which others are drawn.
    """

    budgets: Annotated[list[Budget], Field(min_length=1, description="those that the report draws")]
    search_budgets: Annotated[list[Budget], Field(min_length=1, description="where searches are run and compared")]
    methods: list[Name]

    @model_validator(mode="after")
    def _ordered(self) -> "Grid":
        for name in ("budgets", "search_budgets"):
            budgets: list[int] = getattr(self, name)
            increasing(name, budgets)
            odd = [b for b in budgets if b & (b - 1)]
            if odd:
                raise FieldError(name, f"holds {odd[0]}, which is not a power of two")
        if len(set(self.methods)) < len(self.methods):
            raise FieldError("methods", f"names one method twice: {self.methods}")
        if taken := sorted(set(self.methods) & set(TAKEN)):
            raise FieldError("methods", f"holds {taken[0]}, but no search may have the name of another strategy")
        return self


class ComputeOptimal(Section):
    fold_seeds: Annotated[int, Field(ge=1, le=10_000, description="random splits into folds")]
    n_bootstrap: Annotated[int, Field(ge=100, le=1_000_000, description="resamples of the questions")]
    n_walks: Annotated[int, Field(ge=2, le=10_000, description="orders a pool is read in by stopping rules")]


class FlopsMatched(Section):
    r_values: Annotated[
        list[Annotated[float, Field(gt=0, le=1e6)]],
        Field(min_length=1, description="R, inference tokens per pretraining token"),
    ]

    @model_validator(mode="after")
    def _ordered(self) -> "FlopsMatched":
        increasing("r_values", self.r_values)
        return self
