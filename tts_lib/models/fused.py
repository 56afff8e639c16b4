"""The parts of a Llama block whose backward pass autograd would spread over many operations.

On a CPU a small model's time goes into passes over memory: each function here keeps what its own backward pass needs,
and no more.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


class RmsScaled(torch.autograd.Function):
    """x / sqrt(mean square of each row + eps): RMS norm without weights."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, eps: float) -> Tensor:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        inverse = norm.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        y = x * inverse
        ctx.save_for_backward(y, inverse)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (grad,) = grads
        y, inverse = ctx.saved_tensors
        along = (grad * y).mean(-1, keepdim=True)
        return torch.addcmul(grad, y, along, value=-1).mul_(inverse), None


class Gated(torch.autograd.Function):
    """silu(gate) * up, of rows [gate | up]."""

    @staticmethod
    def forward(ctx: Any, gate_up: Tensor) -> Tensor:
        gate, up = gate_up.chunk(2, dim=-1)
        activated = F.silu(gate)
        ctx.save_for_backward(gate_up, activated)
        return activated * up

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (grad,) = grads
        gate_up, activated = ctx.saved_tensors
        gate, up = gate_up.chunk(2, dim=-1)
        result = torch.empty_like(gate_up)
        of_gate, of_up = result.chunk(2, dim=-1)
        torch.mul(grad, activated, out=of_up)
        torch.ops.aten.silu_backward.grad_input(grad * up, gate, grad_input=of_gate)
        return result


class RotatedHeads(torch.autograd.Function):
    """Rows (B, T, 3 * H * D) of [query | key | value] to (3, B, H, T, D), queries and keys rotated by position.

    Halves of a head are paired as in the Hugging Face Llama; cos and sin (T, D / 2).
    """

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, n_heads: int, cos: Tensor, sin: Tensor) -> Tensor:
        n_rows, length, width = qkv.shape
        heads = qkv.view(n_rows, length, 3, n_heads, width // 3 // n_heads).permute(2, 0, 3, 1, 4)
        heads = heads.clone(memory_format=torch.contiguous_format)
        _rotate(heads[:2], cos, sin)
        ctx.save_for_backward(cos, sin)
        return heads

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        (grad,) = grads
        cos, sin = ctx.saved_tensors
        rows = grad.permute(1, 3, 0, 2, 4).clone(memory_format=torch.contiguous_format)  # (B, T, 3, H, D)
        _rotate(rows[:, :, :2], cos[:, None, None], -sin[:, None, None])
        return rows.flatten(2), None, None, None


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> None:
    """Turn the pairs (left, right) by their angles, in place."""
    left, right = x.chunk(2, dim=-1)
    before = left.clone()
    left.mul_(cos).addcmul_(right, sin, value=-1)
    right.mul_(cos).addcmul_(before, sin)
