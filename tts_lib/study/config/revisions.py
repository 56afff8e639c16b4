"""The schema of revisions (§6.1): models that answer after earlier attempts of their own, and the verifier of these."""

from typing import Annotated, Literal

from pydantic import Field

from tts_lib.common.section import Section
from tts_lib.study.config.engine import Device
from tts_lib.study.config.fields import Attempts, BatchTokens, Dropout, Epochs, HeldOut, Name, Rate, Seconds, Shards
from tts_lib.training.settings import FineTuning

Start = Annotated[Name, Field(description="folder of models/ that every revision model starts from")]
MaxHistory = Annotated[int, Field(ge=1, le=64, description="earlier attempts in context")]
NChains = Annotated[int, Field(ge=1, le=1024, description="of max_history + 1 attempts: to choose and to verify")]


class TrainedRevisions(Section):
    """Every weight is trained, from the base with a longer window (`window`)."""

    kind: Literal["trained"]
    start: Start
    max_history: MaxHistory
    n_chains: NChains
    epochs: Epochs
    n_checkpoints: Annotated[int, Field(ge=1, le=100, description="kept along training; one is chosen on validation")]
    batch_tokens: BatchTokens
    lr_muon: Rate
    lr_adamw: Rate
    validation_share: HeldOut
    shards: Shards
    checkpoint_seconds: Seconds


class TunedRevisions(Section):
    """A LoRA adapter of a checkpoint; every checkpoint of its training is one to choose."""

    kind: Literal["tuned"]
    start: Start
    max_history: MaxHistory
    n_chains: NChains
    max_length: Annotated[int, Field(ge=16, le=10_000_000, description="window of the chains, tokens")]
    validation_share: HeldOut
    device: Annotated[Device, Field(description="that trains: cpu, cuda or cuda:N")]
    tuning: FineTuning


class RevisionModel(Section):
    """One revision model, named by how the history of its training examples is chosen."""

    learns_from: Annotated[
        Literal["pools/base-train", "revisions/verifier"],
        Field(description="folder of data/; chains of the paper's revision model are rest_em's"),
    ]
    attempts: Attempts


class TrainedRevisionVerifier(Section):
    """An ORM from the revision model, on chains of it."""

    kind: Literal["trained"]
    epochs: Epochs
    batch_tokens: BatchTokens
    lr_muon: Rate
    lr_adamw: Rate
    dropout: Dropout
    validation_share: HeldOut
    shards: Shards
    checkpoint_seconds: Seconds


class TunedRevisionVerifier(Section):
    """An ORM fine-tuned from the base checkpoint on chains of the revision model, and read in transformers."""

    kind: Literal["tuned"]
    validation_share: HeldOut
    device: Annotated[Device, Field(description="that trains and scores: cpu, cuda or cuda:N")]
    batch_size: Annotated[int, Field(ge=1, le=65_536, description="blocks of attempts scored together")]
    tuning: FineTuning


Revisions = Annotated[TrainedRevisions | TunedRevisions, Field(discriminator="kind")]
RevisionVerifier = Annotated[TrainedRevisionVerifier | TunedRevisionVerifier, Field(discriminator="kind")]
