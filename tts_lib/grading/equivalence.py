r"""Whether two answers are the same: one relation between readings, for verdicts and for votes.

It is the same seen from either side, and it never rounds exact numbers.
"""

import re
from collections.abc import Sequence

from tts_lib.grading.closeness import integers, numbers, points, progressions, ratios, regions, times
from tts_lib.grading.conventions import Conventions
from tts_lib.grading.items import collections, in_any_order, in_order
from tts_lib.grading.reading.chemistry import are_elements
from tts_lib.grading.reading.conditions import Reading
from tts_lib.grading.reading.measures import are_apart, is_known
from tts_lib.grading.reading.quantities import unit_and_sense
from tts_lib.grading.verdicts import Finding

_DENSITY = re.compile(r"[a-z]_[A-Z]\(\.\)")
_OF_LETTERS = re.compile(r"\((?:[a-z.](?:,[a-z])*)\)$")
_FAMILY = 3  # fields of one without a general solution
_FUNCTION = re.compile(r"y|\w+\(\.\)")
_SAME_WHOLE_NUMBERS = ({"", "natural", "zero"}, {"", "natural", "one"}, {"", "integer"})
_KINDS = {"value": "a number or formula", "list": "a list", "set": "a set", "tuple": "a tuple or interval"}
_KINDS |= {"matrix": "a matrix", "region": "a set of real numbers", "equation": "an equation", "ratio": "a ratio"}
_KINDS |= {"inequality": "an inequality", "and": "conditions that all hold", "or": "alternatives", "base": "in a base"}
_KINDS |= {"total": "an amount in several units", "progression": "numbers at equal distances"}
_KINDS |= {"span": "a span of vectors"}
_KINDS |= {"time": "a time of day", "text": "words", "unread": "not read"}


