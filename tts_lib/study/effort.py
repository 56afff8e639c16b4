"""What a thing beside a study will take: counts of tokens, which `tts_lib.plan` turns into FLOPs and minutes."""

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from tts_lib.answers.expected import Expected, Means
from tts_lib.study.config.nano import Shape

NOTHING = "the study samples nothing, so that there is no model to ask: take one with an engine"


@dataclass(frozen=True)
class Effort:
    """One part of it, at its upper limit.

    Attributes:
        model: of the study, or its sizes: what samples and learns. What is to be verified the study's PRM reads.
        learned: tokens that models of this size learn from, all passes together.
        n_models: that are trained as a whole, and stay.
        processes: that train side by side, at most.
    """

    what: str
    model: str | Shape = "base"
    asked: Expected = field(default_factory=Expected)
    learned: float = 0.0
    n_models: int = 0
    processes: int = 1


@runtime_checkable
class Foreseen(Protocol):
    """What is known of a study's questions before anything is asked."""

    def n(self, split: str, at_most: int | None = None) -> int:
        """Questions of a split, the first of them where there is a limit."""
        ...

    def question(self, split: str, model: str = "base") -> Means:
        """A question of a split with what a model of the study answers, on average."""
        ...

    def rolled_out(self, at_most: Expected, n_solutions: float) -> Expected:
        """Rollouts from the steps of so many solutions, of which equal beginnings share theirs."""
        ...
