"""What heads that share their keys and values need beside the other kernels: the rotation of further queries."""

from tts_lib.engines.native.simd import I64, LANES, Vectors, kernel


@kernel
def rotate(v: Vectors, query, cos, sin, section) -> None:
    """Rotate one row's query of `section` channels a side in place."""
    b = v.builder
    query, cos, sin = (v.pointer(each) for each in (query, cos, sin))
    with v.loop(b.sdiv(section, I64(LANES))) as i:
        i = b.mul(i, I64(LANES))
        c, s = v.load(v.at(cos, i)), v.load(v.at(sin, i))
        at_left = v.at(query, i)
        at_right = v.at(at_left, section)
        left, right = v.load(at_left), v.load(at_right)
        v.store(v.fma(left, c, b.fneg(b.fmul(right, s))), at_left)
        v.store(v.fma(right, c, b.fmul(left, s)), at_right)
