"""Row kernels around attention: RMS scale, rotary embedding and cache write, attention, softmax.

The cache consists of pages of 8 positions. A page of one layer holds keys transposed, (channel, 8),
and then values in groups of 16 channels, (group, 8, 16): a vector is 8 positions of one key channel,
or 8 channels of one value. Query and key channels are ordered left halves of all heads, then right
halves (the pairs that rotate together), each half `half` channels, each section padded to 8.
"""

from llvmlite import ir
from numba.extending import intrinsic

from tts_lib.engines.native.simd import F32, I32, I64, LANES, Vectors, kernel

PAGE = LANES  # positions
GROUP = 16  # value channels
MASKED = -1e30


def _emit_rms_scale(v: Vectors, args) -> None:
    x, stride, n_rows, n_vectors, constants, scale = args
    b = v.builder
    inverse_width, epsilon = (b.load(v.at(v.pointer(constants), i), typ=F32) for i in (0, 1))
    sqrt = b.module.declare_intrinsic("llvm.sqrt", [F32])
    with v.loop(n_rows) as row:
        start = v.at(v.pointer(x), b.mul(row, stride))
        total = v.variable(v.constant(0.0))
        with v.loop(n_vectors) as i:
            value = v.load(v.at(start, b.mul(i, I64(LANES))))
            v.set(total, v.fma(value, value, v.get(total)))
        square = b.extract_element(v.across(b.fadd, v.get(total)), I32(0))
        mean = b.fadd(b.fmul(square, inverse_width), epsilon)
        b.store(b.fdiv(F32(1.0), b.call(sqrt, [mean])), v.at(v.pointer(scale), row))


def _emit_rotate_and_cache(v: Vectors, args) -> None:
    qkv, cos, sin, page, position_in_page, section, n_groups = args
    b = v.builder
    qkv, cos, sin, page = (v.pointer(each) for each in (qkv, cos, sin, page))
    with v.loop(b.sdiv(section, I64(LANES))) as i:
        i = b.mul(i, I64(LANES))
        c, s = v.load(v.at(cos, i)), v.load(v.at(sin, i))
        for first in (I64(0), b.mul(section, I64(2))):  # queries, keys
            at_left = v.at(qkv, b.add(first, i))
            at_right = v.at(at_left, section)
            left, right = v.load(at_left), v.load(at_right)
            v.store(v.fma(left, c, b.fneg(b.fmul(right, s))), at_left)
            v.store(v.fma(right, c, b.fmul(left, s)), at_right)
    n_keys = b.mul(section, I64(2))
    keys, column = v.at(qkv, n_keys), v.at(page, position_in_page)
    with v.loop(b.sdiv(n_keys, I64(LANES))) as i:
        i = b.mul(i, I64(LANES))
        for lane in range(LANES):
            channel = b.add(i, I64(lane))
            b.store(b.load(v.at(keys, channel), typ=F32), v.at(column, b.mul(channel, I64(PAGE))))
    values = v.at(keys, n_keys)
    tiles = v.at(page, b.add(b.mul(n_keys, I64(PAGE)), b.mul(position_in_page, I64(GROUP))))
    with v.loop(n_groups) as group:
        for part in (0, LANES):
            source = v.at(values, b.add(b.mul(group, I64(GROUP)), I64(part)))
            v.store(v.load(source), v.at(tiles, b.add(b.mul(group, I64(GROUP * PAGE)), I64(part))))


