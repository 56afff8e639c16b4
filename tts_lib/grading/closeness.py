"""Numbers, and what is made of numbers alone, against each other: intervals, ratios, times, equations, progressions.

They are compared exactly, or to some decimals where one is written as a decimal.
"""

from collections.abc import Sequence
from decimal import Context, Decimal

from tts_lib.grading.conventions import Conventions
from tts_lib.grading.reading.conditions import Reading, region_of
from tts_lib.grading.reading.numerals import ESTIMATED
from tts_lib.grading.verdicts import Finding

_NOON = 12
_DIGITS = Context(prec=30, Emin=-(10**17), Emax=10**17)
_ESTIMATED_SLACK = Decimal("1e-25")  # of an integral or an endless sum that is reckoned
_ROUNDING_LEAVES, _WRITTEN_OUT = Decimal("1e-12"), 15  # digits of a double
_SLACK = Decimal("1.000000001")  # 1/3 and 0.333333 differ by no more than a third of a millionth


def numbers(golds: Sequence[tuple | None], answers: Sequence[tuple | None], conventions: Conventions) -> Finding:
    """One number, or a formula's at each of its points."""
    are_same = len(golds) == len(answers) and all(
        one == other if one is None or other is None else _same(one, other, conventions)
        for one, other in zip(golds, answers, strict=True)
    )
    is_rounded = any(one is not None and one[3] for one in (*golds, *answers))
    how = f"to {conventions.decimals} decimals, as one is written as a decimal" if is_rounded else "exactly"
    return Finding(are_same, f"{'values at fixed points' if len(golds) > 1 else 'numbers'} are compared {how}")


def _same(one: tuple, other: tuple, conventions: Conventions) -> bool:
    if one[0] == other[0]:
        return True
    is_estimated = ESTIMATED in (one[0][:1], other[0][:1])
    if not (one[3] or other[3] or is_estimated):
        return False
    pairs = [(Decimal(a), Decimal(b)) for a, b in zip(one[1:3], other[1:3], strict=True)]
    if not all(number.is_finite() for pair in pairs for number in pair):
        return False
    size = max(max(abs(number) for number in pair) for pair in pairs)
    if is_estimated and not (one[3] or other[3]):
        return all(abs(_DIGITS.subtract(*pair)) <= max(size, Decimal(1)) * _ESTIMATED_SLACK for pair in pairs)
    allowed = _DIGITS.multiply(min(Decimal(1), size), _SLACK.scaleb(-conventions.decimals))  # cut off
    if size < 1:
        allowed = max(allowed, _DIGITS.scaleb(_SLACK * 5, size.adjusted() - conventions.decimals))  # rounded
    return all(abs(_DIGITS.subtract(*pair)) <= allowed or _is_zero_of_a_program(*pair) for pair in pairs)


def _is_zero_of_a_program(one: Decimal, other: Decimal) -> bool:
    """Whether one is 0 and the other what rounding leaves of it, written out in full: 1.2246467991473532e-16."""
    rest = one or other
    return not (one and other) and abs(rest) < _ROUNDING_LEAVES and len(rest.as_tuple().digits) >= _WRITTEN_OUT


def regions(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    """Sets of real numbers; an unknown that both name must be one."""
    one, other = region_of(gold), region_of(answer)
    if one is None or other is None:
        return Finding(False, "one is no set of real numbers")
    if one[1] and other[1] and one[1] != other[1]:
        return Finding(False, f"{one[1]} is not {other[1]}")
    if not conventions.relation_is_set and other[3] and not one[3]:
        return Finding(False, "relation_is_set: an inequality does not answer for a set")
    are_same = len(one[2]) == len(other[2]) and all(
        a[1::2] == b[1::2] and all(_same(*ends, conventions) for ends in zip(a[::2], b[::2], strict=True))
        for a, b in zip(one[2], other[2], strict=True)
    )
    return Finding(are_same, "sets of real numbers are compared end by end")


def integers(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    """Whole numbers within bounds, of which one side may not name the unknown."""
    are_same = gold[0] == answer[0] and gold[2] == answer[2] and (gold[1] == answer[1] or "" in (gold[1], answer[1]))
    return Finding(are_same, "whole numbers are compared end by end")


def ratios(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    """``3:4`` and ``6:8`` are one ratio, and it is the number 3/4; 9:24 may be a time and is only itself.

    "3 to 4" is that ratio and no number; two of them may be ranges and must be the same.
    """
    ratio, other = (gold, answer) if gold[0] == "ratio" else (answer, gold)
    if other[0] == "value" and len(ratio[2]) == 2 and not ratio[3]:
        return numbers(ratio[2][:1], other[1], conventions)
    if other[0] != "ratio":
        return Finding(False, "one is a ratio")
    if "clock" in (ratio[3], other[3]) or ratio[3] == other[3] == "range":
        return Finding(ratio[1] == other[1], "what a clock may show is compared part by part, as ranges are")
    return numbers(ratio[2], other[2], conventions)


def times(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    """``8 p.m.`` is 20:00, which no clock of twelve hours shows; 8:00 may be either half of the day."""
    time, other = (gold, answer) if gold[0] == "time" else (answer, gold)
    if other[0] == "ratio" and other[3] == "clock" and time[1] > _NOON:
        shown = (*(Decimal(number[1]) for number in other[1]), Decimal(0))[:3]
        return Finding(tuple(map(Decimal, time[1:])) == shown, "times of the day are compared part by part")
    return Finding(gold == answer, "times of the day are compared part by part")


def progressions(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    """``2k\\pi, k\\in\\mathbb{Z}`` is also answered by ``2k\\pi`` alone."""
    if gold[0] == answer[0]:
        are_same = all(_same(*pair, conventions) for pair in zip(gold[1:3], answer[1:3], strict=True))
        return Finding(are_same, "steps and what is left of them are compared")
    progression, other = (gold, answer) if gold[0] == "progression" else (answer, gold)
    are_same = other[0] == "value" and any(numbers(f[1], other[1], conventions).is_same for f in progression[3])
    return Finding(are_same, "a formula for every whole number is compared with one formula")


def points(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    """Equations and inequalities, by what their sides' difference is worth."""
    if gold[0] != answer[0] or gold[1:-1] != answer[1:-1]:
        return Finding(False, "other relations")
    return numbers(gold[-1], answer[-1], conventions)
