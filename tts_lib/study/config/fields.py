"""Kinds of numbers and names, with their ranges."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from tts_lib.answers.protocols import LEAST_TEMPERATURE


def _is_kept(temperature: float) -> float:
    if 0 < temperature < LEAST_TEMPERATURE:
        raise ValueError(f"{temperature} lies between 0 (greedy) and {LEAST_TEMPERATURE}, the least that engines keep")
    return temperature


Count = Annotated[int, Field(ge=1, le=100_000_000)]
Tokens = Annotated[int, Field(ge=1, le=10**13)]
Rate = Annotated[float, Field(gt=0, le=1)]
Temperature = Annotated[float, Field(ge=0, le=10, description="0 = greedy"), AfterValidator(_is_kept)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=40)]
Split = Literal["train", "val", "test"]
Subject = Literal["chain", "inverse", "bridge", "route"]
Weight = Annotated[float, Field(ge=0, le=1e6)]
Pairing = Literal["edit_distance", "random", "none", "shuffled", "rest_em"]
Shards = Annotated[
    Literal[1, 2, 4, 8, 16, 32, 64],
    Field(description="parts of a batch, whose gradients are summed in a fixed order; as many processes can train"),
]
HeldOut = Annotated[float, Field(gt=0, le=0.5, description="share of the training questions held out")]
Epochs = Annotated[int, Field(ge=1, le=100)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
Seconds = Annotated[float, Field(gt=0, le=86_400, description="between checkpoints")]
BatchTokens = Annotated[int, Field(ge=64, le=10_000_000)]
MaxLength = Annotated[int, Field(ge=16, le=32_768, description="window, tokens")]
TopP = Annotated[float, Field(gt=0, le=1, description="1 = off")]
PoolName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*-(train|val|test)$", max_length=60)]
Attempts = Annotated[
    int, Field(ge=4, le=4096, description="a question, a power of two: split into chains in every way")
]
Budget = Annotated[int, Field(ge=1, le=65_536, description="generations per question, a power of two")]


class FieldError(ValueError):
    """A mistake that the check of a whole section found, in one of its fields; it says so, and which."""

    def __init__(self, field: str, words: str):
        """A mistake in the field of this dotted name, as it is seen from the section."""
        super().__init__(f"{field} {words}")
        self.field = field


def increasing(name: str, values: Sequence[int] | Sequence[float]) -> None:
    """Refuse values that do not rise.

    Raises:
        FieldError: names the field.
    """
    if any(b <= a for a, b in pairwise(values)):
        raise FieldError(name, f"must be strictly increasing, got {list(values)}")
