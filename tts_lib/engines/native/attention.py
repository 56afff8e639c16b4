"""Row kernels around attention: RMS scale, rotary embedding and cache write, attention, softmax.

The cache consists of pages of 8 positions. A page of one layer holds for each head the keys
transposed, (channel, 8), and then the values in groups of 16 channels, (group, 8, 16): a vector is 8
positions of one key channel, or 8 channels of one value. In a row, query and key channels come as a
section with the left halves of all heads and one with the right halves (pairs that rotate together),
each half padded to `half` channels, a multiple of 8.
"""

from typing import NamedTuple

from llvmlite import ir

from tts_lib.engines.native.simd import F32, I32, I64, LANES, Matrix, Vectors, kernel

PAGE = LANES  # positions
GROUP = 16  # value channels
CHUNK = 8  # query channels held in registers
BLOCK = 4  # rows of one sequence that read its pages together
CHAINS = 4  # independent sums over positions, to hide the latency of an fma
MASKED = -1e30


class Heads(NamedTuple):
    """The attention heads of a model."""

    n_heads: int
    half: int  # channels of half a query or key
    groups: int  # of GROUP channels of a value


class Past(NamedTuple):
    """What a row attends to: keys and values of one sequence in one layer."""

    pages: int  # address of the numbers (int32) of the sequence's pages
    kv: int  # address of the layer's pages
    n_positions: int  # from the first of the sequence on


@kernel
def rms_scale(v: Vectors, x: Matrix, n_rows, constants, scale) -> None:
    """scale (rows,) = 1 / sqrt(mean square of each row + epsilon); constants = [1 / true width, epsilon]."""
    b = v.builder
    inverse_width, epsilon = (b.load(v.at(v.pointer(constants), i), typ=F32) for i in (0, 1))
    sqrt = b.module.declare_intrinsic("llvm.sqrt", [F32])
    with v.loop(n_rows) as row:
        start = v.at(v.pointer(x.start), b.mul(row, x.width))
        total = v.variable(v.constant(0.0))
        with v.loop(b.sdiv(x.width, I64(LANES))) as i:
            value = v.load(v.at(start, b.mul(i, I64(LANES))))
            v.set(total, v.fma(value, value, v.get(total)))
        square = b.extract_element(v.across(b.fadd, v.get(total)), I32(0))
        mean = b.fadd(b.fmul(square, inverse_width), epsilon)
        b.store(b.fdiv(F32(1.0), b.call(sqrt, [mean])), v.at(v.pointer(scale), row))


@kernel
def rotate_and_cache(v: Vectors, qkv, cos, sin, page, position_in_page, heads: Heads) -> None:
    """Rotate one row's queries and keys in place; write its keys and values into the page."""
    b = v.builder
    qkv, cos, sin, page = (v.pointer(each) for each in (qkv, cos, sin, page))
    section, n_keys, head_size = _sizes(v, heads)
    with v.loop(b.sdiv(section, I64(LANES))) as i:
        i = b.mul(i, I64(LANES))
        c, s = v.load(v.at(cos, i)), v.load(v.at(sin, i))
        for first in (I64(0), b.mul(section, I64(2))):  # queries, keys
            at_left = v.at(qkv, b.add(first, i))
            at_right = v.at(at_left, section)
            left, right = v.load(at_left), v.load(at_right)
            v.store(v.fma(left, c, b.fneg(b.fmul(right, s))), at_left)
            v.store(v.fma(right, c, b.fmul(left, s)), at_right)
    keys = v.at(qkv, b.mul(section, I64(2)))
    values = v.at(keys, b.mul(section, I64(2)))
    with v.loop(heads.n_heads) as head:
        tile = v.at(page, b.mul(head, head_size))
        column = v.at(tile, position_in_page)
        with v.loop(heads.half) as i:
            source = v.at(keys, b.add(b.mul(head, heads.half), i))
            for side in (I64(0), I64(1)):
                target = v.at(column, b.mul(b.add(b.mul(side, heads.half), i), I64(PAGE)))
                b.store(b.load(v.at(source, b.mul(side, section)), typ=F32), target)
        row = v.at(tile, b.add(n_keys, b.mul(position_in_page, I64(GROUP))))
        with v.loop(heads.groups) as group:
            for part in (0, LANES):
                source = b.add(b.mul(b.add(b.mul(head, heads.groups), group), I64(GROUP)), I64(part))
                target = b.add(b.mul(group, I64(GROUP * PAGE)), I64(part))
                v.store(v.load(v.at(values, source)), v.at(row, target))


