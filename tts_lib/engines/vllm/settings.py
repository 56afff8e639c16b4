"""How vLLM runs a model: what `engine` in params.yaml says of one engine."""

from dataclasses import dataclass
from typing import Literal

from tts_lib.common.errors import StudyError


@dataclass(frozen=True)
class VllmSettings:
    """The settings of one engine.

    Attributes:
        dtype: number format of weights and activations; None: the checkpoint's.
        max_model_len: tokens of a sequence, its prefix too; None: the model's window.
        gpu_memory: share of each GPU's memory for weights and cache (on a CPU: of the machine's, for the cache).
        tensor_parallel: GPUs that share each layer.
        max_sequences: sequences computed together at most.

    Raises:
        StudyError: a value out of range.
    """

    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    max_model_len: int | None = None
    gpu_memory: float = 0.9
    tensor_parallel: int = 1
    max_sequences: int = 256

    def __post_init__(self) -> None:
        if self.max_model_len is not None and self.max_model_len < 2:
            raise StudyError(
                f"max_model_len is {self.max_model_len}; allowed is 2 tokens or more, or None for the model's own"
            )
        if not 0 < self.gpu_memory <= 1:
            raise StudyError(f"gpu_memory is {self.gpu_memory}; allowed is a share above 0, to 1")
        for name, value in {"tensor_parallel": self.tensor_parallel, "max_sequences": self.max_sequences}.items():
            if value < 1:
                raise StudyError(f"{name} is {value}; allowed is 1 or more")


DEFAULT = VllmSettings()
