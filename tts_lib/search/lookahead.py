"""Lookahead search: beam search that looks k steps ahead before it keeps or drops a prefix (§1.6 of the method notes).

A candidate's score is the PRM's value after up to k further steps sampled at temperature 0, fewer where the solution
ends; the rollout only scores and is not kept. Cost: N(k+1) generations, so a budget B pays for N = B/(k+1) beams,
rounded down to a multiple of M. Depth 0 would be beam search.
"""

from typing import Annotated, Literal

from pydantic import Field

from tts_lib.common.section import Section
from tts_lib.estimators.beams import beams_within, least_budget
from tts_lib.search.beams import Beams, Width


class Lookahead(Section):
    """Options: the beam width M, and the lookahead depth k."""

    kind: Literal["lookahead"] = "lookahead"
    width: Width
    depth: Annotated[int, Field(ge=1, le=64, description="greedy steps looked ahead per candidate")]

    @property
    def least(self) -> int:
        """The fewest generations it runs with."""
        return least_budget(self.width, self.depth)

    def shape(self, budget: int) -> Beams:
        """One tree of N beams that keeps N/M, as in beam search.

        Raises:
            ValueError: see `beams_within`.
        """
        n_beams, width = beams_within(budget, self.width, self.depth)
        return Beams(1, n_beams // width, width, self.depth, remember=True)
