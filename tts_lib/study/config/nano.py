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
    Shards,
    Subject,
    Tokens,
    Weight,
)

Octaves = Annotated[float, Field(ge=0, le=64, description="factors of 2 between facts asked most and least often")]
Subjects = dict[Subject, Weight]
Hops = Annotated[list[Weight], Field(min_length=1, max_length=4, description="weights of 1, 2, ... facts to use")]


class Problems(Section):
    seed: Annotated[
        int | None, Field(ge=0, lt=2**63, description="of world, questions and corpus; null: the study's")
    ] = None
    n_maps: Annotated[int, Field(ge=4, le=26, description="maps of the world, named a-z")]
    n_values: Annotated[int, Field(ge=10, le=100, description="values a map permutes, two digits each")]
    zipf_offset: Annotated[float, Field(gt=0, le=1000, description="a map's frequency is 1 / (rank + offset)")]
    subjects: Subjects
    hops: Hops
    fact_octaves: Octaves = 0.0
    n_train: Count
    n_val: Count
    n_test: Count

    @model_validator(mode="after")
    def _something_to_draw(self) -> "Problems":
        _have_weight(self.subjects, self.hops)
        return self


class Corpus(Section):
    """What the models are pretrained on. Subjects and hops that it does not name are those of the problems."""

    tokens: Tokens
    validation_tokens: Tokens
    wrong_guess: Annotated[float, Field(ge=0, lt=1, description="P(a guess is drawn at random)")]
    retry: Annotated[float, Field(ge=0, lt=1, description="P(a refuted guess is tried again)")]
    astray: Annotated[float, Field(ge=0, le=1, description="P(a route goes astray)")]
    careless: Annotated[bool, Field(description="only guess once a refuted guess was carried on with")] = False
    checks: Annotated[float, Field(ge=0, lt=1, description="share of the texts that are a check alone")] = 0.0
    fact_octaves: Octaves = 0.0
    subjects: Subjects | None = None
    hops: Hops | None = None

    @model_validator(mode="after")
    def _something_to_draw(self) -> "Corpus":
        _have_weight(self.subjects, self.hops)
        return self


def _have_weight(subjects: Subjects | None, hops: list[float] | None) -> None:
    """Refuse weights of which none is above 0.

    Raises:
        ValueError: names the field.
    """
    if subjects is not None and not sum(subjects.values()) > 0:
        raise ValueError("subjects must have a weight above 0")
    if hops is not None and not sum(hops) > 0:
        raise ValueError("hops must have a weight above 0")


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
    shards: Shards
    checkpoint_seconds: Seconds
    dishonest: Annotated[
        float | None, Field(ge=0, le=1, description="share of wrong guesses that the base may check untruly; null: any")
    ] = None


class Window(Section):
    """The base model with a longer window: joined corpus documents, for a model that has seen one at a time."""

    max_length: MaxLength
    documents: Annotated[int, Field(ge=2, le=1024, description="joined end to end in one example")]
    tokens: Annotated[Tokens, Field(description="of joined documents")]
    batch_tokens: BatchTokens
    lr_muon: Rate
    lr_adamw: Rate
    shards: Shards
    checkpoint_seconds: Seconds
