"""A predictor of difficulty as numbers that a file can carry: what it reads, and its weights.

What it predicts is the pass@1 of a question it has no sample of, high = easy. How it is learned:
`tts_lib.strategies.predictors`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field
from scipy.special import expit

from tts_lib.common.section import Section

Weight = Annotated[float, Field(allow_inf_nan=False)]
Pieces = Literal["words", "tokens"]  # of the question's text (`predictors.words`), of the prompt (their numbers)


class ByLength(Section):
    """Ridge regression on the number n of pieces and on log(1 + n)."""

    kind: Literal["length"]
    reads: Pieces
    weights: tuple[Weight, Weight]
    intercept: Weight

    def score(self, pieces: Sequence[str]) -> float:
        n = len(pieces)
        return float(expit(self.intercept + self.weights[0] * n + self.weights[1] * np.log1p(n)))


class ByTokens(Section):
    """Ridge regression on how often each piece stands there; one that was never learned from counts nothing."""

    kind: Literal["tokens"]
    reads: Pieces
    weights: Mapping[str, Weight]
    intercept: Weight

    def score(self, pieces: Sequence[str]) -> float:
        counted = Counter(pieces)
        return float(expit(self.intercept + sum(self.weights.get(piece, 0.0) * n for piece, n in counted.items())))


class ByState(Section):
    """Ridge regression on the base's residual stream at the prompt's last token, behind one of its layers."""

    kind: Literal["hidden"]
    layer: Annotated[int, Field(ge=1)]  # 1: behind the first
    weights: Annotated[tuple[Weight, ...], Field(min_length=1)]
    intercept: Weight

    def score(self, state: Float[np.ndarray, " width"]) -> float:
        """
        Raises:
            ValueError: the state is of another width.
        """
        return float(expit(self.intercept + np.asarray(state, np.float64) @ np.array(self.weights)))


class ByScorer(Section):
    """A model fine-tuned on prompts alone: its score at the prompt's last token."""

    kind: Literal["tuned"]
    folder: Annotated[str, Field(pattern=r"^data(/[A-Za-z0-9_-]+)+$", max_length=200)]
    sha256: Annotated[str, Field(min_length=1, max_length=200)]


Predictor = Annotated[ByLength | ByTokens | ByState | ByScorer, Field(discriminator="kind")]


def linear(steps: Any, **what: Any) -> ByLength | ByTokens | ByState:
    """A fitted pipeline of `predictors` as its weights, those of standardised features turned back.

    Args:
        steps: of the pipeline, a scikit-learn one; whoever only reads predictors does not load that.
        what: `kind`, and what else its section has beside the weights.
    """
    ridge = steps[-1]
    weights, intercept = ridge.coef_.astype(np.float64), float(ridge.intercept_)
    if what["kind"] == "tokens":
        vocabulary = steps[0].vocabulary_
        return ByTokens(
            **what, weights={piece: float(weights[at]) for piece, at in vocabulary.items()}, intercept=intercept
        )
    scaler = steps[-2]
    weights = weights / scaler.scale_
    numbers = {"weights": tuple(weights.tolist()), "intercept": intercept - float(weights @ scaler.mean_)}
    return (ByLength if what["kind"] == "length" else ByState)(**what, **numbers)
