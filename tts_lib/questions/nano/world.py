"""The world of secret maps, and the tokens of the language that speaks of it."""

import string
from dataclasses import dataclass
from random import Random

import numpy as np

from tts_lib.common import rng

NEWLINE, END = "\n", "$"
HIT, BELOW, ABOVE = "..", ".<", ">."
SPECIALS = ("_", END, NEWLINE, "=", "?", "~", ":", ".", "<", ">", *string.digits)  # "_" pads
MAP_NAMES = string.ascii_lowercase


@dataclass(frozen=True)
class World:
    """forward[f][x] is where map f takes value x; backward is its inverse; frequency[f] sums to 1."""

    forward: list[list[int]]
    backward: list[list[int]]
    frequency: list[float]

    @classmethod
    def build(cls, n_maps: int, n_values: int, zipf_offset: float, seed: int) -> "World":
        """A random world; the map of rank r is met with frequency 1 / (r + zipf_offset), r from 0."""
        generator = rng.generator("world", seed)
        forward = np.stack([generator.permutation(n_values) for _ in range(n_maps)])
        weight = 1 / (np.arange(n_maps) + zipf_offset)
        return cls(forward.tolist(), np.argsort(forward, axis=1).tolist(), (weight / weight.sum()).tolist())

    @property
    def n_values(self) -> int:
        return len(self.forward[0])

    @property
    def vocabulary(self) -> list[str]:
        """Every token of the language; a value, a map and the undoing of a map are one token each."""
        maps = MAP_NAMES[: len(self.forward)]
        return [*SPECIALS, *maps, *maps.upper(), *(f"{x:02d}" for x in range(self.n_values))]

    def draw_maps(self, n: int, random: Random) -> list[int]:
        """By their frequency."""
        return random.choices(range(len(self.frequency)), self.frequency, k=n)

    def apply(self, maps: list[int], x: int) -> int:
        """Where the maps, one after another, take a value."""
        for f in maps:
            x = self.forward[f][x]
        return x

    def undo(self, maps: list[int], y: int) -> int:
        """The value that the maps, one after another, take to y."""
        for f in reversed(maps):
            y = self.backward[f][y]
        return y


def names(maps: list[int]) -> str:
    """The letters of maps, without anything between them."""
    return "".join(MAP_NAMES[f] for f in maps)


def mark(found: int, wanted: int) -> str:
    """How a check ends."""
    return HIT if found == wanted else BELOW if found < wanted else ABOVE