@kernel
def attend(v: Vectors, query, past: Past, heads: Heads, scores, out) -> None:
    """out (heads * channels,) = attention of one row's query over its past.

    scores: room for one score a head and position, rounded up to whole pages, and 8 numbers a head.
    """
    b, n_heads, half = v.builder, heads.n_heads, heads.half
    query, scores, out = (v.pointer(each) for each in (query, scores, out))
    section, n_keys, head_size = _sizes(v, heads)
    tile_at = _tiles(v, past, b.mul(n_heads, head_size))
    n_pages = b.sdiv(b.add(past.n_positions, I64(PAGE - 1)), I64(PAGE))
    last = b.mul(b.sub(n_pages, I64(1)), I64(PAGE))
    is_valid = _is_below(v, b.sub(past.n_positions, last))

    def add_products(queries, further, keys, target, is_first: bool):
        """Add to the scores of a page what 16 channels contribute: 8 from registers, 8 of the right halves."""
        sums = [v.constant(0.0) if is_first else v.load(target), *[v.constant(0.0)] * 3]
        for i in range(CHUNK):
            sums[i % 2] = v.fma(queries[i], v.load(v.at(keys, i * PAGE)), sums[i % 2])
        keys = v.at(keys, b.mul(half, I64(PAGE)))
        for i in range(CHUNK):
            sums[2 + i % 2] = v.fma(v.broadcast(v.at(further, i)), v.load(v.at(keys, i * PAGE)), sums[2 + i % 2])
        total = b.fadd(b.fadd(sums[0], sums[1]), b.fadd(sums[2], sums[3]))
        v.store(total, target)
        return total

    def add_values(sums, weights, values) -> None:
        for t in range(PAGE):
            weight = v.broadcast(v.at(weights, t))
            for part in range(2):
                accumulator = sums[2 * (t % CHAINS) + part]
                value = v.load(v.at(values, t * GROUP + part * LANES))
                v.set(accumulator, v.fma(weight, value, v.get(accumulator)))

    def store_values(sums, inverse, target) -> None:
        for part in range(2):
            first, second, third, fourth = (v.get(each) for each in sums[part::2])
            total = b.fadd(b.fadd(first, second), b.fadd(third, fourth))
            v.store(b.fmul(total, inverse), v.at(target, part * LANES))

    stride = b.mul(n_pages, I64(PAGE))  # scores of one head
    summaries = v.at(scores, b.mul(n_heads, stride))  # of each head: maximum, then inverse sum, in 8 lanes
    with v.loop(n_heads) as head:
        tile, left = b.mul(head, head_size), v.at(query, b.mul(head, half))
        row = v.at(scores, b.mul(head, stride))
        highest, latest = v.variable(v.constant(MASKED)), v.variable(v.constant(MASKED))
        queries = [v.broadcast(v.at(left, i)) for i in range(CHUNK)]
        with v.loop(n_pages) as p:
            target = v.at(row, b.mul(p, I64(PAGE)))
            total = add_products(queries, v.at(left, section), tile_at(p, tile), target, is_first=True)
            v.set(highest, v.maximum(v.get(highest), v.get(latest)))
            v.set(latest, total)
        with v.loop(b.sub(b.sdiv(half, I64(CHUNK)), I64(1))) as chunk:
            channel = b.mul(b.add(chunk, I64(1)), I64(CHUNK))
            start = v.at(left, channel)
            queries = [v.broadcast(v.at(start, i)) for i in range(CHUNK)]
            v.set(highest, v.constant(MASKED))
            v.set(latest, v.constant(MASKED))
            with v.loop(n_pages) as p:
                keys = tile_at(p, b.add(tile, b.mul(channel, I64(PAGE))))
                total = add_products(
                    queries, v.at(start, section), keys, v.at(row, b.mul(p, I64(PAGE))), is_first=False
                )
                v.set(highest, v.maximum(v.get(highest), v.get(latest)))
                v.set(latest, total)
        masked = b.select(is_valid, v.get(latest), v.constant(MASKED))
        v.store(masked, v.at(row, last))
        v.store(v.maximum(v.get(highest), masked), v.at(summaries, b.mul(head, I64(LANES))))
    with v.loop(n_heads) as head:
        row, summary = v.at(scores, b.mul(head, stride)), v.at(summaries, b.mul(head, I64(LANES)))
        peak = v.across(v.maximum, v.load(summary))
        total = v.variable(v.constant(0.0))
        with v.loop(n_pages) as p:
            target = v.at(row, b.mul(p, I64(PAGE)))
            weight = v.exp(b.fsub(v.load(target), peak))
            v.store(weight, target)
            v.set(total, b.fadd(v.get(total), weight))
        v.store(b.fdiv(v.constant(1.0), v.across(b.fadd, v.get(total))), summary)
    with v.loop(n_heads) as head:
        row, inverse = v.at(scores, b.mul(head, stride)), v.load(v.at(summaries, b.mul(head, I64(LANES))))
        tile = b.add(b.mul(head, head_size), n_keys)
        with v.loop(heads.groups) as group:
            sums = [v.variable(v.constant(0.0)) for _ in range(2 * CHAINS)]
            with v.loop(n_pages) as p:
                values = tile_at(p, b.add(tile, b.mul(group, I64(GROUP * PAGE))))
                add_values(sums, v.at(row, b.mul(p, I64(PAGE))), values)
            group = b.add(b.mul(head, heads.groups), group)
            store_values(sums, inverse, v.at(out, b.mul(group, I64(GROUP))))


