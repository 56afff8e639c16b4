"""Rows times packed panels: the three matrix products of a Llama block.

Weights lie in panels of 16 columns, (panel, k, 16). One call multiplies all row blocks by one panel,
which stays in the first-level cache. Each output is one chain of fused multiply-adds over k in
ascending order, whatever rows stand beside it: that is what makes a row's result independent of the
batch. Rows come in whole blocks; a caller pads with rows whose result nobody reads.
"""

import llvmlite.binding as llvm
from llvmlite import ir

from tts_lib.engines.native.simd import I32, I64, LANES, Vectors, intrinsic, kernel

PANEL = 16


def _has_avx512() -> bool:
    return bool(llvm.get_host_cpu_features().get("avx512f", False))


WIDTH = 16 if _has_avx512() else LANES  # lanes of the accumulators
N_VECTORS = PANEL // WIDTH
ROW_BLOCK = 12 if WIDTH == 16 else 6  # 12 accumulators: enough to hide the latency of an fma
SCALED, ADDED, GATED = "scaled", "added", "gated"


def _emit(mode: str):
    """c = scale * (a @ panel), c += a @ panel, or c = silu(gate) * up with gate and up in half a panel each."""

    def emit(v: Vectors, args) -> None:
        a, stride_a, panel, c, stride_c, k, n_blocks, scale = args
        b, wide = v.builder, Vectors(v.builder, WIDTH)
        panel, scale = v.pointer(panel), v.pointer(scale)
        with v.loop(n_blocks) as block:
            first = b.mul(block, I64(ROW_BLOCK))
            rows_a = [v.at(v.pointer(a), b.mul(b.add(first, I64(r)), stride_a)) for r in range(ROW_BLOCK)]
            rows_c = [v.at(v.pointer(c), b.mul(b.add(first, I64(r)), stride_c)) for r in range(ROW_BLOCK)]
            sums = [
                [
                    wide.variable(wide.load(v.at(row, WIDTH * j)) if mode == ADDED else wide.constant(0.0))
                    for j in range(N_VECTORS)
                ]
                for row in rows_c
            ]
            with v.loop(k) as i:
                line = v.at(panel, b.mul(i, I64(PANEL)))
                columns = [wide.load(v.at(line, WIDTH * j)) for j in range(N_VECTORS)]
                for row, accumulators in zip(rows_a, sums, strict=True):
                    value = wide.broadcast(v.at(row, i))
                    for column, accumulator in zip(columns, accumulators, strict=True):
                        wide.set(accumulator, wide.fma(value, column, wide.get(accumulator)))
            for r, (row, accumulators) in enumerate(zip(rows_c, sums, strict=True)):
                values = [wide.get(accumulator) for accumulator in accumulators]
                if mode != ADDED:
                    factor = wide.broadcast(v.at(scale, b.add(first, I64(r))))
                    values = [b.fmul(value, factor) for value in values]
                if mode == GATED:
                    v.store(_silu_times(v, *_halves(b, values)), row)
                else:
                    for j, value in enumerate(values):
                        wide.store(value, v.at(row, WIDTH * j))

    return emit


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


@intrinsic
def multiply_scaled(typingctx, a, stride_a, panel, c, stride_c, k, n_blocks, scale):
    """c (rows, 16) = scale (rows,) * a (rows, k) @ panel (k, 16)."""
    return kernel("multiply_scaled", 8, _emit(SCALED))


@intrinsic
def multiply_added(typingctx, a, stride_a, panel, c, stride_c, k, n_blocks, scale):
    """c (rows, 16) += a (rows, k) @ panel (k, 16); scale is not read."""
    return kernel("multiply_added", 8, _emit(ADDED))


@intrinsic
def multiply_gated(typingctx, a, stride_a, panel, c, stride_c, k, n_blocks, scale):
    """c (rows, 8) = silu(gate) * up, where scale * (a @ panel) = [gate, up]."""
    return kernel("multiply_gated", 8, _emit(GATED))
