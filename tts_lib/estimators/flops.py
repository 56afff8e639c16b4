"""FLOPs of training and inference (§7), and the memory traffic of inference (Kinetics, 2506.05333)."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float

Number = int | float
Tokens = TypeVar("Tokens", float, Float[np.ndarray, "..."])


@dataclass(frozen=True)
class Sizes:
    """Parameters of the small model and of the verifier that reads its answers, without embeddings.

    Attributes:
        policy_attention, verifier_attention: layers x width of each, or 0 where that is not known, as of samples that
            existed already.
        policy_cache, verifier_cache: numbers that each keeps of a position, its keys and values; NaN where not known.
        number_bytes: of a weight as its file has it, and of a number kept.
    """

    policy: float
    verifier: float
    policy_attention: float = 0.0
    verifier_attention: float = 0.0
    policy_cache: float = 0.0
    verifier_cache: float = 0.0
    number_bytes: float = 4.0

    def flops(self, policy_tokens: Tokens, verifier_tokens: Tokens, count_verifier: bool) -> Tokens:
        """FLOPs of answers from their ledger: what the policy read or wrote and, if counted, what the verifier read."""
        return 2.0 * self.policy * policy_tokens + 2.0 * self.verifier * count_verifier * verifier_tokens

    def attention_flops(self, policy: Tokens, verifier: Tokens, count_verifier: bool) -> Tokens:
        """FLOPs of attention over the context, which the paper leaves out, from the positions attended to."""
        by_policy = attention_flops(self.policy_attention, 1.0) * policy
        return by_policy + attention_flops(self.verifier_attention, 1.0) * count_verifier * verifier

    def weight_bytes(self, policy_passes: Tokens, verifier_passes: Tokens) -> Tokens:
        """Bytes of weights that a question alone reads: all of them in each forward pass.

        Questions that are answered together share their passes: of many, each has next to nothing of these.
        """
        return self.number_bytes * (self.policy * policy_passes + self.verifier * verifier_passes)

    def cache_bytes(self, policy_positions: Tokens, verifier_positions: Tokens) -> Tokens:
        """Bytes of keys and values that a question reads, alone or among others: no sequence shares another's."""
        cached = self.policy_cache * policy_positions + self.verifier_cache * verifier_positions
        return self.number_bytes * cached


def attention_flops(layers_by_width: Number, n_positions: Number) -> float:
    """4 x layers x width for each position that a token attends to: a product with its key and one with its value."""
    return 4.0 * layers_by_width * n_positions


def pretraining_flops(n_params: Number, n_tokens: Number) -> float:
    """6 N D (§7): forward and backward pass. n_params without embeddings, n_tokens of the corpus as seen."""
    return 6.0 * n_params * n_tokens


def inference_flops(n_params: Number, n_tokens: Number) -> float:
    """2 N per token (§7), prefill and decode alike; attention over the context is left out, as in the paper."""
    return 2.0 * n_params * n_tokens
