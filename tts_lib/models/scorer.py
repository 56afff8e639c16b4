"""A Llama with one number per position instead of logits: PRM and ORM (`LlamaForTokenClassification`)."""

import torch
from torch import Tensor, nn

from tts_lib.models.llama import Llama, LlamaShape


class Scorer(nn.Module):
    """Tokens (B, T) to score logits (B, T); the sigmoid of the logit at a step's last token is its score."""

    def __init__(self, shape: LlamaShape):
        super().__init__()
        self.body = Llama(shape)
        del self.body.unembedding
        self.weight = nn.Parameter(torch.zeros(1, shape.width))
        self.bias = nn.Parameter(torch.zeros(1))

    @classmethod
    def from_policy(cls, policy: Llama) -> "Scorer":
        """A verifier that starts from the policy's weights, its score head at zero (paper App. D)."""
        scorer = cls(policy.shape)
        body = {k: v for k, v in policy.state_dict().items() if k != "unembedding"}
        scorer.body.load_state_dict(body)
        return scorer

    def forward(self, tokens: Tensor, dropout: float = 0.0) -> Tensor:
        return (self.body(tokens, dropout) @ self.weight.T)[..., 0] + self.bias
