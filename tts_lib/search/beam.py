"""Beam search against the verifier's step scores (§1.6 of the method notes).

1. Sample N first steps. 2. Score each prefix by the PRM at its last step. 3. Keep the best N/M. 4. Sample M next steps
for each of them, so that there are N prefixes again. Repeat 2-4 until the solutions end, or for at most 40 rounds.
N final candidates remain. Cost: N generations.

The beam width M is the number of expansions of a kept beam, N/M are kept (other code often uses the word the other way
round). N is the largest number of beams within the budget that M divides. M = "sqrt" takes the divisor of N above 1
that is nearest to the square root of N in ratio, the smaller of two: 2 at N=4, 2 at 8, 4 at 16, 4 at 32, 16 at 256.
"""

from dataclasses import dataclass
from typing import Literal

from tts_lib.answers.scheduler import Question, Search
from tts_lib.common.rng import Part
from tts_lib.search.candidates import Candidates
from tts_lib.search.step_search import Duplicates, Shape, StepOptions, step_search


@dataclass(frozen=True, kw_only=True)
class Beam(StepOptions):
    """Options: those of every step search, the beam width M, and what becomes of equal prefixes (`step_search`)."""

    width: int | Literal["sqrt"]
    duplicates: Duplicates

    def shape(self, budget: int) -> Shape:
        """Slots at this budget.

        Raises:
            ValueError: see `beams_within`.
        """
        return beam_shape(budget, self.width, 0, self.duplicates)

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


def beam_shape(budget: int, width: int | Literal["sqrt"], depth: int, duplicates: Duplicates) -> Shape:
    """One tree of N beams that keeps N/M; finished solutions are remembered."""
    n_beams, width = beams_within(budget, width, depth)
    return Shape(1, n_beams // width, width, depth, remember=True, duplicates=duplicates)


def beams_within(budget: int, width: int | Literal["sqrt"], depth: int) -> tuple[int, int]:
    """Return (N, M): the most beams with N(k+1) <= budget generations that M divides, and M itself.

    Raises:
        ValueError: the width is not "sqrt" or 2 or more, the depth is below 0, or the budget is too small for M beams
            (for "sqrt": for 2).
    """
    if depth < 0:
        raise ValueError(f"the lookahead depth must be 0 or more, not {depth}")
    if width != "sqrt" and width < 2:
        raise ValueError(f'the beam width must be 2 or more, or "sqrt", not {width}')
    n_beams, least = budget // (depth + 1), 2 if width == "sqrt" else width
    if n_beams < least:
        raise ValueError(
            f"a budget of {budget} generations is too small for beam width {width} with lookahead depth {depth}: "
            f"at least {least * (depth + 1)} are needed"
        )
    if width == "sqrt":
        divisors = [m for m in range(2, n_beams + 1) if n_beams % m == 0]
        width = min(divisors, key=lambda m: max(m, n_beams // m))
    return n_beams - n_beams % width, width
