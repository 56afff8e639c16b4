"""One step of the model over rows of any sequences: a row is (sequence, position, token).

Prefill, decoding and scoring differ only in which rows they put together. All rows of a layer write
their keys and values before any row reads them, so rows of one sequence may share a step.
"""

from typing import NamedTuple

import numpy as np

from tts_lib.engines.native.attention import (
    BLOCK,
    MASKED,
    PAGE,
    Past,
    attend,
    attend_block,
    rms_scale,
    rotate_and_cache,
)
from tts_lib.engines.native.compiling import compiled, copy
from tts_lib.engines.native.grouped import rotate
from tts_lib.engines.native.matmul import PANEL, ROW_BLOCK, multiply_added, multiply_gated, multiply_scaled
from tts_lib.engines.native.packing import Packed
from tts_lib.engines.native.simd import Matrix, address


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
    scores: np.ndarray  # attention scores of one row, (head, position), and a summary of each head; or of a block
    every: np.ndarray  # int32: the number of each row


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
        scores=np.zeros(max(model.heads.n_heads, BLOCK) * (length + 2 * PAGE), np.float32),
        every=np.arange(n_rows, dtype=np.int32),
    )


@compiled
def forward(model, buffers, rows, n_rows, n_heads_wanted):
    """Run n_rows rows; buffers.head[i] receives the head outputs of row rows.wants_head[i].

    The last layer gives the other rows their keys and values, and nothing more: nobody reads on from there.
    """
    blocks = (n_rows + ROW_BLOCK - 1) // ROW_BLOCK
    x = buffers.x
    for r in range(n_rows):
        copy(model.embedding[rows.token[r]], x[r])
    x[n_rows : blocks * ROW_BLOCK] = 0
    last = len(model.qkv) - 1
    for layer in range(last):
        _read(model, buffers, rows, layer, n_rows, blocks)
        _attend(model, buffers, rows, layer, buffers.every, n_rows)
        _write(model, buffers, layer, x, blocks)
    _read(model, buffers, rows, last, n_rows, blocks)
    if n_heads_wanted == 0:
        return
    blocks = (n_heads_wanted + ROW_BLOCK - 1) // ROW_BLOCK
    for i in range(n_heads_wanted):
        copy(x[rows.wants_head[i]], buffers.hidden[i])
    buffers.hidden[n_heads_wanted : blocks * ROW_BLOCK] = 0
    _attend(model, buffers, rows, last, rows.wants_head, n_heads_wanted)
    _write(model, buffers, last, buffers.hidden, blocks)
    _normalise(model, buffers.scale, buffers.hidden, blocks)
    _scaled(model, model.head, buffers.scale, buffers.hidden, buffers.head, blocks)
    buffers.head[:n_heads_wanted, model.n_out :] = MASKED


@compiled
def _read(model, buffers, rows, layer, n_rows, blocks):
    """Queries, keys and values of all rows; keys and values go to the rows' pages."""
    _normalise(model, buffers.scale, buffers.x, blocks)
    _scaled(model, model.qkv[layer], buffers.scale, buffers.x, buffers.qkv, blocks)
    page_size = rows.kv.shape[2]
    for r in range(n_rows):
        position = rows.position[r]
        page = rows.pages[rows.sequence[r], position // PAGE]
        query = r * model.width_qkv
        cos, sin = address(model.cos, position * model.section), address(model.sin, position * model.section)
        for _ in range(model.n_groups - 1):
            rotate(address(buffers.qkv, query), cos, sin, model.section)
            query += 2 * model.section
        rotate_and_cache(
            address(buffers.qkv, query),
            cos,
            sin,
            address(rows.kv[layer], page * page_size),
            position % PAGE,
            model.heads,
        )


@compiled
def _attend(model, buffers, rows, layer, which, n):
    """Attention of rows which[:n] into the first n rows of buffers.heads.

    Rows that follow each other in one sequence read its pages together; a last block may repeat rows of the one before.
    """
    first = 0
    while first < n:
        sequence, end = rows.sequence[which[first]], first + 1
        while end < n and rows.sequence[which[end]] == sequence and which[end] == which[end - 1] + 1:
            end += 1
        together = BLOCK if end - first >= BLOCK else 1
        for start in range(first, end, together):
            target = min(start, end - together)
            r = which[target]
            pages = address(rows.pages, sequence * rows.pages.shape[1])
            past = Past(pages, address(rows.kv[layer], 0), rows.position[r] + 1)
            scores = address(buffers.scores, 0)
            for group in range(model.n_groups):
                query = address(buffers.qkv, r * model.width_qkv + 2 * group * model.section)
                out = address(buffers.heads, target * model.width_heads + group * model.width_group)
                if together == BLOCK:
                    queries, outs = Matrix(query, model.width_qkv), Matrix(out, model.width_heads)
                    attend_block(queries, past, model.heads, scores, outs)
                else:
                    attend(query, past, model.heads, scores, out)
        first = end


@compiled
def _write(model, buffers, layer, x, blocks):
    """x += what the layer's attention found, then what its MLP makes of that."""
    _added(model, model.out[layer], buffers.heads, x, blocks)
    _normalise(model, buffers.scale, x, blocks)
    _gated(model, model.gate_up[layer], buffers.scale, x, buffers.gated, blocks)
    _added(model, model.down[layer], buffers.gated, x, blocks)


@compiled
def _normalise(model, scale, x, blocks):
    rows = Matrix(address(x, 0), model.width)
    rms_scale(rows, blocks * ROW_BLOCK, address(model.constants, 0), address(scale, 0))


@compiled
def _scaled(model, start, scale, a, c, blocks):
    rows, width = Matrix(address(a, 0), a.shape[1]), c.shape[1]
    for panel in range(width // PANEL):
        weights = address(model.weights, start + panel * rows.width * PANEL)
        multiply_scaled(rows, weights, Matrix(address(c, panel * PANEL), width), blocks, address(scale, 0))


@compiled
def _added(model, start, a, c, blocks):
    rows, width = Matrix(address(a, 0), a.shape[1]), c.shape[1]
    for panel in range(width // PANEL):
        weights = address(model.weights, start + panel * rows.width * PANEL)
        multiply_added(rows, weights, Matrix(address(c, panel * PANEL), width), blocks)


@compiled
def _gated(model, start, scale, a, c, blocks):
    rows, width = Matrix(address(a, 0), a.shape[1]), c.shape[1]
    for panel in range(width // 8):
        weights = address(model.weights, start + panel * rows.width * PANEL)
        multiply_gated(rows, weights, Matrix(address(c, panel * 8), width), blocks, address(scale, 0))
