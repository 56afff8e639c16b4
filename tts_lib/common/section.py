"""What every part of a study's schema has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of every part: no unknown fields, no silent conversions ("3", true and 3 are different), never changed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
