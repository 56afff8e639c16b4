"""Vectors of eight fp32 numbers in LLVM IR, and the frame in which the kernels are emitted.

The kernels are written as IR because their speed rests on registers: which values stay in them, and
in which order they are added. A kernel's arguments are addresses and sizes (int64), or named tuples
of them; Numba inlines no kernel, so each is compiled once per function that calls it.
"""

import functools
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, NamedTuple

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

from tts_lib.engines.randomness import LANES

F32, I32, I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
intrinsic: Any = extending.intrinsic  # for a type checker: the decorated function loses its first parameter
LOG2_E, LN2_HIGH, LN2_LOW = 1.44269504088896341, 0.693359375, -2.12194440e-4
ROUNDING = 12582912.0  # 1.5 * 2**23: adding it rounds to an integer, kept in the low bits
EXP_POLYNOMIAL = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
EXP_LOWEST, EXP_HIGHEST = -87.0, 88.0  # below: exactly 0


class Matrix(NamedTuple):
    """Where rows of fp32 numbers lie."""

    start: int  # address of the first row
    width: int  # numbers from one row to the next


@intrinsic
def address(typingctx, array, offset):
    """Address of element `offset` of a contiguous array."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        size = context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))
        return builder.add(builder.ptrtoint(data, I64), builder.mul(args[1], I64(size)))

    return types.int64(array, types.int64), codegen


def kernel(emit: Callable[..., None]) -> Any:
    """A function for compiled code from one that writes its body, once per LLVM module.

    `emit` takes a `Vectors` first; then it gets the caller's arguments as LLVM values, in the same named tuples.
    """

    def codegen(context, builder, signature, args):
        numbers = []
        for kind, value in zip(signature.args, args, strict=True):
            numbers += cgutils.unpack_tuple(builder, value) if isinstance(kind, types.NamedUniTuple) else [value]
        function_type = ir.FunctionType(ir.VoidType(), [I64] * len(numbers))
        function = cgutils.get_or_insert_function(builder.module, function_type, f"tts_lib.{emit.__name__}")
        if function.is_declaration:
            function.linkage = "internal"
            function.attributes.add("noinline")
            function.attributes.add("nounwind")
            body = ir.IRBuilder(function.append_basic_block("entry"))
            emit(Vectors(body), *_grouped(signature.args, function.args))
            body.ret_void()
        builder.call(function, numbers)
        return context.get_dummy_value()

    @functools.wraps(emit)
    def typed(typingctx, *kinds):
        expected = [kind if isinstance(kind, types.NamedUniTuple) else types.int64 for kind in kinds]
        return types.void(*expected), codegen

    return intrinsic(typed)


def _grouped(kinds: Iterable[types.Type], numbers: Iterable[Any]) -> list[Any]:
    """Numbers as arguments of these kinds, of which the named tuples take several each."""
    left = iter(numbers)
    return [
        kind.instance_class(*islice(left, kind.count)) if isinstance(kind, types.NamedUniTuple) else next(left)
        for kind in kinds
    ]


class Vectors:
    """Emits fp32 vector operations; `lanes` is 8 except where a kernel asks for the machine's width."""

    def __init__(self, builder: ir.IRBuilder, lanes: int = LANES):
        self.builder, self.lanes = builder, lanes
        self.type = ir.VectorType(F32, lanes)

    def constant(self, value: float):
        return ir.Constant(self.type, [value] * self.lanes)

    def pointer(self, address):
        return self.builder.inttoptr(address, ir.PointerType())

    def at(self, pointer, index):
        """Pointer to the fp32 number `index` after `pointer`."""
        index = I64(index) if isinstance(index, int) else index
        return self.builder.gep(pointer, [index], inbounds=True, source_etype=F32)

    def load(self, pointer):
        return self.builder.load(pointer, typ=self.type, align=4)

    def store(self, value, pointer):
        self.builder.store(value, pointer, align=4)

    def splat(self, scalar):
        first = self.builder.insert_element(ir.Constant(self.type, ir.Undefined), scalar, I32(0))
        return self.builder.shuffle_vector(
            first, ir.Constant(self.type, ir.Undefined), ir.Constant(ir.VectorType(I32, self.lanes), [0] * self.lanes)
        )

    def broadcast(self, pointer):
        return self.splat(self.builder.load(pointer, typ=F32, align=4))

    def fma(self, a, b, c):
        return self.builder.call(self._declared("llvm.fma", 3), [a, b, c])

    def variable(self, value):
        """A mutable vector that LLVM keeps in a register."""
        slot = cgutils.alloca_once(self.builder, self.type)
        self.builder.store(value, slot)
        return slot

    def get(self, variable):
        return self.builder.load(variable, typ=self.type)

    def set(self, variable, value):
        self.builder.store(value, variable)

    def loop(self, count):
        """`with v.loop(n) as i:` runs the body for i = 0 .. n - 1."""
        return _Loop(self.builder, count)

    def minimum(self, a, b):
        return self.builder.select(self.builder.fcmp_ordered("<", a, b), a, b)

    def maximum(self, a, b):
        return self.builder.select(self.builder.fcmp_ordered(">", a, b), a, b)

    def across(self, combine, vector):
        """Combine the lanes pairwise (4, 2, 1 apart); the result stands in every lane."""
        distance = self.lanes // 2
        while distance:
            order = ir.Constant(ir.VectorType(I32, self.lanes), [lane ^ distance for lane in range(self.lanes)])
            vector = combine(vector, self.builder.shuffle_vector(vector, vector, order))
            distance //= 2
        return vector

    def exp(self, x):
        """e**x to about 1 ulp (Cephes polynomial); exactly 0 below EXP_LOWEST, constant above EXP_HIGHEST."""
        b, integers = self.builder, ir.VectorType(I32, self.lanes)
        clamped = self.minimum(self.maximum(x, self.constant(EXP_LOWEST)), self.constant(EXP_HIGHEST))
        shifted = self.fma(clamped, self.constant(LOG2_E), self.constant(ROUNDING))
        n = b.fsub(shifted, self.constant(ROUNDING))
        r = self.fma(n, self.constant(-LN2_LOW), self.fma(n, self.constant(-LN2_HIGH), clamped))
        p = self.constant(EXP_POLYNOMIAL[0])
        for coefficient in EXP_POLYNOMIAL[1:]:
            p = self.fma(p, r, self.constant(coefficient))
        mantissa = b.fadd(self.fma(p, b.fmul(r, r), r), self.constant(1.0))
        exponent = b.shl(b.bitcast(shifted, integers), ir.Constant(integers, [23] * self.lanes))
        result = b.bitcast(b.add(b.bitcast(mantissa, integers), exponent), self.type)
        return b.select(b.fcmp_ordered(">", x, self.constant(EXP_LOWEST)), result, self.constant(0.0))

    def _declared(self, name: str, n_args: int):
        full_name = f"{name}.v{self.lanes}f32"
        return cgutils.get_or_insert_function(
            self.builder.module, ir.FunctionType(self.type, [self.type] * n_args), full_name
        )


class _Loop:
    def __init__(self, builder, count):
        self.frame = cgutils.for_range(builder, I64(count) if isinstance(count, int) else count)

    def __enter__(self):
        return self.frame.__enter__().index

    def __exit__(self, *error):
        return self.frame.__exit__(*error)
