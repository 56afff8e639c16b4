"""One step of the model over rows of any sequences: a row is (sequence, position, token).

Prefill, decoding and scoring differ only in which rows they put together. All rows of a layer write
their keys and values before any row reads them, so rows of one sequence may share a step.
"""

from typing import NamedTuple

import numpy as np

from tts_lib.engines.native.attention import MASKED, PAGE, attend, rms_scale, rotate_and_cache
from tts_lib.engines.native.compiling import compiled, copy
from tts_lib.engines.native.matmul import PANEL, ROW_BLOCK, multiply_added, multiply_gated, multiply_scaled
from tts_lib.engines.native.packing import Packed
from tts_lib.engines.native.simd import address


class Rows(NamedTuple):
    """The rows of a step, and where each finds its pages."""

    token: np.ndarray  # int32 (row,)
    position: np.ndarray  # int32 (row,)
    sequence: np.ndarray  # int32 (row,): index into `pages`
    wants_head: np.ndarray  # int32 (row,): rows whose head outputs are wanted, in this order
    pages: np.ndarray  # int32 (sequence, page): numbers of the pages of each sequence
    kv: np.ndarray  # fp32 (layer, page, page_size)


class Buffers(NamedTuple):
    """Intermediate results of a step, one row each."""

    x: np.ndarray  # residual stream
    qkv: np.ndarray
    heads: np.ndarray
    gated: np.ndarray
    hidden: np.ndarray  # final residual stream of the rows that want a head
    head: np.ndarray  # logits, or scores in column 0
    scale: np.ndarray
    scores: np.ndarray  # attention scores of one row, (head, position), and a summary of each head


def new_buffers(model: Packed, n_rows: int, length: int) -> Buffers:
    """Buffers for n_rows rows of sequences of up to `length` tokens."""
    padded = -(-n_rows // ROW_BLOCK) * ROW_BLOCK

    def rows(width: int) -> np.ndarray:
        return np.zeros((padded, width), np.float32)

    return Buffers(
        x=rows(model.width),
        qkv=rows(model.width_qkv),
        heads=rows(model.width_heads),
        gated=rows(model.width_mlp),
        hidden=rows(model.width),
        head=rows(model.width_out),
        scale=np.zeros(padded, np.float32),
        scores=np.zeros(model.n_heads * (length + 2 * PAGE), np.float32),
    )


@compiled
def forward(model, buffers, rows, n_rows, n_heads_wanted):
    """Run n_rows rows; buffers.head[i] receives the head outputs of row rows.wants_head[i]."""
    blocks = (n_rows + ROW_BLOCK - 1) // ROW_BLOCK
    x = buffers.x
    for r in range(n_rows):
        copy(model.embedding[rows.token[r]], x[r])
    x[n_rows : blocks * ROW_BLOCK] = 0
    for layer in range(len(model.qkv)):
        _normalise(model, buffers.scale, x, blocks)
        _scaled(model, model.qkv[layer], buffers.scale, x, buffers.qkv, blocks)
        _attention(model, buffers, rows, layer, n_rows)
        _added(model, model.out[layer], buffers.heads, x, blocks)
        _normalise(model, buffers.scale, x, blocks)
        _gated(model, model.gate_up[layer], buffers.scale, x, buffers.gated, blocks)
        _added(model, model.down[layer], buffers.gated, x, blocks)
    if n_heads_wanted == 0:
        return
    blocks = (n_heads_wanted + ROW_BLOCK - 1) // ROW_BLOCK
    for i in range(n_heads_wanted):
        copy(x[rows.wants_head[i]], buffers.hidden[i])
    buffers.hidden[n_heads_wanted : blocks * ROW_BLOCK] = 0
    _normalise(model, buffers.scale, buffers.hidden, blocks)
    _scaled(model, model.head, buffers.scale, buffers.hidden, buffers.head, blocks)
    buffers.head[:n_heads_wanted, model.n_out :] = MASKED


@compiled
def _attention(model, buffers, rows, layer, n_rows):
    qkv, page_size = buffers.qkv, rows.kv.shape[2]
    kv = rows.kv[layer]
    for r in range(n_rows):
        position = rows.position[r]
        page = rows.pages[rows.sequence[r], position // PAGE]
        rotate_and_cache(
            address(qkv, r * model.width_qkv),
            address(model.cos, position * model.section),
            address(model.sin, position * model.section),
            address(kv, page * page_size),
            position % PAGE,
            model.n_heads,
            model.half,
            model.groups_per_head,
        )
    for r in range(n_rows):
        attend(
            address(qkv, r * model.width_qkv),
            address(rows.pages, rows.sequence[r] * rows.pages.shape[1]),
            address(rows.pages, rows.sequence[min(r + 1, n_rows - 1)] * rows.pages.shape[1]),
            page_size,
            address(kv, 0),
            rows.position[r] + 1,
            model.n_heads,
            model.half,
            model.groups_per_head,
            address(buffers.scores, 0),
            address(buffers.heads, r * model.width_heads),
        )


@compiled
def _normalise(model, scale, x, blocks):
    rms_scale(
        address(x, 0), model.width, blocks * ROW_BLOCK, model.width // 8, address(model.constants, 0), address(scale, 0)
    )


@compiled
def _scaled(model, start, scale, a, c, blocks):
    k, n = a.shape[1], c.shape[1]
    for panel in range(n // PANEL):
        multiply_scaled(
            address(a, 0),
            k,
            address(model.weights, start + panel * k * PANEL),
            address(c, panel * PANEL),
            n,
            k,
            blocks,
            address(scale, 0),
        )


@compiled
def _added(model, start, a, c, blocks):
    k, n = a.shape[1], c.shape[1]
    for panel in range(n // PANEL):
        multiply_added(
            address(a, 0),
            k,
            address(model.weights, start + panel * k * PANEL),
            address(c, panel * PANEL),
            n,
            k,
            blocks,
            0,
        )


@compiled
def _gated(model, start, scale, a, c, blocks):
    k, n = a.shape[1], c.shape[1]
    for panel in range(n // 8):
        multiply_gated(
            address(a, 0),
            k,
            address(model.weights, start + panel * k * PANEL),
            address(c, panel * 8),
            n,
            k,
            blocks,
            address(scale, 0),
        )
