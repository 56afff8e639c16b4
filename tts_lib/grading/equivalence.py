r"""Whether two answers are the same: the cheap rules decided in this process, and the comparison a worker runs.

The worker's Math-Verify reads LaTeX with a grammar; its plain-expression reader, which ends in `eval`, is never called.
"""

import logging
import re
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal

from tts_lib.grading import normal_form
from tts_lib.grading.verdicts import CORRECT, ERROR, WRONG

VERSION = 3  # of the rules in this package; raise it whenever a verdict or a class key may change
_PERCENT = re.compile(r"(.*[^\\])\\%")
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
_FUNCTION = re.compile(r"(?:y|[a-zA-Z]\([a-z]\))=(.+)")
_DEGREES = re.compile(r"(\d+(?:\.\d+)?)\^\{?\\circ\}?")
_TIMES_I = re.compile(r"(?<![A-Za-z\\])i(?=\()")
_MATRIX = re.compile(r"\\begin\{([bpB]?matrix)\}(.+)\\end\{\1\}")
_VECTOR = re.compile(r"(?:\[|\\langle ?)(.+)(?:\]|\\rangle)")


@dataclass(frozen=True)
class Conventions:
    r"""What counts as the same answer where benchmarks differ. The defaults are those of MATH as Math-Verify reads it.

    Attributes:
        list_order: of a list without brackets, "1, -2": "any" (MATH asks for "all solutions") or "given". A tuple
            always keeps its order, a set ``\{1,2\}`` never does.
        tuple_is_set: whether ``(1,2)`` also answers ``\{1,2\}``, in any order, and the other way round.
        vector_is_tuple: whether a matrix of one column or row is the same as its entries in round, square or angle
            brackets, in their order.
        relation_is_set: whether ``-2\le x\le 7`` also answers ``x\in[-2,7]``; the other way round it always does.
        percent: ``50\%`` is "number" 50 (MATH drops the sign), "fraction" 0.5, or "either".
        decimals: places to which numbers must agree where one is written as a decimal; those below 1 are compared to as
            many significant digits.
        decimal_comma: whether ``1,5`` is 1.5 and not a list of two numbers.
    """

    list_order: Literal["any", "given"] = "any"
    tuple_is_set: bool = False
    vector_is_tuple: bool = False
    relation_is_set: bool = False
    percent: Literal["number", "fraction", "either"] = "number"
    decimals: int = 6
    decimal_comma: bool = False


@dataclass(frozen=True)
class Judgement:
    """A verdict and the coarse key under which a wrong answer votes (None: its normal form)."""

    verdict: str
    key: str | None = None


def judge_cheaply(gold: str, answer: str, conventions: Conventions) -> Judgement | None:
    """Return the judgement on two normal forms if it needs no parser, else None."""
    if conventions.decimal_comma:
        gold, answer = (a.replace(",", ".") if _DECIMAL_COMMA.fullmatch(a) else a for a in (gold, answer))
    if gold == answer:
        return Judgement(CORRECT)
    if not (normal_form.is_parsable(gold) and normal_form.is_parsable(answer)):
        return Judgement(ERROR)
    gold_value, value = normal_form.number(gold), normal_form.number(answer)
    if gold_value is not None and value is not None:
        allowed = min(1, abs(gold_value)) / 10**conventions.decimals if "." in gold + answer else 0
        return (
            Judgement(CORRECT)
            if abs(gold_value - value) <= allowed
            else Judgement(WRONG, normal_form.number_key(value))
        )
    gold_word, word = normal_form.word(gold), normal_form.word(answer)
    if gold_word is not None and gold.startswith("\\text"):
        given = word if word is not None else answer.strip("(). ").lower()
        return Judgement(CORRECT) if given == gold_word else Judgement(WRONG, None if word is None else f"w:{word}")
    return None


def judge(gold: str, answer: str, conventions: Conventions) -> Judgement:
    """Return the judgement on two normal forms; runs in a worker, under the limits that `Grader` sets."""
    try:
        return _judge(gold, answer, conventions)
    except Exception:  # out of memory, too deep, or whatever else a parser does on a hostile text: not judged
        return Judgement(ERROR)


def _judge(gold: str, answer: str, conventions: Conventions) -> Judgement:
    from tts_lib.grading import keys

    gold, answer = _percent(gold, conventions), _percent(answer, conventions)
    functions = _FUNCTION.fullmatch(gold), _FUNCTION.fullmatch(answer)
    if functions[0] and functions[1]:  # y = 2x and f(x) = 2x
        gold, answer = functions[0][1], functions[1][1]
    if conventions.vector_is_tuple and (_MATRIX.fullmatch(gold) or _MATRIX.fullmatch(answer)):
        gold, answer = _vector(gold), _vector(answer)
    forms = _brackets(gold, answer, conventions)
    if forms is not None and (_have_same_values(*forms, conventions) or _verify(*forms, conventions)):
        return Judgement(CORRECT)
    word = normal_form.word(answer)
    if word is not None:
        return Judgement(WRONG, f"w:{word}")
    if conventions.list_order == "given" and _kind(answer) == "list":
        answer = f"({answer})"
    parsed = [item for item in _parse(answer) if not isinstance(item, str)]
    try:
        return Judgement(WRONG, keys.key(parsed[0]) if parsed else None)
    except Exception:  # SymPy cannot say what it is worth: it votes by its normal form
        return Judgement(WRONG)