@kernel
def attend_block(v: Vectors, query: Matrix, past: Past, heads: Heads, scores, out: Matrix) -> None:
    """`attend` for BLOCK rows of one sequence at positions that follow each other, to the same bits.

    past: of the first row; scores: room for BLOCK scores a position, rounded up to two whole pages.
    """
    b, half, rows = v.builder, heads.half, range(BLOCK)
    section, n_keys, head_size = _sizes(v, heads)
    tile_at = _tiles(v, past, b.mul(heads.n_heads, head_size))
    n_pages = b.sdiv(b.add(past.n_positions, I64(BLOCK + PAGE - 2)), I64(PAGE))
    n_pairs = b.sdiv(b.add(n_pages, I64(1)), I64(2))
    scores = [v.at(v.pointer(scores), b.mul(n_pairs, I64(2 * PAGE * row))) for row in rows]

    def add_products(queries, keys, starts):
        """starts, of each row and page, plus what every second of 8 channels contributes."""
        sums = starts
        for i in range(0, CHUNK, 2):
            columns = [v.load(v.at(key, i * PAGE)) for key in keys]
            for row in rows:
                value = v.broadcast(v.at(queries[row], i))
                sums[row] = [v.fma(value, column, total) for column, total in zip(columns, sums[row], strict=True)]
        return sums

    def added(first, second):
        return [[b.fadd(*each) for each in zip(*pair, strict=True)] for pair in zip(first, second, strict=True)]

    with v.loop(heads.n_heads) as head:
        tile = b.mul(head, head_size)
        left = [v.at(v.pointer(query.start), b.add(b.mul(query.width, I64(row)), b.mul(head, half))) for row in rows]
        with v.loop(b.sdiv(half, I64(CHUNK))) as chunk:
            is_first = b.icmp_signed("==", chunk, I64(0))
            channel = b.mul(chunk, I64(CHUNK))
            with v.loop(n_pairs) as pair:
                page = b.mul(pair, I64(2))
                further = b.add(page, I64(1))
                further = b.select(b.icmp_signed("<", further, n_pages), further, page)  # a lone page is taken twice
                targets = [[v.at(row, b.mul(b.add(page, I64(i)), I64(PAGE))) for i in (0, 1)] for row in scores]
                sums = []
                for side in range(2):
                    across = b.add(channel, b.mul(section, I64(side)))
                    down = b.add(tile, b.mul(b.add(channel, b.mul(half, I64(side))), I64(PAGE)))
                    for odd in range(2):
                        keys = [v.at(tile_at(p, down), odd * PAGE) for p in (page, further)]
                        starts = [[v.constant(0.0)] * 2 for _ in rows]
                        if not sums:
                            before = [[v.load(target) for target in row] for row in targets]
                            starts = [[b.select(is_first, v.constant(0.0), each) for each in row] for row in before]
                        sums.append(add_products([v.at(v.at(row, across), odd) for row in left], keys, starts))
                total = added(added(*sums[:2]), added(*sums[2:]))
                for row in rows:
                    for value, target in zip(total[row], targets[row], strict=True):
                        v.store(value, target)
        with v.loop(b.select(b.icmp_signed("<", n_pages, I64(2)), n_pages, I64(2))) as i:
            first = b.mul(b.sub(b.sub(n_pages, I64(1)), i), I64(PAGE))  # position of the last page, and the one before
            for row in rows:
                is_valid = _is_below(v, b.sub(b.add(past.n_positions, I64(row)), first))
                target = v.at(scores[row], first)
                v.store(b.select(is_valid, v.load(target), v.constant(MASKED)), target)
        highest, totals = ([v.variable(v.constant(start)) for _ in rows] for start in (MASKED, 0.0))
        with v.loop(n_pages) as p:
            for row in rows:
                v.set(highest[row], v.maximum(v.get(highest[row]), v.load(v.at(scores[row], b.mul(p, I64(PAGE))))))
        peaks = [v.across(v.maximum, v.get(each)) for each in highest]
        with v.loop(n_pages) as p:
            for row in rows:
                target = v.at(scores[row], b.mul(p, I64(PAGE)))
                weight = v.exp(b.fsub(v.load(target), peaks[row]))
                v.store(weight, target)
                v.set(totals[row], b.fadd(v.get(totals[row]), weight))
        inverse = [b.fdiv(v.constant(1.0), v.across(b.fadd, v.get(total))) for total in totals]
        with v.loop(heads.groups) as group:
            values_at = b.add(b.add(tile, n_keys), b.mul(group, I64(GROUP * PAGE)))
            found = []
            for chain in range(CHAINS):
                sums = [[v.variable(v.constant(0.0)) for _ in range(2)] for _ in rows]
                with v.loop(n_pages) as p:
                    values = tile_at(p, values_at)
                    for t in range(chain, PAGE, CHAINS):
                        parts = [v.load(v.at(values, t * GROUP + part * LANES)) for part in range(2)]
                        for row in rows:
                            weight = v.broadcast(v.at(scores[row], b.add(b.mul(p, I64(PAGE)), I64(t))))
                            for part, accumulator in zip(parts, sums[row], strict=True):
                                v.set(accumulator, v.fma(weight, part, v.get(accumulator)))
                found.append([[v.get(accumulator) for accumulator in row] for row in sums])
            total = added(added(*found[:2]), added(*found[2:]))
            group = b.mul(b.add(b.mul(head, heads.groups), group), I64(GROUP))
            for row in rows:
                target = v.at(v.pointer(out.start), b.add(b.mul(out.width, I64(row)), group))
                for part in range(2):
                    v.store(b.fmul(total[row][part], inverse[row]), v.at(target, part * LANES))


