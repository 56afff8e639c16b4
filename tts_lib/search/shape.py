"""How a step search uses a budget (§1.6 and §3.1 of the method notes); N and M in `tts_lib.estimators.beams`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from tts_lib.answers.expected import Expected, Means

Width = Annotated[int, Field(ge=2, le=1024)] | Literal["sqrt"]


@dataclass(frozen=True)
class Shape:
    """The slots of a search: n_trees subtrees, each keeping n_keep prefixes with `width` slots each.

    Attributes:
        depth: greedy steps k that are looked ahead before a prefix is kept or dropped.
        remember: whether a finished prefix stays in the running for good.
    """

    n_trees: int
    n_keep: int
    width: int
    depth: int
    remember: bool

    @property
    def n_slots(self) -> int:
        """Slots of one subtree."""
        return self.n_keep * self.width

    @property
    def generations(self) -> int:
        """Cost N(k+1): each slot is a generation, and so is each of the k rollouts it may make in a round."""
        return self.n_trees * self.n_slots * (self.depth + 1)

    def expected(self, question: Means) -> Expected:
        """Tokens of a search in which no two samples are equal and all solutions end in the same round.

        Policy and verifier read each kept prefix once a round, and the policy that of each slot before each step of its
        rollout; what is written is scored.
        """
        kept = question.steps * self.n_trees * self.n_keep * question.halfway
        rolled_out = question.steps * self.n_trees * self.n_slots * self.depth * question.halfway
        written = self.generations * question.solution
        return Expected(self.generations, written, kept + rolled_out, kept + written)
