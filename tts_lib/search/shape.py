"""How a step search uses a budget (§1.6 and §3.1 of the method notes).

The beam width M is the number of expansions of a kept beam, N/M are kept (other code often uses the word the other way
round). N is the largest number of beams within the budget that M divides. M = "sqrt" takes the divisor of N above 1
that is nearest to the square root of N in ratio, the smaller of two: 2 at N=4, 2 at 8, 4 at 16, 4 at 32, 16 at 256.
"""

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


def least_budget(width: int | Literal["sqrt"], depth: int) -> int:
    """The fewest generations that pay for M beams with k rollouts each (for "sqrt": for 2)."""
    return (2 if width == "sqrt" else width) * (depth + 1)


def beams_within(budget: int, width: int | Literal["sqrt"], depth: int) -> tuple[int, int]:
    """Return (N, M): the most beams with N(k+1) <= budget generations that M divides, and M itself.

    Raises:
        ValueError: the budget is below `least_budget`.
    """
    if budget < (least := least_budget(width, depth)):
        raise ValueError(
            f"a budget of {budget} generations is too small for beam width {width} with lookahead depth {depth}: "
            f"at least {least} are needed"
        )
    n_beams = budget // (depth + 1)
    if width == "sqrt":
        divisors = [m for m in range(2, n_beams + 1) if n_beams % m == 0]
        width = min(divisors, key=lambda m: max(m, n_beams // m))
    return n_beams - n_beams % width, width