@kernel
def softmax(v: Vectors, row, n_vectors, factor, weights, summary) -> None:
    """weights = exp(factor * (row - max)); summary (16,) = 8 per-lane sums of the weights, 8 times max."""
    b = v.builder
    row, weights, summary, factor = (v.pointer(each) for each in (row, weights, summary, factor))
    factor = v.broadcast(factor)
    highest = v.variable(v.constant(MASKED))
    with v.loop(n_vectors) as i:
        v.set(highest, v.maximum(v.get(highest), v.load(v.at(row, b.mul(i, I64(LANES))))))
    peak = v.across(v.maximum, v.get(highest))
    total = v.variable(v.constant(0.0))
    with v.loop(n_vectors) as i:
        i = b.mul(i, I64(LANES))
        weight = v.exp(b.fmul(b.fsub(v.load(v.at(row, i)), peak), factor))
        v.store(weight, v.at(weights, i))
        v.set(total, b.fadd(v.get(total), weight))
    v.store(v.get(total), summary)
    v.store(peak, v.at(summary, LANES))


def _sizes(v: Vectors, heads: Heads):
    """(query channels in a section, numbers in a head's key tile, numbers in a head's tiles)."""
    b = v.builder
    n_keys = b.mul(heads.half, I64(2 * PAGE))
    return b.mul(heads.n_heads, heads.half), n_keys, b.add(n_keys, b.mul(heads.groups, I64(GROUP * PAGE)))


def _tiles(v: Vectors, past: Past, page_size):
    """A function of (i, offset): pointer to the number `offset` of the i-th page."""
    b, pages, kv = v.builder, v.pointer(past.pages), v.pointer(past.kv)

    def tile_at(i, offset):
        number = b.sext(b.load(b.gep(pages, [i], inbounds=True, source_etype=I32), typ=I32), I64)
        return v.at(v.at(kv, b.mul(number, page_size)), offset)

    return tile_at


def _is_below(v: Vectors, bound):
    """Mask of the lanes whose number is below `bound`."""
    b, integers = v.builder, ir.VectorType(I32, LANES)
    unknown = ir.Constant(integers, ir.Undefined)
    first = b.insert_element(unknown, b.trunc(bound, I32), I32(0))
    everywhere = b.shuffle_vector(first, unknown, ir.Constant(integers, [0] * LANES))
    return b.icmp_signed("<", ir.Constant(integers, list(range(LANES))), everywhere)
