"""How many beams of which width a budget of generations pays for (§1.6 and §3.1 of the method notes).

The beam width M is the number of expansions of a kept beam, N/M are kept (other code often uses the word the other way
round). N is the largest number of beams within the budget that M divides. M = "sqrt" takes the divisor of N above 1
that is nearest to the square root of N in ratio, the smaller of two: 2 at N=4, 2 at 8, 4 at 16, 4 at 32, 16 at 256.
"""

from typing import Literal


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
