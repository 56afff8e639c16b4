"""REBASE: slots in proportion to the softmax of the values (Wu et al. 2408.00724 and its code).

N slots; in each round B = N - (solutions ended so far) of them are dealt. Walk the unfinished prefixes from the
highest value down: with w = exp(v / T), each gets B w / W slots, rounded up, where W is the weight of itself and of
those still to be served, and B shrinks by what was given. What has ended, or was cut off, holds one slot for good and
is a candidate. Cost: N generations.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from tts_lib.answers.protocols import FINISH_END, FINISH_STEP
from tts_lib.common.rng import Part
from tts_lib.common.section import Section
from tts_lib.search.dealing import Dealer, Slots
from tts_lib.search.prefixes import Prefix

_ROUNDING = 1e-9  # a share that is whole but for the rounding of floats is not rounded up


class Rebase(Section):
    """Options: the temperature T of the values, from which on all prefixes are treated more and more alike."""

    kind: Literal["rebase"] = "rebase"
    temperature_of_values: Annotated[float, Field(ge=0.01, le=100, description="T of exp(value / T); 0.2 as published")]

    @property
    def least(self) -> int:
        """The fewest generations it runs with."""
        return 1

    def shape(self, budget: int) -> Slots:
        """As many slots as there are generations."""
        return _Balanced(budget, self.temperature_of_values)


def shares(n_slots: int, values: Sequence[float], temperature: float) -> list[int]:
    """How many of the slots go to each prefix, by values in descending order; they add up to n_slots."""
    weights = np.exp((np.array(values) - values[0]) / temperature)
    dealt: list[int] = []
    for share in (weights / np.cumsum(weights[::-1])[::-1]).tolist():
        dealt.append(math.ceil(n_slots * share - _ROUNDING))
        n_slots -= dealt[-1]
    return dealt


@dataclass(frozen=True)
class _Balanced(Slots):
    temperature: float

    @property
    def parts(self) -> tuple[Part, ...]:
        return "rebase", self.n

    def dealers(self, root: Prefix, merge: bool, key: tuple[Part, ...]) -> list[Dealer]:
        return [_ByShares(self, root, merge)]


class _ByShares(Dealer):
    """What has ended, what grew in the last round (best first), and the slots of the next."""

    def __init__(self, shape: _Balanced, root: Prefix, merge: bool) -> None:
        self.slots = [root] * shape.n
        self._shape, self._merge = shape, merge
        self._ended: list[Prefix] = []
        self._growing: list[Prefix] = []

    def deal(self, children: Sequence[Prefix | None]) -> None:
        there = [child for child in children if child is not None]
        self._ended += [child for child in there if child.finish != FINISH_STEP]
        growing = [child for child in there if child.finish == FINISH_STEP]
        self._growing = sorted(growing, key=lambda prefix: prefix.value, reverse=True)
        rivals = list(dict.fromkeys(self._growing)) if self._merge else self._growing
        self.slots = []
        if rivals:
            values = [prefix.value for prefix in rivals]
            dealt = shares(self._shape.n - len(self._ended), values, self._shape.temperature)
            self.slots = [prefix for prefix, n in zip(rivals, dealt, strict=True) for _ in range(n)]

    def candidates(self) -> list[Prefix]:
        there = self._ended + self._growing
        return sorted(there, key=lambda prefix: (prefix.finish == FINISH_END, prefix.value), reverse=True)
