"""Muon for block matrices, AdamW for the rest, over data-parallel ranks.

Muon (Jordan et al. 2024) replaces a matrix's momentum by the nearest orthogonal matrix, found with
five Newton-Schulz iterations. Here those run in fp32 and are stacked over matrices of one shape;
fused projections (query/key/value, gate/up) are split first, so that each is orthogonalised alone.
Each rank takes its share of every stack.
"""

from collections.abc import Callable, Mapping

import torch
import torch.distributed as dist
from torch import Tensor

MOMENTUM = 0.95
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # quintic iteration of the Muon reference


def orthogonalise(stack: Tensor, n_iterations: int = 5) -> Tensor:
    """(n, rows, columns) -> the same shape with singular values near 1."""
    a, b, c = COEFFICIENTS
    wide = stack.shape[1] <= stack.shape[2]
    x = stack if wide else stack.transpose(1, 2)
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(n_iterations):
        gram = x @ x.transpose(1, 2)
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if wide else x.transpose(1, 2)


class Muon:
    """Momentum (Nesterov), orthogonalised update scaled by sqrt(max(1, rows / columns)).

    `parts(name)` says into how many equal row blocks a fused matrix is split.
    """

    def __init__(self, named: Mapping[str, Tensor], parts: Callable[[str], int], lr: float):
        self.lr = lr
        self.velocity = {name: torch.zeros_like(p) for name, p in named.items()}
        self.named = named
        self.stacks: dict[tuple[int, int], list[tuple[str, int, int]]] = {}
        for name, p in named.items():
            rows = p.shape[0] // parts(name)
            for i in range(parts(name)):
                self.stacks.setdefault((rows, p.shape[1]), []).append((name, i * rows, rows))

    @torch.no_grad()
    def step(self, lr_scale: float) -> None:
        """Update the matrices by their gradients at `lr_scale` of the learning rate; all processes share the work."""
        update = {}
        for name, p in self.named.items():
            assert p.grad is not None
            v = self.velocity[name].mul_(MOMENTUM).add_(p.grad)
            update[name] = p.grad.add(v, alpha=MOMENTUM)
        rank, n_ranks = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        for (rows, columns), members in self.stacks.items():
            stack = torch.stack([update[name][start : start + rows] for name, start, _ in members])
            share = -(-len(members) // n_ranks)
            mine = orthogonalise(stack[rank * share : (rank + 1) * share])
            if n_ranks > 1:
                padded = torch.zeros(share, rows, columns)
                padded[: len(mine)] = mine
                gathered = torch.empty(n_ranks * share, rows, columns)
                dist.all_gather_single(gathered, padded)
                mine = gathered[: len(members)]
            scale = self.lr * lr_scale * max(1.0, rows / columns) ** 0.5
            for (name, start, n), direction in zip(members, mine, strict=True):
                self.named[name][start : start + n].sub_(direction, alpha=scale)
