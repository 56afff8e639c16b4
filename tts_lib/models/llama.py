"""A small Llama for training on a CPU: the architecture of `transformers.LlamaForCausalLM`, with fewer operations.

Query, key and value are one matrix product, gate and up another; a norm's weights are folded into the product
behind it, and `tts_lib.models.fused` shortens the backward pass. Everything else is as in the reference, and
`to_hf_state` / `from_hf_state` translate the weights, so a trained model is saved as an ordinary Hugging Face folder
(see `tts_lib.models.folder`).

The module knows nothing about tokens, text or optimizers.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tts_lib.models.fused import Gated, RmsScaled, RotatedHeads


@dataclass(frozen=True)
class LlamaShape:
    """Sizes of one model; `n_params_block` counts what the paper calls parameters (no embeddings)."""

    vocab_size: int
    n_layers: int
    width: int
    n_heads: int
    width_mlp: int
    max_length: int
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-5

    @property
    def width_head(self) -> int:
        return self.width // self.n_heads

    @property
    def n_params_block(self) -> int:
        """Non-embedding parameters: attention, MLP and norms of every layer, and the final norm."""
        per_layer = 4 * self.width**2 + 3 * self.width * self.width_mlp + 2 * self.width
        return self.n_layers * per_layer + self.width


class Block(nn.Module):
    def __init__(self, shape: LlamaShape):
        super().__init__()
        self.shape = shape
        self.norm_attention = nn.Parameter(torch.ones(shape.width))
        self.qkv = nn.Parameter(torch.empty(3 * shape.width, shape.width))
        self.out = nn.Parameter(torch.empty(shape.width, shape.width))
        self.norm_mlp = nn.Parameter(torch.ones(shape.width))
        self.gate_up = nn.Parameter(torch.empty(2 * shape.width_mlp, shape.width))
        self.down = nn.Parameter(torch.empty(shape.width, shape.width_mlp))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, dropout: float) -> Tensor:
        s = self.shape
        normed = RmsScaled.apply(x, s.norm_eps)
        q, k, v = RotatedHeads.apply(normed @ (self.qkv * self.norm_attention).T, s.n_heads, cos, sin)
        heads = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, H, T, D)
        x = x + F.dropout(heads.transpose(1, 2).flatten(2) @ self.out.T, dropout)
        normed = RmsScaled.apply(x, s.norm_eps)
        return x + F.dropout(Gated.apply(normed @ (self.gate_up * self.norm_mlp).T) @ self.down.T, dropout)


class Llama(nn.Module):
    """Tokens (B, T) to last hidden states (B, T, width); `logits` applies the (untied) output matrix."""

    def __init__(self, shape: LlamaShape):
        super().__init__()
        self.shape = shape
        self.embedding = nn.Parameter(torch.empty(shape.vocab_size, shape.width))
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.n_layers))
        self.norm = nn.Parameter(torch.ones(shape.width))
        self.unembedding = nn.Parameter(torch.empty(shape.vocab_size, shape.width))
        half = shape.width_head // 2
        frequency = shape.rope_theta ** (-torch.arange(half, dtype=torch.float64) / half)
        angle = torch.arange(shape.max_length, dtype=torch.float64)[:, None] * frequency
        self.register_buffer("cos", angle.cos().float(), persistent=False)
        self.register_buffer("sin", angle.sin().float(), persistent=False)

    def initialise(self, generator: torch.Generator) -> None:
        """Normal(0, 0.02) matrices; residual outputs scaled by 1/sqrt(2 layers) (GPT-2)."""
        for name, p in self.named_parameters():
            if p.ndim < 2:
                nn.init.ones_(p)
                continue
            residual = name.endswith((".out", ".down"))
            nn.init.normal_(p, std=0.02 / ((2 * self.shape.n_layers) ** 0.5 if residual else 1), generator=generator)

    def forward(self, tokens: Tensor, dropout: float = 0.0) -> Tensor:
        x = F.embedding(tokens, self.embedding)
        cos, sin = self.cos[: tokens.shape[1]], self.sin[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, cos, sin, dropout)
        return RmsScaled.apply(x, self.shape.norm_eps) * self.norm

    def logits(self, hidden: Tensor) -> Tensor:
        return hidden @ self.unembedding.T
