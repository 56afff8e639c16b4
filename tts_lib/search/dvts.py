"""Diverse verifier tree search (§3.1 of the method notes; Beeching et al. 2024).

N/M independent subtrees, each of which samples M steps, keeps the best one by the PRM's score, and goes on from it
until that one ends its solution. The candidates are the last M siblings of each subtree; those that had not ended have
no answer. With a lookahead depth k, the best step is the one whose greedy rollout ends best. Cost: N(k+1) generations;
N and M follow from the budget as in beam and lookahead search.

Earlier finished siblings are not remembered, as in the original: a subtree is greedy. Keeping a single prefix, it has
no use for a rule on duplicates; equal steps of different subtrees remain separate samples.
"""

from dataclasses import dataclass
from typing import Literal

from tts_lib.answers.scheduler import Question, Search
from tts_lib.common.rng import Part
from tts_lib.search.beam import beams_within
from tts_lib.search.candidates import Candidates
from tts_lib.search.step_search import Shape, StepOptions, step_search


@dataclass(frozen=True, kw_only=True)
class Dvts(StepOptions):
    """Options: those of every step search, the number M of steps a subtree chooses from, and the lookahead depth k."""

    width: int | Literal["sqrt"]
    depth: int

    def shape(self, budget: int) -> Shape:
        """Slots at this budget.

        Raises:
            ValueError: see `beams_within`.
        """
        n_beams, width = beams_within(budget, self.width, self.depth)
        return Shape(n_beams // width, 1, width, self.depth, remember=False, duplicates="keep")

    def generations(self, budget: int) -> int:
        """Generations spent at this budget, at most the budget.

        Raises:
            ValueError: see `beams_within`.
        """
        return self.shape(budget).generations

    def search(self, question: Question, budget: int, seed_key: tuple[Part, ...]) -> Search[Candidates]:
        """Search one question.

        Raises:
            ValueError: see `beams_within`.
        """
        return step_search(question, self.shape(budget), self, seed_key)
