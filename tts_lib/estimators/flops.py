"""FLOPs of training and inference (§7)."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float

Number = int | float
Tokens = TypeVar("Tokens", float, Float[np.ndarray, "..."])


@dataclass(frozen=True)
class Sizes:
    """Parameters of the small model and of the verifier that reads its answers, without embeddings."""

    policy: float
    verifier: float

    def flops(self, policy_tokens: Tokens, verifier_tokens: Tokens, count_verifier: bool) -> Tokens:
        """FLOPs of answers from their ledger: what the policy read or wrote and, if counted, what the verifier read."""
        return 2.0 * self.policy * policy_tokens + 2.0 * self.verifier * count_verifier * verifier_tokens


def pretraining_flops(n_params: Number, n_tokens: Number) -> float:
    """6 N D (§7): forward and backward pass. n_params without embeddings, n_tokens of the corpus as seen."""
    return 6.0 * n_params * n_tokens


def inference_flops(n_params: Number, n_tokens: Number) -> float:
    """2 N per token (§7), prefill and decode alike; attention over the context is left out, as in the paper."""
    return 2.0 * n_params * n_tokens
