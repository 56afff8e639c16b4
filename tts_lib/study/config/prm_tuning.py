"""The schema of training a process reward model from a checkpoint on its own rollouts (paper §5.1, App. D)."""

from typing import Annotated

from pydantic import Field

from tts_lib.common.section import Section
from tts_lib.study.config.checkpoint import Template
from tts_lib.study.config.engine import Device
from tts_lib.training.settings import FineTuning


class PrmTuning(Section):
    """A PRM that is trained from the study's base model; it has one output a token, and the last step's score counts.

    The paper labels 16 solutions a question, with 16 rollouts a step.
    """

    samples: Annotated[int, Field(ge=1, le=1024, description="labelled solutions a training question")]
    rollouts: Annotated[int, Field(ge=1, le=1024, description="Monte-Carlo rollouts a step")]
    validation_share: Annotated[float, Field(gt=0, le=0.5, description="share of the training questions held out")]
    template: Template
    max_length: Annotated[int, Field(ge=16, le=10_000_000, description="tokens of problem and solution")]
    device: Device
    batch_size: Annotated[int, Field(ge=1, le=65_536, description="solutions scored together")]
    tuning: FineTuning
