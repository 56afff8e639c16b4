"""What answering takes before anything was asked: each method says it of itself, and a plan adds up.

The words are those of the ledger (`tts_lib.answers.cost`), in means. What only a run can tell, such as equal samples
that are computed once, is left out, so that these are upper limits for questions of these means.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Means:
    """A question, on average.

    Attributes:
        prompt: tokens of the prompt.
        solution: tokens of a sampled solution.
        steps: of a solution.
    """

    prompt: float
    solution: float
    steps: float = 1.0

    @property
    def pair(self) -> float:
        """Tokens of a prompt and a solution to it."""
        return self.prompt + self.solution

    @property
    def halfway(self) -> float:
        """Tokens before a step: ends of steps lie evenly in a solution, so that half of it comes before one."""
        return self.prompt + self.solution / 2


@dataclass(frozen=True)
class Expected:
    """Work on one question, or with `+` and `*` on several.

    Attributes:
        generations: solution attempts begun.
        sampled: tokens that the policy writes.
        prefilled: tokens that the policy reads, once for each request.
        verified: tokens that a verifier reads.
    """

    generations: float = 0.0
    sampled: float = 0.0
    prefilled: float = 0.0
    verified: float = 0.0

    def __add__(self, other: "Expected") -> "Expected":
        return Expected(
            self.generations + other.generations,
            self.sampled + other.sampled,
            self.prefilled + other.prefilled,
            self.verified + other.verified,
        )

    def __mul__(self, n: float) -> "Expected":
        return Expected(n * self.generations, n * self.sampled, n * self.prefilled, n * self.verified)