def _emit_attend(v: Vectors, args) -> None:
    query, pages, page_size, kv, n_positions, n_heads, half, section, groups_per_head, scores, out = args
    b = v.builder
    query, pages, kv, scores, out = (v.pointer(each) for each in (query, pages, kv, scores, out))
    n_pages = b.sdiv(b.add(n_positions, I64(PAGE - 1)), I64(PAGE))
    stride = b.mul(n_pages, I64(PAGE))  # scores of one head
    last = b.mul(b.sub(n_pages, I64(1)), I64(PAGE))

    def page_at(i):
        number = b.sext(b.load(b.gep(pages, [i], inbounds=True, source_etype=I32), typ=I32), I64)
        return v.at(kv, b.mul(number, page_size))

    with v.loop(n_pages) as p:
        page = page_at(p)
        with v.loop(n_heads) as head:
            sums = [v.variable(v.constant(0.0)) for _ in range(2)]
            first = b.mul(head, half)
            with v.loop(b.sdiv(half, I64(4))) as i:
                for offset in range(4):
                    channel = b.add(b.add(first, b.mul(i, I64(4))), I64(offset))
                    for accumulator, index in zip(sums, (channel, b.add(channel, section)), strict=True):
                        key = v.load(v.at(page, b.mul(index, I64(PAGE))))
                        v.set(accumulator, v.fma(v.broadcast(v.at(query, index)), key, v.get(accumulator)))
            total = b.fadd(v.get(sums[0]), v.get(sums[1]))
            v.store(total, v.at(scores, b.add(b.mul(head, stride), b.mul(p, I64(PAGE)))))

    lane = ir.Constant(ir.VectorType(I32, LANES), list(range(LANES)))
    n_valid = b.trunc(b.sub(n_positions, last), I32)
    n_valid = b.shuffle_vector(
        b.insert_element(ir.Constant(lane.type, ir.Undefined), n_valid, I32(0)),
        ir.Constant(lane.type, ir.Undefined), ir.Constant(lane.type, [0] * LANES),
    )
    is_valid = b.icmp_signed("<", lane, n_valid)
    values = b.mul(section, I64(2 * PAGE))  # where a page's values begin
    with v.loop(n_heads) as head:
        row = v.at(scores, b.mul(head, stride))
        v.store(b.select(is_valid, v.load(v.at(row, last)), v.constant(MASKED)), v.at(row, last))
        inverse = b.fdiv(v.constant(1.0), _emit_softmax_row(v, row, n_pages, None, None)[0])
        with v.loop(groups_per_head) as group:
            group = b.add(b.mul(head, groups_per_head), group)
            sums = [v.variable(v.constant(0.0)) for _ in range(4)]
            tile = b.add(values, b.mul(group, I64(GROUP * PAGE)))
            with v.loop(n_pages) as p:
                start = v.at(page_at(p), tile)
                weights = v.at(row, b.mul(p, I64(PAGE)))
                for t in range(PAGE):
                    weight = v.broadcast(v.at(weights, t))
                    for part in range(2):
                        accumulator = sums[2 * (t % 2) + part]
                        value = v.load(v.at(start, t * GROUP + part * LANES))
                        v.set(accumulator, v.fma(weight, value, v.get(accumulator)))
            for part in range(2):
                total = b.fadd(v.get(sums[part]), v.get(sums[2 + part]))
                v.store(b.fmul(total, inverse), v.at(out, b.add(b.mul(group, I64(GROUP)), I64(part * LANES))))


def _emit_softmax_row(v: Vectors, row, n_vectors, factor, target):
    """exp(factor * (row - max)) into target (default: in place); returns (sum, per-lane sums, max), in all lanes."""
    b = v.builder
    target = row if target is None else target
    highest = v.variable(v.constant(MASKED))
    with v.loop(n_vectors) as i:
        v.set(highest, v.maximum(v.get(highest), v.load(v.at(row, b.mul(i, I64(LANES))))))
    peak = v.across(v.maximum, v.get(highest))
    total = v.variable(v.constant(0.0))
    with v.loop(n_vectors) as i:
        i = b.mul(i, I64(LANES))
        difference = b.fsub(v.load(v.at(row, i)), peak)
        weight = v.exp(difference if factor is None else b.fmul(difference, factor))
        v.store(weight, v.at(target, i))
        v.set(total, b.fadd(v.get(total), weight))
    return v.across(b.fadd, v.get(total)), v.get(total), peak


def _emit_softmax(v: Vectors, args) -> None:
    row, n_vectors, factor, weights, summary = args
    factor = v.broadcast(v.pointer(factor))
    _, per_lane, peak = _emit_softmax_row(v, v.pointer(row), n_vectors, factor, v.pointer(weights))
    v.store(per_lane, v.pointer(summary))
    v.store(peak, v.at(v.pointer(summary), LANES))


@intrinsic
def rms_scale(typingctx, x, stride, n_rows, n_vectors, constants, scale):
    """scale (rows,) = 1 / sqrt(mean square of each row + epsilon); constants = [1 / width, epsilon]."""
    return kernel("rms_scale", 6, _emit_rms_scale)


@intrinsic
def rotate_and_cache(typingctx, qkv, cos, sin, page, position_in_page, section, n_groups):
    """Rotate one row's queries and keys in place; write its keys and values into the page."""
    return kernel("rotate_and_cache", 7, _emit_rotate_and_cache)


@intrinsic
def attend(
    typingctx, query, pages, page_size, kv, n_positions, n_heads, half, section, groups_per_head, scores, out
):
    """out (heads * channels,) = attention of one row's query over the first n_positions of its pages."""
    return kernel("attend", 11, _emit_attend)


@intrinsic
def softmax(typingctx, row, n_vectors, factor, weights, summary):
    """weights = exp(factor * (row - max)); summary (16,) = 8 per-lane sums of the weights, 8 times max."""
    return kernel("softmax", 5, _emit_softmax)
