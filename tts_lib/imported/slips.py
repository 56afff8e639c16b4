"""Did a block of rows slip? The odds of that against a pool in order and against recitation.

A question's samples give its own gold by a beta-binomial law of the pool's accuracy, which differs from question to
question, and another gold as often as other questions give it, each sample alone or all in one mistake. Rows that
slipped give the gold at a distance by the first law and their own by the second. All blocks at a distance are summed
over, near distances weighing more (a proper prior); of a pool in order, and of one in which each question recites the
gold at that distance or does not, the likeliest accuracy counts, so that the odds are too low rather than too high.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np
from jaxtyping import Float
from scipy.special import betaln

from tts_lib.imported.pairing import Pairing

_ACCURACIES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
_OF_RECITERS = _ACCURACIES[3:]  # who is hardly ever right cannot recite what is
_RECITED = (0.1, 0.3, 0.5, 0.8)  # of the samples
_OF_ONE, _MANY = 1.0, 30.0  # sizes of the beta law, of samples that depend on their question and of independent ones
_N_DISTANCES = 6  # looked at, those at which most golds are given
_LEAST_ROWS = 4  # that slip
_MOST = 100.0  # log odds


@dataclass(frozen=True)
class Slip:
    """The likeliest slip."""

    odds: float  # against order and recitation, whichever is likelier; 0 where nothing can slip
    distance: int  # in questions, in the pool's order
    block: tuple[int, int]  # the first question, and the one behind the last
    given: float  # golds at the distance that the block gives above chance
    kept: float  # its own
    two_way: float


def find(pairing: Pairing) -> Slip:
    """The slip with the highest odds, of a pool's questions in their order."""
    n = pairing.n
    rows = _Rows(pairing)
    own = rows.evidence(0, _ACCURACIES)
    in_order = own.sum(1)
    found = Slip(0.0, 0, (0, 0), 0.0, 0.0, 0.0)
    for distance in map(int, np.argsort(-pairing.by_distance()[1:])[:_N_DISTANCES] + 1):
        near = min(distance, n - distance)
        least = max(_LEAST_ROWS, 3 * near)  # most of its rows have their golds among them
        if least > n:
            continue
        gained = rows.evidence(distance, _ACCURACIES) - own
        gained[:, pairing.gold == np.roll(pairing.gold, -distance)] = 0.0
        total = np.pad(np.cumsum(gained, 1), ((0, 0), (1, 0)))
        before = np.logaddexp.accumulate(-total, 1)[:, : n + 1 - least]
        n_blocks = (n + 1 - least) * (n + 2 - least) / 2
        blocks = np.logaddexp.reduce(total[:, least:] + before, axis=1) - log(n_blocks)
        slipped = float(np.logaddexp.reduce(in_order + blocks)) - log(len(_ACCURACIES)) - log(2 * near * (near + 1))
        odds = exp(min(slipped - max(float(in_order.max()), _recited(rows, distance)), _MOST))
        if odds > found.odds:
            line = total[int(blocks.argmax())]
            stop = int((line - np.minimum.accumulate(line)).argmax())
            start = int(line[: stop + 1].argmin())
            given, kept = (float(pairing.golds_at(at)[start:stop].sum()) for at in (distance, 0))
            two_way = pairing.two_way(distance, start, stop)
            found = Slip(odds, distance if distance <= n // 2 else distance - n, (start, stop), given, kept, two_way)
    return found


def _recited(rows: "_Rows", distance: int) -> float:
    """Log-likelihood of the likeliest recitation: every other question recites, without saying which."""
    own = rows.evidence(0, _OF_RECITERS)
    found = []
    for share, recited in zip(_RECITED, rows.evidence(distance, _RECITED), strict=True):
        rest = rows.evidence(0, [(1 - share) * accuracy for accuracy in _OF_RECITERS])
        found.append((np.logaddexp(own, recited + rest) - log(2)).sum(1).max())
    return float(max(found))


class _Rows:
    def __init__(self, pairing: Pairing) -> None:
        self._pairing, self._n_samples = pairing, pairing.n_samples.astype(float)

    def evidence(self, distance: int, accuracies: Sequence[float]) -> Float[np.ndarray, "accuracy question"]:
        """Log-likelihood that each question's gold is the one at this distance, less that it is not."""
        share, others = self._pairing.given_at(distance)
        k, given = self._n_samples, share * self._n_samples
        chance = np.clip((others + 0.5) / self._pairing.n, None, 0.999)
        not_it = np.logaddexp(*(_beta_binomial(given, k, chance, size) for size in (_OF_ONE, _MANY))) - log(2)
        by_either = [mean + (1 - mean) * chance if mean else None for mean in accuracies]
        return np.stack([0 * k if p is None else _beta_binomial(given, k, p, _OF_ONE) - not_it for p in by_either])


def _beta_binomial(given: np.ndarray, k: np.ndarray, mean: np.ndarray | float, size: float) -> np.ndarray:
    """Its logarithm without the binomial coefficient."""
    a, b = size * mean, size * (1 - np.asarray(mean))
    return betaln(given + a, k - given + b) - betaln(a, b)