def _have_same_values(gold: str, answer: str, conventions: Conventions) -> bool:
    """The comparison by value; it takes milliseconds where Math-Verify's rewriting can take seconds."""
    from tts_lib.grading import values

    read = [item for item in (_parse(gold)[:1] + _parse(answer)[:1]) if not isinstance(item, str)]
    try:
        return len(read) == 2 and values.are_same(read[0], read[1], conventions.decimals)
    except (MemoryError, RecursionError):
        raise
    except Exception:  # SymPy cannot say what they are worth: Math-Verify may bring one to the form of the other
        return False


def _verify(gold: str, answer: str, conventions: Conventions) -> bool:
    """The one place that calls Math-Verify: gold first, time-outs off (the pool's is the one that works)."""
    from math_verify import verify

    compare = partial(
        verify,
        _parse(gold),
        _parse(answer),
        conventions.decimals,
        allow_set_relation_comp=conventions.relation_is_set,
        timeout_seconds=None,
    )
    try:
        return compare(raise_on_error=True)
    except (MemoryError, RecursionError):
        raise
    except Exception:  # one pair of readings cannot be compared; the others may
        return compare()


@lru_cache(maxsize=256)
def _parse(answer: str) -> list[Any]:
    """Math-Verify's readings of an answer: a SymPy object if it could be read, then the text itself."""
    from math_verify import LatexExtractionConfig, parse

    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its time-outs are off
    answer = _TIMES_I.sub(r"i\\cdot ", answer)  # the imaginary unit and no function
    if re.search(r"\\(?:sin|cos|tan|cot|sec|csc)", answer):
        answer = _DEGREES.sub(r"\\frac{\1\\pi}{180}", answer)
    marked = answer if "$" in answer else f"${answer}$"
    read = parse(marked, [LatexExtractionConfig(boxed_match_priority=0)], parsing_timeout=None)  # type: ignore[arg-type]
    return [item if isinstance(item, str) else _complex(item) for item in read]


def _complex(item: Any) -> Any:
    """A free i is the imaginary unit."""
    from sympy import I

    return item.subs({symbol: I for symbol in item.free_symbols if symbol.name == "i"})


def _percent(answer: str, conventions: Conventions) -> str:
    match = _PERCENT.fullmatch(answer)
    if match is None or "$" in answer:
        return answer
    if conventions.percent == "number":
        return match[1]
    if conventions.percent == "fraction":
        return rf"\frac{{{match[1]}}}{{100}}"
    return f"${match[1]}$%"  # outside the formula Math-Verify takes it both ways


def _vector(answer: str) -> str:
    """A matrix of one column or row, or a vector in square or angle brackets, as a tuple; others as they are."""
    if matrix := _MATRIX.fullmatch(answer):
        rows = [row for row in matrix[2].split(r"\\") if row]
        entries = rows[0].split("&") if len(rows) == 1 else rows
        return answer if "&" in "".join(entries) else f"({','.join(entries)})"
    vector = _VECTOR.fullmatch(answer)
    return f"({vector[1]})" if vector else answer


def _brackets(gold: str, answer: str, conventions: Conventions) -> tuple[str, str] | None:
    """Bring lists, tuples and sets to one kind of bracket; None if tuple meets set and the conventions say no."""
    kinds = {_kind(gold), _kind(answer)}
    if kinds == {"tuple", "set"} and not conventions.tuple_is_set:
        return None
    if conventions.tuple_is_set and kinds <= {"tuple", "set", "list"} and "tuple" in kinds and len(kinds) > 1:
        return _rebracket(gold, r"\{", r"\}"), _rebracket(answer, r"\{", r"\}")
    if kinds == {"tuple", "list"} or (kinds == {"list"} and conventions.list_order == "given"):
        return _rebracket(gold, "(", ")"), _rebracket(answer, "(", ")")
    return gold, answer


def _rebracket(answer: str, opening: str, closing: str) -> str:
    kind = _kind(answer)
    inner = answer if kind == "list" else answer[1:-1] if kind == "tuple" else answer[2:-2]
    return f"{opening}{inner}{closing}"


def _kind(answer: str) -> str:
    """ "tuple", "set", "list" (without brackets) or "other", by the brackets around the outermost commas."""
    depth, depths = 0, []
    for sign in re.finditer(r"[(\[{]|[)\]}]|,", answer):
        if sign[0] == ",":
            depths.append(depth)
        else:
            depth += 1 if sign[0] in "([{" else -1
    if not depths or "$" in answer:
        return "other"
    if min(depths) == 0:
        return "list"
    if answer.startswith(r"\{") and answer.endswith(r"\}"):
        return "set"
    return "tuple" if answer.startswith("(") and answer.endswith(")") and _encloses(answer) else "other"


def _encloses(answer: str) -> bool:
    """Whether the first bracket closes with the last one."""
    depth = 0
    for sign in re.finditer(r"[()]", answer):
        depth += 1 if sign[0] == "(" else -1
        if depth == 0:
            return sign.end() == len(answer)
    return False
