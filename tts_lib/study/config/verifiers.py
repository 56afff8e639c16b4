"""The schema of the verifier (§5.1): trained from the base, tuned from a checkpoint, or one that exists already."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tts_lib.common.section import Section
from tts_lib.study.config.checkpoint import Prm, Template
from tts_lib.study.config.engine import Device
from tts_lib.study.config.fields import BatchTokens, Dropout, Epochs, HeldOut, Rate, Seconds, Shards
from tts_lib.training.settings import FineTuning

Samples = Annotated[int, Field(ge=1, le=1024, description="labelled solutions a training question")]
Rollouts = Annotated[int, Field(ge=1, le=1024, description="Monte-Carlo rollouts a step")]
Labelled = Annotated[Literal["base-train"], Field(description="pool whose solutions are labelled")]


class TrainedVerifier(Section):
    """A PRM and two ORMs from the base. The paper labels 16 solutions a question, with 16 rollouts a step."""

    pool: Labelled
    samples: Samples
    rollouts: Rollouts
    epochs: Epochs
    batch_tokens: BatchTokens
    lr_muon: Rate
    lr_adamw: Rate
    dropout: Dropout
    validation_share: HeldOut
    shards: Shards
    checkpoint_seconds: Seconds


class TunedVerifier(Section):
    """A PRM from the base checkpoint; it has one output a token, and the last step's score counts."""

    pool: Labelled
    samples: Samples
    rollouts: Rollouts
    validation_share: HeldOut
    template: Template
    max_length: Annotated[int, Field(ge=16, le=10_000_000, description="tokens of problem and solution")]
    device: Device
    batch_size: Annotated[int, Field(ge=1, le=65_536, description="solutions scored together")]
    tuning: FineTuning


class DeclaredVerifier(Prm):
    """A PRM that exists already: where it is and how it is read."""

    pool: Annotated[Literal["base-val"], Field(description="pool that its declaration is held against")]


class Verifier(Section):
    """One of the three."""

    trained: TrainedVerifier | None = None
    tuned: TunedVerifier | None = None
    declared: DeclaredVerifier | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "Verifier":
        given = [kind for kind in ("trained", "tuned", "declared") if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"one of trained, tuned and declared must be given, got {', '.join(given) or 'none'}")
        return self

    @property
    def kind(self) -> str:
        """The name of the one given."""
        return next(kind for kind in ("trained", "tuned", "declared") if getattr(self, kind) is not None)

    @property
    def learner(self) -> TrainedVerifier | TunedVerifier | None:
        """The settings of one that learns from rollouts."""
        return self.trained or self.tuned
