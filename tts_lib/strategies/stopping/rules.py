"""Rules that say when a question has had enough samples.

`Budgets` decides before the first sample, by what is known of the question. `Beta`, `Window` and `Share` are published,
and look at the vote alone. `Bellman` is fitted (`tts_lib.strategies.stopping.fitting`) and gives up as well.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import btdtria

from tts_lib.strategies.stopping.walks import Seen, States

CONFIDENCE, WINDOW, SHARE = 0.95, 5, 0.75  # of the three published rules


@dataclass(frozen=True)
class Budgets:
    """One number of samples for each bin of the prior; one bin is the uniform budget."""

    n: tuple[int, ...]  # of each bin, 1 (easiest) first
    edges: tuple[float, ...] = ()  # ascending; a prior on an edge is in the easier bin

    def wants(self, seen: Seen) -> Int[np.ndarray, " walk"]:
        return self.of(seen.prior)

    def of(self, prior: Float[np.ndarray, " question"]) -> Int[np.ndarray, " question"]:
        """The samples of each question."""
        return np.array(self.n)[len(self.edges) - np.searchsorted(self.edges, prior, side="right")]


@dataclass(frozen=True)
class Beta:
    """Adaptive consistency (Aggarwal et al. 2305.11860): stop when the leading answer beats the next with confidence.

    With v the two largest sums of votes, the chance that a Beta(v1 + 1, v2 + 1) variable is above one half.
    """

    confidence: float
    cap: int

    def wants(self, seen: Seen) -> Int[np.ndarray, " walk"]:
        if seen.n >= self.cap:
            return np.full(len(seen.top), seen.n)
        if self.confidence >= 1:
            return np.full(len(seen.top), seen.n + 1)
        needed, rise = self._needed
        whole = np.minimum(seen.second.astype(np.int64), self.cap)
        enough = seen.top >= rise[whole] * (seen.second - whole) + needed[whole]  # linear in between
        return np.where(enough, seen.n, seen.n + 1)

    @cached_property
    def _needed(self) -> tuple[Float[np.ndarray, " votes"], Float[np.ndarray, " votes"]]:
        """The votes that the leading answer needs over one with 0, 1, 2, ... votes, and what one vote more adds."""
        others = np.arange(self.cap + 2)
        needed = np.maximum(btdtria(1 - self.confidence, others + 1, 0.5) - 1, others) - 1e-9
        return needed[:-1], np.diff(needed)


@dataclass(frozen=True)
class Window:
    """Early-stopping self-consistency (Li et al. 2401.10480): stop after a window of equal answers."""

    size: int
    cap: int

    def wants(self, seen: Seen) -> Int[np.ndarray, " walk"]:
        enough = (seen.run >= self.size) | (seen.n >= self.cap)
        return np.where(enough, seen.n, min(seen.n + self.size, self.cap))


@dataclass(frozen=True)
class Share:
    """Stop at 2, 4, 8, ... samples when the leading answer has such a share of the votes."""

    share: float
    cap: int

    def wants(self, seen: Seen) -> Int[np.ndarray, " walk"]:
        enough = (seen.share >= self.share) | (seen.n >= self.cap)
        return np.where(enough & (seen.n > 1), seen.n, min(max(2 * seen.n, 2), self.cap))


@dataclass(frozen=True, eq=False)
class Cells:
    """What is seen at a number of samples, cut into cells: share of the leading answer, mean score, prior."""

    share: Float[np.ndarray, " share_cut"]
    score: Float[np.ndarray, " score_cut"]
    prior: Float[np.ndarray, " prior_cut"]

    @property
    def n(self) -> int:
        return (len(self.share) + 1) * (len(self.score) + 1) * (len(self.prior) + 1)

    def of(self, share: np.ndarray, score: np.ndarray, prior: np.ndarray) -> Int[np.ndarray, "..."]:
        """The cell of each walk; a value on a cut is above it."""
        cell = np.searchsorted(self.share, share, side="right")
        for cuts, values in ((self.score, score), (self.prior, prior)):
            cell = cell * (len(cuts) + 1) + np.searchsorted(cuts, values, side="right")
        return cell


@dataclass(frozen=True, eq=False)
class Bellman:
    """At 1, 2, 4, ... samples go on if what is to be gained by it is worth its samples.

    Attributes:
        price: accuracy that a sample must be worth.
        n: numbers of samples at which it looks, ascending.
        cells: at each of them.
        goes_on: at each of them, for each cell; nowhere at the last.
    """

    price: float
    n: tuple[int, ...]
    cells: tuple[Cells, ...]
    goes_on: tuple[Bool[np.ndarray, " _"], ...]

    def wants(self, seen: Seen) -> Int[np.ndarray, " walk"]:
        if seen.n < self.n[0]:
            return np.full(len(seen.top), self.n[0])
        goes_on = self.goes_on_at(seen.n, seen.share, seen.score, seen.prior)
        return np.where(goes_on, self.n[min(self.n.index(seen.n) + 1, len(self.n) - 1)], seen.n)

    def goes_on_at(self, n: int, share: np.ndarray, score: np.ndarray, prior: np.ndarray) -> Bool[np.ndarray, "..."]:
        """Whether n samples, one of its numbers, are not enough where this is seen."""
        place = self.n.index(n)
        return self.goes_on[place][self.cells[place].of(share, score, prior)]

    def stop(self, seen: States) -> Int[np.ndarray, "problem walk"]:
        """Where each walk stops, as a place among its numbers, which are those of `seen`."""
        prior = np.zeros(seen.right.shape[1:]) if seen.prior is None else seen.prior[:, None]
        prior = np.broadcast_to(prior, seen.right.shape[1:])
        going = [
            self.goes_on_at(n, share, score, prior)
            for n, share, score in zip(seen.n, seen.share, seen.score, strict=True)
        ]
        return np.argmin(np.stack(going), axis=0)
