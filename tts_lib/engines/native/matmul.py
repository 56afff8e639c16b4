"""Rows times packed panels: the three matrix products of a Llama block.

Weights lie in panels of 16 columns, (panel, k, 16). One call multiplies all row blocks by one panel,
which stays in the first-level cache. Each output is one chain of fused multiply-adds over k in
ascending order, whatever rows stand beside it: that is what makes a row's result independent of the
batch. Rows come in whole blocks; a caller pads with rows whose result nobody reads.
"""

import llvmlite.binding as llvm
from llvmlite import ir

from tts_lib.engines.native.simd import I32, I64, LANES, Matrix, Vectors, kernel

PANEL = 16


def _has_avx512() -> bool:
    return bool(llvm.get_host_cpu_features().get("avx512f", False))


WIDTH = 16 if _has_avx512() else LANES  # lanes of the accumulators
N_VECTORS = PANEL // WIDTH
ROW_BLOCK = 12 if WIDTH == 16 else 6  # 12 accumulators: enough to hide the latency of an fma


@kernel
def multiply_scaled(v: Vectors, a: Matrix, panel, c: Matrix, n_blocks, scale) -> None:
    """c (rows, 16) = scale (rows,) * a (rows, k) @ panel (k, 16)."""
    _multiply(v, a, panel, c, n_blocks, scale)


@kernel
def multiply_added(v: Vectors, a: Matrix, panel, c: Matrix, n_blocks) -> None:
    """c (rows, 16) += a (rows, k) @ panel (k, 16)."""
    _multiply(v, a, panel, c, n_blocks)


@kernel
def multiply_gated(v: Vectors, a: Matrix, panel, c: Matrix, n_blocks, scale) -> None:
    """c (rows, 8) = silu(gate) * up, where scale * (a @ panel) = [gate, up]."""
    _multiply(v, a, panel, c, n_blocks, scale, is_gated=True)


def _multiply(v: Vectors, a: Matrix, panel, c: Matrix, n_blocks, scale=None, is_gated: bool = False) -> None:
    """The three products; without a scale, what they give is added to c."""
    b, wide = v.builder, Vectors(v.builder, WIDTH)
    panel = v.pointer(panel)
    with v.loop(n_blocks) as block:
        first = b.mul(block, I64(ROW_BLOCK))
        rows_a, rows_c = (
            [v.at(v.pointer(rows.start), b.mul(b.add(first, I64(r)), rows.width)) for r in range(ROW_BLOCK)]
            for rows in (a, c)
        )
        sums = [
            [
                wide.variable(wide.load(v.at(row, WIDTH * j)) if scale is None else wide.constant(0.0))
                for j in range(N_VECTORS)
            ]
            for row in rows_c
        ]
        with v.loop(a.width) as i:
            line = v.at(panel, b.mul(i, I64(PANEL)))
            columns = [wide.load(v.at(line, WIDTH * j)) for j in range(N_VECTORS)]
            for row, accumulators in zip(rows_a, sums, strict=True):
                value = wide.broadcast(v.at(row, i))
                for column, accumulator in zip(columns, accumulators, strict=True):
                    wide.set(accumulator, wide.fma(value, column, wide.get(accumulator)))
        for r, (row, accumulators) in enumerate(zip(rows_c, sums, strict=True)):
            values = [wide.get(accumulator) for accumulator in accumulators]
            if scale is not None:
                factor = wide.broadcast(v.at(v.pointer(scale), b.add(first, I64(r))))
                values = [b.fmul(value, factor) for value in values]
            if is_gated:
                v.store(_silu_times(v, *_halves(b, values)), row)
            else:
                for j, value in enumerate(values):
                    wide.store(value, v.at(row, WIDTH * j))


def _halves(builder, values):
    """The 16 columns of a panel row as two vectors of 8."""
    if N_VECTORS == 2:
        return values
    return [
        builder.shuffle_vector(values[0], values[0], ir.Constant(ir.VectorType(I32, 8), list(range(start, start + 8))))
        for start in (0, 8)
    ]


def _silu_times(v: Vectors, gate, up):
    b = v.builder
    denominator = b.fadd(v.constant(1.0), v.exp(b.fneg(gate)))
    return b.fdiv(b.fmul(gate, up), denominator)
