"""What searches differ in: what they make of a budget, and how they deal their slots once a round has been scored."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from tts_lib.answers.expected import Expected, Means
from tts_lib.common.rng import Part
from tts_lib.search.prefixes import Prefix


class Dealer(ABC):
    """The slots of a search, or of one of its subtrees, and the rule by which they are dealt.

    Attributes:
        slots: the prefix that each is to expand (None: idle).
    """

    slots: list[Prefix | None]

    @property
    def live(self) -> bool:
        """Whether any slot is busy."""
        return any(prefix is not None for prefix in self.slots)

    @abstractmethod
    def deal(self, children: Sequence[Prefix | None]) -> None:
        """Deal the slots anew, now that each has sampled a step; children in their order, None where one was idle."""

    @abstractmethod
    def candidates(self) -> list[Prefix]:
        """The prefixes that may answer, at most one for each slot that there was at the start."""

    def weight(self, prefix: Prefix) -> float:
        """How much a candidate counts in a vote that asks for no scores: one each, but in a particle filter."""
        return 1.0


class Shape(ABC):
    """What a step search makes of a budget."""

    @property
    @abstractmethod
    def generations(self) -> int:
        """Solution attempts that it begins."""

    @property
    @abstractmethod
    def parts(self) -> tuple[Part, ...]:
        """What names it in seeds."""

    @property
    def ahead(self) -> int:
        """Greedy steps that are looked ahead before slots are dealt."""
        return 0

    @abstractmethod
    def expected(self, question: Means) -> Expected:
        """Tokens of a search in which no two samples are equal and all solutions end in the same round."""

    @abstractmethod
    def dealers(self, root: Prefix, merge: bool, key: tuple[Part, ...]) -> list[Dealer]:
        """One for each subtree, at its start.

        Args:
            root: the prompt.
            merge: whether equal prefixes count once.
            key: names the search, for the seeds of rules that draw.
        """


@dataclass(frozen=True)
class Slots(Shape):
    """N slots, each of which is one solution in the end: the shape of rules that deal by value.

    Policy and verifier read the prefix of each slot before each of its steps, and what is written is scored.
    """

    n: int

    @property
    def generations(self) -> int:
        return self.n

    def expected(self, question: Means) -> Expected:
        held, written = question.steps * self.n * question.halfway, self.n * question.solution
        return Expected(self.n, written, held, held + written)
