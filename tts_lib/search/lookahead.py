"""Lookahead search: beam search that looks k steps ahead before it keeps or drops a prefix (§1.6 of the method notes).

A candidate's score is the PRM's value after up to k further steps sampled at temperature 0, fewer where the solution
ends; the rollout only scores and is not kept. Cost: N(k+1) generations, so a budget B pays for N = B/(k+1) beams,
rounded down to a multiple of M. Depth 0 is beam search.
"""

from dataclasses import dataclass

from tts_lib.search.beam import Beam, beam_shape
from tts_lib.search.step_search import Shape


@dataclass(frozen=True, kw_only=True)
class Lookahead(Beam):
    """Options: those of beam search, and the lookahead depth k."""

    depth: int

    def shape(self, budget: int) -> Shape:
        """Slots at this budget.

        Raises:
            ValueError: see `beams_within`.
        """
        return beam_shape(budget, self.width, self.depth, self.duplicates)
