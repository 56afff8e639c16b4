"""The schema of the revision half of a study of checkpoints: LoRA adapters that revise, and their verifier (§6.1)."""

from typing import Annotated

from pydantic import Field

from tts_lib.common.section import Section
from tts_lib.study.config.engine import Device
from tts_lib.training.settings import FineTuning

Share = Annotated[float, Field(gt=0, le=0.5, description="share of the training questions held out")]


class RevisionTuning(Section):
    """A LoRA adapter of `base` that answers after earlier attempts of its own; every checkpoint is one to choose."""

    max_history: Annotated[int, Field(ge=1, le=64, description="earlier attempts in context")]
    max_length: Annotated[int, Field(ge=16, le=10_000_000, description="window of the chains, tokens")]
    n_chains: Annotated[int, Field(ge=1, le=1024, description="of max_history + 1 attempts: to choose and to verify")]
    validation_share: Share
    device: Annotated[Device, Field(description="that trains: cpu, cuda or cuda:N")]
    tuning: FineTuning


class RevisionVerifierTuning(Section):
    """An outcome reward model fine-tuned from `base` on chains of the revision model, and read in transformers."""

    validation_share: Share
    device: Annotated[Device, Field(description="that trains and scores: cpu, cuda or cuda:N")]
    batch_size: Annotated[int, Field(ge=1, le=65_536, description="blocks of attempts scored together")]
    tuning: FineTuning
