"""Diverse verifier tree search (§3.1 of the method notes; Beeching et al. 2024).

N/M independent subtrees, each of which samples M steps, keeps the best one by the PRM's score, and goes on from it
until that one ends its solution. The candidates are the last M siblings of each subtree; those that had not ended have
no answer. With a lookahead depth k, the best step is the one whose greedy rollout ends best. Cost: N(k+1) generations;
N and M follow from the budget as in beam and lookahead search.

Earlier finished siblings are not remembered, as in the original: a subtree is greedy. As it keeps a single prefix, the
rule on duplicates changes nothing here; equal steps of different subtrees remain separate samples.
"""

from typing import Annotated, Literal

from pydantic import Field

from tts_lib.common.section import Section
from tts_lib.estimators.beams import beams_within, least_budget
from tts_lib.search.beams import Beams, Width


class Dvts(Section):
    """Options: the number M of steps a subtree chooses from, and the lookahead depth k, often 0."""

    kind: Literal["dvts"] = "dvts"
    width: Width
    depth: Annotated[int, Field(ge=0, le=64, description="greedy steps looked ahead per candidate")]

    @property
    def least(self) -> int:
        """The fewest generations it runs with."""
        return least_budget(self.width, self.depth)

    def shape(self, budget: int) -> Beams:
        """N/M trees that each keep one prefix; finished solutions are not remembered.

        Raises:
            ValueError: see `beams_within`.
        """
        n_beams, width = beams_within(budget, self.width, self.depth)
        return Beams(n_beams // width, 1, width, self.depth, remember=False)
