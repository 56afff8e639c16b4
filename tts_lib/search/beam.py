"""Beam search against the verifier's step scores (§1.6 of the method notes).

1. Sample N first steps. 2. Score each prefix by the PRM at its last step. 3. Keep the best N/M. 4. Sample M next steps
for each of them, so that there are N prefixes again. Repeat 2-4 until the solutions end, or for at most 40 rounds.
N final candidates remain. Cost: N generations; N and M follow from the budget (`tts_lib.estimators.beams`).
"""

from typing import Literal

from tts_lib.common.section import Section
from tts_lib.estimators.beams import beams_within, least_budget
from tts_lib.search.beams import Beams, Width


class Beam(Section):
    """Options: the beam width M."""

    kind: Literal["beam"] = "beam"
    width: Width

    @property
    def depth(self) -> int:
        """Steps looked ahead: none."""
        return 0

    @property
    def least(self) -> int:
        """The fewest generations it runs with."""
        return least_budget(self.width, self.depth)

    def shape(self, budget: int) -> Beams:
        """One tree of N beams that keeps N/M; finished solutions are remembered.

        Raises:
            ValueError: see `beams_within`.
        """
        n_beams, width = beams_within(budget, self.width, self.depth)
        return Beams(1, n_beams // width, width, self.depth, remember=True)
