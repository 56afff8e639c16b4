"""A small Llama for training on a CPU: the architecture of `transformers.LlamaForCausalLM`, with fewer operations.

Query, key and value are one matrix product, gate and up another; everything else is as in the
reference, and `to_hf_state` / `from_hf_state` translate the weights, so a trained model is saved as
an ordinary Hugging Face folder (see `tts_lib.models.folder`).

The module knows nothing about tokens, text or optimizers.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
    """Causal attention, then a gated MLP, each on a normalised residual stream (B, T, width)."""

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
        s, (n_rows, length, _) = self.shape, x.shape
        h = F.rms_norm(x, (s.width,), self.norm_attention, s.norm_eps)
        qkv = (h @ self.qkv.T).view(n_rows, length, 3, s.n_heads, s.width_head).transpose(1, 3)  # (B, H, 3, T, D)
        q, k, v = qkv.unbind(2)
        heads = F.scaled_dot_product_attention(rotate(q, cos, sin), rotate(k, cos, sin), v, is_causal=True)
        x = x + F.dropout(heads.transpose(1, 2).reshape(n_rows, length, s.width) @ self.out.T, dropout)
        h = F.rms_norm(x, (s.width,), self.norm_mlp, s.norm_eps)
        gate, up = (h @ self.gate_up.T).chunk(2, dim=-1)
        return x + F.dropout((F.silu(gate) * up) @ self.down.T, dropout)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding, halves paired as in the Hugging Face Llama."""
    left, right = x.chunk(2, dim=-1)
    return torch.cat([left * cos - right * sin, right * cos + left * sin], dim=-1)


class Llama(nn.Module):
    """Tokens (B, T) to last hidden states (B, T, width); `logits` applies the (untied) output matrix."""

    cos: Tensor
    sin: Tensor

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
        """Hidden states behind the last norm, (B, T, width), of tokens (B, T)."""
        x = F.embedding(tokens, self.embedding)
        cos, sin = self.cos[: tokens.shape[1]], self.sin[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, cos, sin, dropout)
        return F.rms_norm(x, (self.shape.width,), self.norm, self.shape.norm_eps)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., vocabulary), of hidden states (..., width)."""
        return hidden @ self.unembedding.T