def compare(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    """Compare two readings."""
    kinds = {gold[0], answer[0]}
    for kind, rule in _RULES.items():
        if kind in kinds:
            return rule(gold, answer, conventions)
    if kinds <= {"list", "set", "tuple"}:
        return collections(gold, answer, conventions, compare)
    if len(kinds) > 1:
        return Finding(False, f"one is {_KINDS[gold[0]]}, the other {_KINDS[answer[0]]}")
    return Finding(gold == answer, f"{_KINDS[gold[0]]}: compared sign by sign")


def _unread(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    return Finding(False, "one of them was not read")


def _propositions(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    """Two formulas of logic are one if they are true together; beside anything else they are what they are else."""
    if gold[0] == answer[0]:
        return Finding(gold[1:3] == answer[1:3], "formulas of logic are compared by their truth tables")
    gold, answer = (reading[3] if reading[0] == "proposition" else reading for reading in (gold, answer))
    return compare(gold, answer, conventions)


def _structures(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    """Groups, fields and distributions are one by their names and parts; beside others they are what they are else."""
    if gold[0] == answer[0]:
        if gold[1] != answer[1]:
            return Finding(False, "other names of structures")
        return (in_order if gold[1].startswith("~") else in_any_order)(gold[2], answer[2], conventions, compare)
    gold, answer = (reading[3] if reading[0] == "structure" else reading for reading in (gold, answer))
    return compare(gold, answer, conventions)


def _options(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    if gold[0] == answer[0]:
        inner = compare(gold[2], answer[2], conventions)
        return inner if gold[1] == answer[1] else Finding(False, "option labels differ")
    if not conventions.option_labels:
        return Finding(False, "option_labels: one has a label, the other none")
    (_, label, value), other = (gold, answer) if gold[0] == "option" else (answer, gold)
    if (letter := _letters(other)) and len(letter) == 1:
        return Finding(letter == label, "option_labels: a letter is compared with the label")
    return compare(value, other, conventions) if gold[0] == "option" else compare(other, value, conventions)


def _families(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    """Constants of any name are those of the other side, whatever they are called there."""
    if gold[0] == answer[0]:
        if len(gold) == len(answer) > _FAMILY and _are_of_one(gold, answer):
            if gold[4] and gold[4] == answer[4]:  # letters that may be given numbers
                return compare(gold[2], answer[2], conventions)
            return numbers(gold[3], answer[3], conventions)
        return compare(gold[1], answer[1], conventions)
    family, other = (gold, answer) if gold[0] == "family" else (answer, gold)
    finding = compare(family[1], other, conventions)
    return finding if finding.is_same else compare(family[2], other, conventions)


def _are_of_one(gold: Reading, answer: Reading) -> bool:
    """Whether general solutions are of one function, as far as they name it."""
    names = [family[2][1] for family in (gold, answer) if family[2][0] == "named"]
    return len(names) < 2 or names[0] == names[1] or "y" in names


def _whole_numbers(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    """For which whole numbers a formula holds may be left out, but must not be something else."""
    kinds = {reading[2] if reading[0] == "where" else "" for reading in (gold, answer)}
    if _are_progressions(gold) or _are_progressions(answer) or not any(kinds <= each for each in _SAME_WHOLE_NUMBERS):
        return Finding(False, "they are for other whole numbers")
    gold, answer = (reading[1] if reading[0] == "where" else reading for reading in (gold, answer))
    return compare(gold, answer, conventions)


def _are_progressions(reading: Reading) -> bool:
    inner = (reading[2],) if reading[0] == "named" else reading[1] if reading[0] == "list" else ()
    return reading[0] == "progression" or any(map(_are_progressions, inner))


def _letters_or_units(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    """``5 m`` beside what has a unit is measured, and beside other formulas a formula."""
    if gold[0] == answer[0]:
        finding = compare(gold[1], answer[1], conventions)
        return finding if finding.is_same else compare(gold[2], answer[2], conventions)
    other = answer if gold[0] == "letters" else gold
    place = 2 if other[0] == "total" or (other[0] == "measured" and other[4]) else 1  # 2s is not 2 pieces
    gold, answer = (reading[place] if reading[0] == "letters" else reading for reading in (gold, answer))
    return compare(gold, answer, conventions)


def _on_a_part(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    """Where a density is defined may be left out; the others may be zero elsewhere by their cases, and no more."""
    if gold[0] == answer[0]:
        where = regions(gold[2], answer[2], conventions)
        return compare(gold[1], answer[1], conventions) if where.is_same else where
    part, other = (gold, answer) if gold[0] == "on" else (answer, gold)
    by_cases = other[2] if other[0] == "named" else other
    if by_cases[0] == "cases":
        zero = [row for row in by_cases[2] if len(row[1][1]) == 1 and float(row[1][1][0][1]) == 0]
        rest = [row for row in by_cases[2] if row not in zero]
        is_there = len(zero) == len(rest) == 1 and by_cases[1] == part[2][1]
        is_there = is_there and _are_there(rest[0][0], part[2][2], conventions)
        return compare(part[1], rest[0][1], conventions) if is_there else Finding(False, "other cases")
    if not any(reading[0] == "named" and _DENSITY.fullmatch(reading[1]) for reading in (part[1], other)):
        return Finding(False, "one says where it is defined")
    return compare(part[1], other, conventions)


def _cases(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    if gold[0] != answer[0] or gold[1] != answer[1] or len(gold[2]) != len(answer[2]):
        return Finding(False, "other cases")
    left = list(answer[2])
    for case in gold[2]:
        if (found := next((one for one in left if _are_one_case(case, one, conventions)), None)) is None:
            return Finding(False, "a case is missing")
        left.remove(found)
    return Finding(True, "functions are compared case by case")


def _are_one_case(gold: Sequence, answer: Sequence, conventions: Conventions) -> bool:
    return _are_there(gold[0], answer[0], conventions) and compare(gold[1], answer[1], conventions).is_same


def _are_there(one: Sequence, other: Sequence, conventions: Conventions) -> bool:
    return regions(("region", "", one, False), ("region", "", other, False), conventions).is_same


def _measures(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    """Units may be left out, or must be worth the same; two that are known or say in which sense never differ."""
    units, senses = zip(*map(unit_and_sense, (gold, answer)), strict=True)
    if all(senses) and senses[0] != senses[1]:
        return Finding(False, f"{senses[0]} is not {senses[1]}")
    if conventions.unit_conversion and (converted := _converted(gold, answer, conventions)):
        return converted
    if "total" in (gold[0], answer[0]):
        if gold[0] == answer[0]:
            return in_order(gold[3], answer[3], conventions, compare)
        amount, other = (gold, answer) if gold[0] == "total" else (answer, gold)
        if other[0] != "value" or conventions.units == "required" or amount[1][1] != "money":
            return Finding(False, "one is an amount in several units")
        return compare(amount[2], other, conventions)
    if any(unit.startswith("/") for unit in units) and conventions.units == "optional":  # of what may be left out
        units = [unit[max(unit.find("/"), 0) :] for unit in units]
    if units[0] != units[1] and (conventions.units == "required" or all(map(is_known, units)) or are_apart(*units)):
        return Finding(False, f"units: {units[0] or 'none'} is not {units[1] or 'none'}")
    gold, answer = (reading[1] if reading[0] == "measured" else reading for reading in (gold, answer))
    return compare(gold, answer, conventions)


def _converted(gold: Reading, answer: Reading, conventions: Conventions) -> Finding | None:
    """Amounts in different units of one kind, angles too if both say theirs; None of others."""
    one, other = (r[1] if r[0] == "total" else r[4] if r[0] == "measured" else None for r in (gold, answer))
    if one is None or other is None or one[1] != other[1] or gold[2] == answer[2]:
        return None
    return Finding(compare(one[0], other[0], conventions).is_same, f"unit_conversion: as {one[1]} in one unit")


def _percents(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    is_number = conventions.percent == "number" or (conventions.percent == "either" and gold[0] == answer[0])
    places = [1] if is_number else [2] if conventions.percent == "fraction" else [1, 2]
    finding = Finding(False, "")
    for place in places:
        pair = [reading[place] if reading[0] == "percent" else reading for reading in (gold, answer)]
        if (finding := compare(pair[0], pair[1], conventions)).is_same:
            break
    return finding


def _products(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    """Matrices keep their order where one side says that letters are some, and the other may."""
    worths = [_as_matrices(reading) for reading in (gold, answer)]
    if all(worths):
        return numbers(worths[0], worths[1], conventions)
    gold, answer = (reading[2] if reading[0] == "product" else reading for reading in (gold, answer))
    return compare(gold, answer, conventions)


def _as_matrices(reading: Reading) -> Sequence[tuple]:
    """What a formula is worth if its letters are matrices; a number is itself."""
    if reading[0] == "product":
        return reading[1]
    is_constant = reading[0] == "value" and len(reading[1]) == 1
    return reading[1] if is_constant else reading[3] if reading[0] == "value" and len(reading) > 3 else ()


def _texts(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    words, others = _letters(gold), _letters(answer)
    if words == others and len({_elements(gold), _elements(answer)} - {None}) > 1:
        return Finding(False, "elements are compared letter by letter")
    return Finding(words is not None and words == others, "words are compared, whatever their case")


def _elements(reading: Reading) -> str | None:
    """The elements of chemistry that an answer may name, which differ by their case: Co is not CO."""
    spelled = reading[2] if len(reading) > 2 else None
    return spelled if spelled and are_elements(spelled) else None


def _letters(reading: Reading) -> str | None:
    """The words of an answer, or the letters of a formula that is nothing else."""
    if reading[0] == "text":
        return reading[1]
    return reading[2].casefold() if reading[0] == "value" and reading[2] else None


def _names(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    if gold[0] == answer[0] and gold[4:] and answer[4:]:  # whose letters mean nothing
        (name, inner), (other_name, other_inner) = gold[4], answer[4]
        return compare(inner, other_inner, conventions) if name == other_name else Finding(False, "other functions")
    if gold[0] == answer[0]:
        inner = compare(gold[2], answer[2], conventions)
        is_one = _is_of(gold[1], answer[1]) or _is_of(answer[1], gold[1])
        is_one |= "y" in (gold[1], answer[1]) and _is_function(gold) and _is_function(answer)
        if not is_one and gold[3] and answer[3]:  # m=n and n=m
            finding = compare(gold[3], answer[3], conventions)
            return finding if finding.is_same else Finding(False, f"{gold[1]} is not {answer[1]}")
        return inner if is_one else Finding(False, f"{gold[1]} is not {answer[1]}")
    (_, name, value, equation, *_), other = (gold, answer) if gold[0] == "named" else (answer, gold)
    if "=" in name and other[0] in ("list", "tuple") and (other[0] == "list" or other[1] in ("()", "<>")):
        return _each_one(name.split("="), value, other[-1], conventions)
    if other[0] == "equation":
        return Finding(False, "one is an equation") if equation is None else compare(equation, other, conventions)
    return compare(value, other, conventions) if gold[0] == "named" else compare(other, value, conventions)


def _each_one(names: list[str], value: Reading, items: Sequence[Reading], conventions: Conventions) -> Finding:
    """``a=b=c=0`` beside ``(0,0,0)``, and beside a=0, b=0, c=0."""
    found = [item[1] for item in items if item[0] == "named"]
    if len(items) != len(names) or (found and sorted(found) != sorted(names)):
        return Finding(False, "other names")
    return in_order([value] * len(names), [i[2] if i[0] == "named" else i for i in items], conventions, compare)


def _is_of(name: str, other: str) -> bool:
    """Whether a name is the other, or one of several that have its letter: x_1 may be called x; a=b is b=a."""
    bare = _OF_LETTERS.sub("", name)  # f'(x) is f', u(x,t) is u
    return other in (name, bare, name.partition("_")[0]) or {*name.split("=")} == {*other.split("=")}


def _is_function(named: Reading) -> bool:
    """Whether this is ``y = 2x`` or ``f(x) = 2x``; its inverse and its derivative are others."""
    return bool(_FUNCTION.fullmatch(named[1])) and named[2][0] == "value" and len(named[2][1]) > 1


def _matrices(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    if gold[0] == answer[0] and gold[1] == answer[1]:
        return in_order(gold[2], answer[2], conventions, compare)
    matrix, other = (gold, answer) if gold[0] == "matrix" else (answer, gold)
    if other[0] == "set" and all(row[0] == "set" and len(row[1]) == matrix[1] for row in other[1]):  # of Mathematica
        return in_order(matrix[2], [entry for row in other[1] for entry in row[1]], conventions, compare)
    are_vectors = all(_is_vector(reading) for reading in (gold, answer))
    if not (conventions.vector_is_tuple and are_vectors):
        return Finding(False, "vector_is_tuple: one is a matrix of another shape, or none")
    return in_order(gold[-1], answer[-1], conventions, compare)


def _is_vector(reading: Reading) -> bool:
    if reading[0] == "matrix":
        return reading[1] == 1 or reading[1] == len(reading[2])
    return reading[0] == "list" or (reading[0] == "tuple" and reading[1] in ("()", "[]", "<>"))


def _values(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    if gold[0] != answer[0]:
        single, other = (gold, answer) if gold[0] == "set" else (answer, gold)
        if single[0] == "set" and len(single[1]) == 1:
            return compare(single[1][0], other, conventions)
        return Finding(False, f"one is {_KINDS[gold[0]]}, the other {_KINDS[answer[0]]}")
    return numbers(gold[1], answer[1], conventions)


def _joined(gold: Reading, answer: Reading, conventions: Conventions) -> Finding:
    if gold[0] != answer[0]:
        return Finding(False, f"one is {_KINDS[gold[0]]}, the other {_KINDS[answer[0]]}")
    return in_any_order(gold[1], answer[1], conventions, compare)


_RULES = {
    "unread": _unread,
    "proposition": _propositions,
    "option": _options,
    "family": _families,
    "where": _whole_numbers,
    "on": _on_a_part,
    "named": _names,
    "structure": _structures,
    "cases": _cases,
    "integers": integers,
    "letters": _letters_or_units,
    "total": _measures,
    "measured": _measures,
    "percent": _percents,
    "product": _products,
    "text": _texts,
    "region": regions,
    "matrix": _matrices,
    "and": _joined,
    "or": _joined,
    "equation": points,
    "inequality": points,
    "time": times,
    "ratio": ratios,
    "progression": progressions,
    "value": _values,
}
