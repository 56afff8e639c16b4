"""Keeping the best: the shape and the rule of beam search, lookahead and DVTS (§1.6 and §3.1 of the method notes).

The `n_keep` best prefixes of a subtree's pool are kept, and each gets M = `width` slots. Where the paper is silent:
- Finished prefixes compete with unfinished ones by score. A finished prefix that is kept holds its M slots, and they
  spend nothing: it is not copied, and nobody else gets them.
- With `remember`, finished prefixes stay in the pool for good, kept or not, so no solution is lost to a prefix that
  promised more than it held; without, only the newest steps are in the pool.
- A subtree ends when none of its kept prefixes is unfinished. Its candidates are its last pool, at most one for each
  slot: finished ones first, then by score.
- Ties go to the lowest index: the earlier round, then the lower slot.
- Merged, equal prefixes are kept once, and the slots that this frees go to the kept unfinished prefixes in turn, best
  first.

N and M follow from the budget in `tts_lib.estimators.beams`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from tts_lib.answers.expected import Expected, Means
from tts_lib.answers.protocols import FINISH_END, FINISH_LENGTH, FINISH_STEP
from tts_lib.common.rng import Part
from tts_lib.search.dealing import Dealer, Shape
from tts_lib.search.prefixes import Prefix

Width = Annotated[int, Field(ge=2, le=1024)] | Literal["sqrt"]


@dataclass(frozen=True)
class Beams(Shape):
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

    @property
    def ahead(self) -> int:
        return self.depth

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.n_trees, self.n_keep, self.width, self.depth

    def expected(self, question: Means) -> Expected:
        """Policy and verifier read each kept prefix once a round, and the policy that of each slot before each step of
        its rollout; what is written is scored.
        """
        kept = question.steps * self.n_trees * self.n_keep * question.halfway
        rolled_out = question.steps * self.n_trees * self.n_slots * self.depth * question.halfway
        written = self.generations * question.solution
        return Expected(self.generations, written, kept + rolled_out, kept + written)

    def dealers(self, root: Prefix, merge: bool, key: tuple[Part, ...]) -> list[Dealer]:
        return [_KeepBest(self, root, merge) for _ in range(self.n_trees)]


class _KeepBest(Dealer):
    """A subtree: its slots, and the pool of the last round."""

    def __init__(self, shape: Beams, root: Prefix, merge: bool) -> None:
        self.slots = [root] * shape.n_slots
        self._shape, self._merge = shape, merge
        self._pool: list[Prefix] = []

    def deal(self, children: Sequence[Prefix | None]) -> None:
        finished = [prefix for prefix in self._pool if self._shape.remember and prefix.finish == FINISH_END]
        self._pool = finished + [child for child in children if child is not None]
        rivals = [prefix for prefix in self._pool if prefix.finish != FINISH_LENGTH]
        if self._merge:
            rivals = list(dict.fromkeys(rivals))
        kept = sorted(rivals, key=lambda prefix: prefix.value, reverse=True)[: self._shape.n_keep]
        heirs = [prefix for prefix in kept if prefix.finish == FINISH_STEP] or [None]
        held = [prefix if prefix.finish == FINISH_STEP else None for prefix in kept for _ in range(self._shape.width)]
        self.slots = held + [heirs[i % len(heirs)] for i in range(self._shape.n_slots - len(held))]

    def candidates(self) -> list[Prefix]:
        by_end_and_value = sorted(self._pool, key=lambda p: (p.finish == FINISH_END, p.value), reverse=True)
        return by_end_and_value[: self._shape.n_slots]
