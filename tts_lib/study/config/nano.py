"""The schema of a study from scratch: world, corpus, the models that are pretrained on it."""

from typing import Annotated

from pydantic import Field, model_validator

from tts_lib.common.section import Section
from tts_lib.study.config.fields import (
    BatchTokens,
    Count,
    MaxLength,
    Rate,
    Seconds,
    Subject,
    Tokens,
    Weight,
    Workers,
)


class Problems(Section):
    n_maps: Annotated[int, Field(ge=4, le=26, description="maps of the world, named a-z")]
    n_values: Annotated[int, Field(ge=10, le=100, description="values a map permutes, two digits each")]
    zipf_offset: Annotated[float, Field(gt=0, le=1000, description="a map's frequency is 1 / (rank + offset)")]
    subjects: dict[Subject, Weight]
    hops: Annotated[list[Weight], Field(min_length=1, max_length=4, description="weights of 1, 2, ... facts to use")]
    n_train: Count
    n_val: Count
    n_test: Count

    @model_validator(mode="after")
    def _something_to_draw(self) -> "Problems":
        for name, weights in (("subjects", self.subjects.values()), ("hops", self.hops)):
            if not sum(weights) > 0:
                raise ValueError(f"{name} must have a weight above 0")
        return self


class Corpus(Section):
    tokens: Tokens
    validation_tokens: Tokens
    wrong_guess: Annotated[float, Field(ge=0, lt=1, description="P(a guess is drawn at random)")]
    retry: Annotated[float, Field(ge=0, lt=1, description="P(a refuted guess is tried again)")]
    astray: Annotated[float, Field(ge=0, le=1, description="P(a route goes astray)")]


class Shape(Section):
    """Sizes of a Llama model trained from scratch."""

    n_layers: Annotated[int, Field(ge=1, le=128)]
    width: Annotated[int, Field(ge=8, le=16_384)]
    n_heads: Annotated[int, Field(ge=1, le=256)]
    width_mlp: Annotated[int, Field(ge=8, le=65_536)]

    @model_validator(mode="after")
    def _heads_fit(self) -> "Shape":
        if self.width % self.n_heads or (self.width // self.n_heads) % 2:
            raise ValueError(f"width {self.width} must be n_heads {self.n_heads} times an even head width")
        return self


class Pretrain(Section):
    max_length: MaxLength
    batch_tokens: BatchTokens
    lr_muon: Rate
    lr_adamw: Rate
    workers: Workers
    checkpoint_seconds: Seconds


class Window(Section):
    """The base model with a longer window: joined corpus documents, for a model that has seen one at a time."""

    max_length: MaxLength
    documents: Annotated[int, Field(ge=2, le=1024, description="joined end to end in one example")]
    tokens: Annotated[Tokens, Field(description="of joined documents")]
    batch_tokens: BatchTokens
    lr_muon: Rate
    lr_adamw: Rate
    workers: Workers
    checkpoint_seconds: Seconds
