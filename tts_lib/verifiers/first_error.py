"""Finding the first wrong step of a solution from its step scores (as ProcessBench measures it)."""

from dataclasses import dataclass

import numpy as np

NONE = -1  # no step is wrong


@dataclass(frozen=True)
class FirstError:
    """Shares of solutions whose first wrong step was named exactly, and of right ones in which none was.

    A share of no solutions is None, and so is then F1, the harmonic mean of the two.
    """

    threshold: float
    accuracy_wrong: float | None
    accuracy_right: float | None
    n_wrong: int
    n_right: int

    @property
    def f1(self) -> float | None:
        if self.accuracy_wrong is None or self.accuracy_right is None:
            return None
        total = self.accuracy_wrong + self.accuracy_right
        return 2 * self.accuracy_wrong * self.accuracy_right / total if total else 0.0

    @property
    def sentence(self) -> str:
        """The result in words."""
        shares = [f"{s:.1%}" if s is not None else "none" for s in (self.accuracy_wrong, self.accuracy_right)]
        return (
            f"First wrong step: named exactly in {shares[0]} of {self.n_wrong:,} wrong solutions; none named in "
            f"{shares[1]} of {self.n_right:,} right ones"
        )


def predict(step_scores: list[np.ndarray], threshold: float) -> np.ndarray:
    """Index of the first step scored below the threshold, NONE without one; int (solution,)."""
    return np.array([int(np.argmax(s < threshold)) if (s < threshold).any() else NONE for s in step_scores])


def evaluate(step_scores: list[np.ndarray], truth: np.ndarray, threshold: float) -> FirstError:
    """Compare with the true first wrong steps, int (solution,), NONE where the solution is right.

    Args:
        step_scores: of each solution, float32 (step,) each.
    """
    named = predict(step_scores, threshold) == truth
    wrong = truth != NONE
    shares = [float(part.mean()) if len(part) else None for part in (named[wrong], named[~wrong])]
    return FirstError(threshold, shares[0], shares[1], int(wrong.sum()), int((~wrong).sum()))


def best_threshold(step_scores: list[np.ndarray], truth: np.ndarray) -> float:
    """The threshold of highest F1 among quantiles of the scores; choose it on other questions than it is judged on.

    Args:
        step_scores, truth: as in `evaluate`.
    """
    grid = np.unique(np.quantile(np.concatenate(step_scores), np.linspace(0.02, 0.98, 49)))
    return float(max(grid, key=lambda t: evaluate(step_scores, truth, t).f1 or 0.0))


def of_verdicts(right: list[list[bool]]) -> np.ndarray:
    """True first wrong step from whether each step is right so far; NONE where all are."""
    return np.array([steps.index(False) if False in steps else NONE for steps in right])
