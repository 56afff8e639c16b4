"""The particle filter: N particles that take a step a round, and are resampled by weight.

- `odds` (Puri et al. 2502.01618 and its library): the weight is v / (1 - v) of the newest score v; resampled every
  round. Every step's odds multiply in, so that the limit is the sharper the more steps there are.
- `ratio` (twisted SMC, Feng et al. 2410.01920): each step multiplies the weight by v_t / v_(t-1), where v_0 is 1;
  resampled when the effective sample size falls below N/2. All scores but the last cancel, so that a vote by final
  weight has the limit of best-of-N weighted; were the scores the exact value-to-go, it would be that of draws from
  p(solution | right).

Resampling is systematic, and comes before a round of sampling: the last weights remain, for a vote by them. Scores
are clipped to [1e-6, 1 - 1e-6]. A finished particle keeps its weight and competes on, but is never sampled from again;
one that was cut off weighs nothing. A particle is a candidate as often as it is held, since a vote counts copies.
Cost: N generations. Merging equal prefixes would change the weights, so it does not apply.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tts_lib.answers.protocols import FINISH_LENGTH, FINISH_STEP
from tts_lib.common.rng import Part, generator
from tts_lib.common.section import Section
from tts_lib.search.dealing import Dealer, Slots
from tts_lib.search.prefixes import Prefix

_CLIP = 1e-6


class Particles(Section):
    """Options: what a score does to the weight of a particle."""

    kind: Literal["particles"] = "particles"
    weights: Literal["odds", "ratio"]

    @property
    def least(self) -> int:
        """The fewest generations it runs with."""
        return 1

    def shape(self, budget: int) -> Slots:
        """As many particles as there are generations."""
        return _Population(budget, self.weights)


def systematic(weights: np.ndarray, uniform: float) -> np.ndarray:
    """Which particles are drawn, int (n,) ascending: as many as there are weights, one number in [0, 1) for all."""
    ends = np.cumsum(weights)
    return np.searchsorted(ends / ends[-1], (uniform + np.arange(len(weights))) / len(weights), side="right")


@dataclass(frozen=True)
class _Population(Slots):
    weights: Literal["odds", "ratio"]

    @property
    def parts(self) -> tuple[Part, ...]:
        return "particles", self.n

    def dealers(self, root: Prefix, merge: bool, key: tuple[Part, ...]) -> list[Dealer]:
        return [_Filter(self, root, key)]


class _Filter(Dealer):
    """The particles, one a slot, with the logarithms of their weights."""

    def __init__(self, shape: _Population, root: Prefix, key: tuple[Part, ...]) -> None:
        self.slots = [root] * shape.n
        self._shape, self._key, self._n_rounds = shape, key, 0
        self._particles = [root] * shape.n
        self._log_weights = np.zeros(shape.n)

    def deal(self, children: Sequence[Prefix | None]) -> None:
        before = self._particles
        self._particles = [old if new is None else new for old, new in zip(before, children, strict=True)]
        self._log_weights += [self._gain(new, old) for new, old in zip(self._particles, before, strict=True)]
        if any(prefix.finish == FINISH_STEP for prefix in self._particles) and self._is_uneven():
            uniform = generator(*self._key, self._n_rounds, "resample").random()
            drawn = systematic(self._weights(), uniform)
            self._particles = [self._particles[i] for i in drawn]
            self._log_weights[:] = 0
        self.slots = [prefix if prefix.finish == FINISH_STEP else None for prefix in self._particles]
        self._n_rounds += 1

    def candidates(self) -> list[Prefix]:
        return self._particles

    def weight(self, prefix: Prefix) -> float:
        """Equal particles weigh the same, since they have the same scores behind them."""
        return float(self._weights()[self._particles.index(prefix)])

    def _gain(self, new: Prefix, old: Prefix) -> float:
        """What a round adds to the logarithm of a particle's weight; one that rested is its own old self."""
        if new.finish == FINISH_LENGTH:
            return -np.inf
        return np.log(_value(new) / ((1 - _value(new)) if self._shape.weights == "odds" else _value(old)))

    def _is_uneven(self) -> bool:
        weights = self._weights()
        return self._shape.weights == "odds" or bool(weights.sum() ** 2 / (weights**2).sum() < self._shape.n / 2)

    def _weights(self) -> np.ndarray:
        """Relative to the largest; ones where all were cut off."""
        largest = self._log_weights.max()
        return np.exp(self._log_weights - largest) if np.isfinite(largest) else np.ones(self._shape.n)


def _value(prefix: Prefix) -> float:
    return min(max(prefix.scores[-1], _CLIP), 1 - _CLIP) if prefix.scores else 1.0
