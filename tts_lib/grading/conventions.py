r"""What counts as the same answer where benchmarks differ, with an example of each choice.

`python -m tts_lib.grading` prints the examples as a table.
"""

import re
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple

_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")


@dataclass(frozen=True)
class Conventions:
    r"""What counts as the same answer where benchmarks differ. The defaults are those of MATH.

    Attributes:
        list_order: of a list without brackets, "1, -2": "any" (MATH asks for "all solutions") or "given". A tuple
            always keeps its order, a set ``\{1,2\}`` never does.
        multiplicities: whether a list holds each value as often as it is written; a set never does.
        tuple_is_set: whether ``(1,2)`` also answers ``\{1,2\}``, in any order, and the other way round.
        vector_is_tuple: whether a matrix of one column or row is the same as its entries in round, square or angle
            brackets, in their order. Round and angle brackets are the same always.
        relation_is_set: whether ``-2\le x\le 7`` also answers ``x\in[-2,7]``; the other way round it always does.
        percent: ``50\%`` is "number" 50 (MATH drops the sign), "fraction" 0.5, or "either".
        units: "optional": an answer may leave out a unit or currency (5 cm and 5 m differ all the same); or "required".
        unit_conversion: whether 1.5 hours, or ``1 h 30 min``, answers ``90\text{ minutes}``, and
            ``\frac{\pi}{3}\text{ rad}`` answers ``60^\circ``.
        option_labels: whether ``(B) 12`` answers 12 and answers B.
        decimals: places to which numbers must agree where one is written as a decimal; those below 1 are compared to as
            many significant digits.
        decimal_comma: whether ``1,5`` is 1.5 and not a list of two numbers.
    """

    list_order: Literal["any", "given"] = "any"
    multiplicities: bool = True
    tuple_is_set: bool = False
    vector_is_tuple: bool = False
    relation_is_set: bool = True
    percent: Literal["number", "fraction", "either"] = "number"
    units: Literal["optional", "required"] = "optional"
    unit_conversion: bool = True
    option_labels: bool = True
    decimals: int = 6
    decimal_comma: bool = False


class Example(NamedTuple):
    """A pair of answers that the default judges one way and another choice the other way."""

    other: Any
    gold: str
    answer: str
    is_same: bool  # by default


EXAMPLES = {
    "list_order": Example("given", "1, -2", "-2, 1", True),
    "multiplicities": Example(False, "2, 2, 3", "2, 3, 3", False),
    "tuple_is_set": Example(True, "(1,2)", r"\{2,1\}", False),
    "vector_is_tuple": Example(True, r"\begin{pmatrix}3\\-1\end{pmatrix}", "(3,-1)", False),
    "relation_is_set": Example(False, r"x\in(0,5]", r"0<x\le5", True),
    "percent": Example("fraction", "0.5", r"50\%", False),
    "units": Example("required", r"5\text{ cm}", "5", True),
    "unit_conversion": Example(False, r"90\text{ minutes}", "1.5 hours", True),
    "option_labels": Example(False, "12", "(B) 12", True),
    "decimals": Example(3, r"\sqrt{3}", "1.732", False),
    "decimal_comma": Example(True, "2.74", "2,74", False),
}


def spelled(text: str, conventions: Conventions) -> str:
    """A normal form as these conventions write it: with a point for a decimal comma."""
    return text.replace(",", ".") if conventions.decimal_comma and _DECIMAL_COMMA.fullmatch(text) else text


def table() -> str:
    """The conventions, what they are by default and may be, and an answer to a gold answer that tells them apart."""
    rows = [("convention", "default", "or", "gold", "answer", "by default")]
    for field in fields(Conventions):
        example = EXAMPLES[field.name]
        verdict = "correct" if example.is_same else "wrong"
        rows.append((field.name, str(field.default), str(example.other), example.gold, example.answer, verdict))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
