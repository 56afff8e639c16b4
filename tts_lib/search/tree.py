"""A tree over whole solutions, grown by Thompson sampling (AB-MCTS-A, Inoue et al. 2503.04412, and its library).

N simulations. At a node, choose among "sample anew from here" and each child: every one of these arms has a Beta
posterior with prior 1/2, 1/2, each draws from it, and the highest draw wins. From the node in which "anew" wins, its
text is continued to the end in one request. The new steps become nodes, equal steps the same node; the verifier's score
s of the finished solution (0 if it was cut off) counts as s right and 1 - s wrong for "anew" at the node that it was
sampled from, and for every node that it passes through. Rounds of the next power of two >= sqrt(N) simulations draw
from one posterior, so that rounds stay few and all questions share each call. Cost: N generations.

Solutions are sampled whole, as in a pool: a step has no limit but that of its solution, and what leaves no token to it
is no node. The search itself is `tts_lib.search.growing`.
"""

from dataclasses import dataclass
from typing import Literal

from tts_lib.answers.expected import Expected, Means
from tts_lib.common.section import Section


class Tree(Section):
    """No options: the prior is the published one."""

    kind: Literal["tree"] = "tree"

    @property
    def least(self) -> int:
        """The fewest generations it runs with."""
        return 1

    def shape(self, budget: int) -> "Simulations":
        """As many simulations as there are generations."""
        return Simulations(budget)


@dataclass(frozen=True)
class Simulations:
    """What a tree makes of a budget."""

    n: int

    @property
    def generations(self) -> int:
        return self.n

    @property
    def a_round(self) -> int:
        """Simulations that draw from one posterior: the next power of two >= sqrt(n)."""
        size = 1
        while size * size < self.n:
            size *= 2
        return size

    @property
    def rounds(self) -> list[int]:
        """Simulations of each round."""
        return [min(self.a_round, self.n - begun) for begun in range(0, self.n, self.a_round)]

    def expected(self, question: Means) -> Expected:
        """Tokens where all simulations but those of the first round start at a node of their own, half-way.

        The deeper it lies the more is read and the less written: the sum is an upper limit wherever it lies.
        """
        later = self.n - self.a_round
        written = self.a_round * question.solution + later * question.solution / 2
        read = len(self.rounds) * question.prompt + self.n * question.solution
        return Expected(self.n, written, question.prompt + later * question.halfway, read)
