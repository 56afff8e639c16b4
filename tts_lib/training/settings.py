"""The schema of fine-tuning a Hugging Face checkpoint: what `tts_lib.training.lora` is told.

The paper's values: learning rate 3e-5 and dropout 0.05 for the process reward model, 1e-5 and 0.0 for the revision
model, 128 examples a step for both; it gives no warm-up, schedule or number of epochs.
"""

from typing import Annotated, Literal

from pydantic import Field

from tts_lib.common.section import Section

Layer = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$", max_length=100, description="name of a linear layer")]


class LoraAdapter(Section):
    """Matrices B (out, rank) and A (rank, in) beside each chosen linear layer: W x + alpha / rank * B A x."""

    rank: Annotated[int, Field(ge=1, le=512, description="inner width of an adapter; vLLM serves no more than 512")]
    alpha: Annotated[float, Field(gt=0, le=65_536, description="scale of an adapter times its rank")]
    layers: Annotated[Literal["all"] | list[Layer], Field(min_length=1)]


class FineTuning(Section):
    """One run of supervised fine-tuning; `adapter` null trains every weight instead."""

    adapter: LoraAdapter | None
    epochs: Annotated[int, Field(ge=1, le=100)]
    batch_size: Annotated[int, Field(ge=1, le=65_536, description="examples a step")]
    micro_tokens: Annotated[int, Field(ge=1, le=2**24, description="tokens in memory at once; a step adds them up")]
    lr: Annotated[float, Field(gt=0, le=1, description="peak of AdamW's learning rate")]
    warmup_share: Annotated[float, Field(ge=0, lt=1, description="share of the steps with a rising learning rate")]
    schedule: Annotated[Literal["cosine", "constant"], Field(description="learning rate after the warm-up")]
    dropout: Annotated[float, Field(ge=0, lt=1, description="of an adapter's input, or else of the attention")]
    clip_norm: Annotated[float, Field(gt=0, le=1e6, description="greatest norm of a step's gradient")]
    gradient_checkpointing: Annotated[bool, Field(description="whether activations are computed twice and not kept")]
    checkpoints: Annotated[int, Field(ge=1, le=1000, description="checkpoints and validations, evenly spaced")]
    checkpoint_seconds: Annotated[float, Field(ge=0, le=86_400, description="between two states to resume from")]
