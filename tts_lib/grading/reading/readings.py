r"""What an answer says, read once: `equivalence` compares readings and nothing else.

A reading is a tuple of plain values (it is kept as JSON), its kind first:

``("value", numbers, letters)``: a formula: its number, or its numbers at fixed points; its letters, if it has no more;
    perhaps what it is worth if its letters are matrices
``("product", number, reading)``: a formula of matrices, and what it is if they are numbers
``("named", name, reading, equation)``: ``x=5``; the equation too, if the name is a variable
``("named", name, reading, None, (name, reading))``: ``f(t)=2t`` and ``a_k=2k``; also in x or n
``("list", items)``, ``("set", items)``, ``("tuple", brackets, items)``, ``("matrix", n_columns, items)``
``("and", items)``, ``("or", items)``: conditions, sets; alternatives in words
``("region", name, pieces, is_relation)``: a set of real numbers, or the inequalities whose solution it is
``("integers", name, ends)``: the whole numbers from an end to another one, None where there is none
``("cases", name, rows)``: a function by (where, what it is); ``("on", reading, region)``: one that is defined there
``("equation", numbers)``, ``("inequality", relation, numbers)``: the sides' difference at the points, up to a factor
``("ratio", numbers, multiples, perhaps)``: ``3:4``, also as multiples of its last part; perhaps a "clock" or a "range"
``("time", hours, minutes, seconds)``, ``("base", digits, base)``, ``("percent", value, hundredth)``
``("measured", reading, unit, sense, size)``: the size too, a value and what is measured, if the unit has one
``("letters", value, measured)``: ``5 m``, five times m or five metres
``("total", size, largest, items)``: ``2 h 15 min``, an amount in several units, and its number of the largest
``("progression", offset, step, formulas)``: a step times every whole number, the offset in steps; with usual letters
``("where", reading, kind)``: for whole numbers n, "zero" or "one" and on, either ("natural"), or all ("integer")
``("family", renamed, reading, numbers, names)``: with constants of any name, which are renamed, and as it is written;
    perhaps what a general solution is worth, and how its constants are called if not C_1 and C_2
``("span", kind, rows)``: what vectors span, by the rows of its reduced echelon form
``("proposition", letters, truths, reading)``: a formula of logic or of sets by its truth table, and what it is else
``("structure", name, parts, reading)``: a group, ring, field or distribution ("~normal"), and what it is else
``("option", letter, reading)``, ``("text", words)``, of elements of chemistry also as they are written
``("unread", verdict)``: too long, too deep, too large, or out of time
"""

import re
from fractions import Fraction

from tts_lib.grading.limits import is_readable
from tts_lib.grading.normal_form import normalise
from tts_lib.grading.reading import (
    amounts,
    cases,
    chemistry,
    dates,
    integers,
    matrices,
    notations,
    quantities,
    regions,
    vectors,
)
from tts_lib.grading.reading.conditions import Reading, all_of, in_turn, joined, region, region_of, united_intervals
from tts_lib.grading.reading.critical_points import critical_point
from tts_lib.grading.reading.dots import continued, has_dots
from tts_lib.grading.reading.families import for_all, of_parameter
from tts_lib.grading.reading.figure_relations import in_one_way
from tts_lib.grading.reading.formulas import Formula, formula
from tts_lib.grading.reading.logic import truth_table
from tts_lib.grading.reading.measures import in_several_units, measure, without_hedge
from tts_lib.grading.reading.number_words import with_digits
from tts_lib.grading.reading.products import product
from tts_lib.grading.reading.progressions import progressions
from tts_lib.grading.reading.quantifiers import quantified
from tts_lib.grading.reading.relations import (
    IDENTITY,
    ORDERS,
    are_lengths,
    bound,
    equation,
    inequality,
    is_of_another,
    is_quantity,
    is_square,
    is_variable,
    is_vector_name,
    name_of,
    names_in_brackets,
    names_of_one_value,
    quantity_name,
)
from tts_lib.grading.reading.sentences import value_said, verdict_said
from tts_lib.grading.reading.sets import membership
from tts_lib.grading.reading.signs import both_signs
from tts_lib.grading.reading.spans import span
from tts_lib.grading.reading.spoken import spoken
from tts_lib.grading.reading.structures import structure
from tts_lib.grading.reading.tokens import Token, Tokens, UnreadableError, brackets, split, tokens, written
from tts_lib.grading.reading.trees import unknowns
from tts_lib.grading.reading.twice import said_twice
from tts_lib.grading.reading.wording import in_words, words
from tts_lib.grading.reading.words import without_text
from tts_lib.grading.verdicts import ERROR

VERSION = 19  # of the rules in this package; raise it whenever a reading may change
_RELATIONS = ("=", *ORDERS, "in", "approx", "equiv", "to", "notin", "Rightarrow", "sim", "cong", "subset", "subseteq")
_LEADING = ("=", "approx", "to", "Rightarrow")  # which an answer may begin with
_FIELDS = {r"\mathbb{R}": "real", r"\mathbb{Z}": "integer", r"\mathbb{N}": "natural", r"\mathbb{Z}^+": "one"}
_WHOLE_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_WORDS = re.compile(r"[A-Za-z][\w ,;.'’-]+")
_NOUN = re.compile(r"[Aa]n? [a-z]{3,20}(?: [a-z]{3,20}){0,3}(?:(?<!s)|(?<=[iu]s)|(?<=ss))")  # but a side of "a units"


def read(text: str) -> Reading:
    """Return the reading of a normal form; never fails."""
    if not is_readable(text):
        return ("unread", ERROR)
    try:
        table = truth_table(text) or membership(text)
        if table is None:
            return _or_words(text)
        return ("proposition", *table, _or_words(text) if any(table[1]) or len(table[1]) > 1 else ("set", ()))
    except Exception:  # too large, too deep, out of memory, or whatever else a hostile text comes upon
        return ("unread", ERROR)


def _or_words(text: str) -> Reading:
    if (related := in_one_way(text)) is not None:
        return ("text", related)
    try:
        return _read(text)
    except UnreadableError:
        return words(text)


def _read(text: str) -> Reading:
    if (molecule := chemistry.species(text)) is not None:
        return ("text", molecule)
    plain = without_text(text)
    has_words = " " in plain
    if has_words and (said := dates.clock(plain) or spoken(plain)) is not None:
        return _read(said)
    if (has_words or text.count("-") == 2 or plain[:1].isupper()) and (day := dates.date(plain)):
        return ("text", day)
    if whole := _WHOLE_TEXT.fullmatch(text):
        return in_words(normalise(whole[1]), _read)
    if labelled := notations.option(text):
        label, rest = labelled
        return ("option", label, read(rest)) if rest else ("text", label)
    if letter := notations.letter_in_brackets(text):
        return ("text", letter)
    if (once := said_twice(text, _read)) is not None:
        return once
    if (counted := with_digits(text)) != text:
        return read(counted)
    if (found := progressions(text)) is not None:
        return found
    if (point := critical_point(plain, _read)) is not None:
        return point
    if (value := value_said(plain)) is not None:
        return _read(value)
    if (said := quantified(plain)) and (found := for_all(said, _read)) is not None:
        return found
    if _NOUN.fullmatch(text) or (_WORDS.fullmatch(text) and verdict_said(text) != text):
        return words(text)
    return of_parameter(row := tokens(text), _answer(row), _read)


# --- lists and conditions


def _answer(row: Tokens) -> Reading:
    if total := quantities.total(row):
        return total
    groups, _ = split(row, ";")
    if len(groups) > 1 and any(split(group, ",")[1] for group in groups):  # p=5,q=2; p=7,q=2
        return _list([_tuple(_items(group)) for group in groups if group])
    if split(row, *ORDERS)[1] and split(row, "cup")[1]:  # x<-2 \cup x>2
        row = [Token("command", "lor") if token.is_command("cup") else token for token in row]
    parts, cuts = split(row, "lor", "land", ",", ";")
    if any(split(part, *ORDERS)[1] for part in parts):
        if not split(parts[0], *ORDERS)[1] and (found := cases.on_a_part(parts, cuts, _item)) is not None:
            return found
        return joined([_item(part) for part in parts], cuts)
    return _alternatives(row) if "lor" in cuts else _list(_items(row))


def _alternatives(row: Tokens) -> Reading:
    """What stands between "or": a list of values; words and values of several unknowns are not all given at once."""
    rows = [group for group in split(row, "lor")[0] if group]
    groups = [_items(group) for group in rows]
    if len({written(group) for group in rows}) == len(rows) and amounts.are_one_number(groups):  # 3/5 or 0.6
        return amounts.exact_one([items[0] for items in groups])
    if (union := united_intervals([item for items in groups for item in items])) is not None:
        return union
    if len(groups) > 1 and all(_is_word(item) for items in groups for item in items):
        return ("or", tuple(map(_list, groups)))
    names = {item[1] for items in groups for item in items if item[0] == "named"}
    if len(names) < 2 or any(item[0] != "named" for items in groups for item in items):
        return _list([item for items in groups for item in items])
    if all(len(items) > 1 for items in groups):  # x=1, y=2 or x=3, y=4
        return _list([_tuple(items) for items in groups])
    return ("or", tuple(map(_list, groups)))


def _is_word(item: Reading) -> bool:
    return item[0] == "text" or (item[0] == "value" and item[2] is not None)


def _list(items: list[Reading]) -> Reading:
    if not items:
        raise UnreadableError("an empty list")
    return items[0] if len(items) == 1 else ("list", tuple(items))


def _tuple(items: list[Reading]) -> Reading:
    return _list(items) if len(items) < 2 else ("tuple", "()", tuple(items))


def _items(row: Tokens) -> list[Reading]:
    """What stands between commas, "and" and "or"; a plus-or-minus is two items."""
    items: list[Reading] = []
    for part in continued(split(row, "lor", "land", ",", ";")[0]):
        amounts_in_units = in_several_units(part) if part else []
        total = quantities.total(part)
        items += [total] if total else [_item(one) for amount in amounts_in_units for one in both_signs(amount)]
    return items


def _item(row: Tokens) -> Reading:
    try:
        return _statement(row)
    except UnreadableError:
        text = written(row)
        return words(text) if (said := spoken(text)) is None else _read(said)


# --- statements


def _statement(row: Tokens) -> Reading:
    parts, relations = split(row, *_RELATIONS)
    while relations and not parts[0] and relations[0] in _LEADING:  # "= 5"
        parts, relations = parts[1:], relations[1:]
    if not relations:
        return _value(parts[0])
    if set(relations) <= {"=", "approx"}:
        return _equation(parts, relations)
    if set(relations) <= set(ORDERS):
        return _inequalities(parts, relations)
    if relations == ["sim"] and (of := _value(parts[1]))[0] == "structure" and of[1].startswith("~"):
        return ("named", written(parts[0]), of, None)
    if relations == ["cong"] and (of := _value(parts[1]))[0] == "structure":
        return of
    if relations == ["in"]:
        return _member(written(parts[0]), _value(parts[1]))
    raise UnreadableError("a relation")


def _member(name: str, found: Reading) -> Reading:
    members = region_of(found) if found[0] != "set" else None
    return ("named", name, found, None) if members is None else region(name, members[2], False)


def _equation(parts: list[Tokens], relations: list[str]) -> Reading:
    """``name = value``, the last of a chain of equal numbers, or an equation in variables."""
    for i, relation in enumerate(relations):
        if relation == "approx" and (i > 0 or not name_of(parts[0])):  # what is exact stands before it
            parts = parts[: i + 1]
            break
    if len(parts) > 1 and not has_dots(parts[-1]):  # 1+2+...+100=5050
        parts = [part for part in parts if not has_dots(part)]
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return _value(first)
    if (name := names_of_one_value(parts)) and set(relations) == {"="}:  # a=b=c=0
        return ("named", name, _item(last), None)
    for side, other in ((first, last), (last, first)):
        if name := name_of(side):
            if is_of_another(side, other):
                raise UnreadableError("a function of another variable")
            value, names = said_twice(written(other), _read) or _item(other), names_in_brackets(side)
            if value[:2] == ("tuple", "()") and len(value[2]) == len(names):  # (x,y)=(1,2) is x=1, y=2
                return ("list", tuple(("named", *one, None) for one in zip(names, value[2], strict=True)))
            inside = equation(first, last) if is_variable(side) or is_square(side) or are_lengths(parts) else None
            of_letter, body = bound(side, other)
            return ("named", name, value, inside, *([(of_letter, _item(body))] if of_letter else []))
    if is_quantity(first, last):
        return ("named", quantity_name(first), _item(last), equation(first, last))
    if any(token.text in (",", "begin") for token in last) and is_vector_name(first, value := _item(last)):
        return ("named", quantity_name(first), value, None)
    is_constant = not any(unknowns(formula(measure(side).row).tree) for side in (first, last))
    found = IDENTITY if is_constant else equation(first, last)
    if found is None:
        raise UnreadableError("an equation that is undefined")
    return _value(last) if found == IDENTITY else found  # 7 + (-2) = 5


def _inequalities(parts: list[Tokens], relations: list[str]) -> Reading:
    sides = [formula(part) if amounts.infinite(part) is None else None for part in parts]
    found = [
        inequality(left, relation, right)
        for left, right, relation in zip(sides, sides[1:], relations, strict=False)
        if left is not None and right is not None
    ]
    if not found and len(parts) == 3 and is_variable(parts[1]) and set(relations) == {"<"}:  # from -oo to oo
        return region(written(parts[1]), regions.REALS, True)
    if not found:
        raise UnreadableError("nothing is compared")
    return all_of(found, set())


# --- values


def _value(row: Tokens) -> Reading:
    text = written(row)
    if (found := structure(text, _value)) is None:
        return _other_value(row, text)
    try:
        return ("structure", *found, _other_value(row, text))
    except UnreadableError:
        return ("structure", *found, words(text))


def _other_value(row: Tokens, text: str) -> Reading:
    if (end := amounts.infinite(row)) is not None:
        return ("value", (end,), None)
    if time := notations.time_of_day(text):
        return ("time", *time)
    if numbers := notations.parts_in_words(text):
        return amounts.ratio(list(map(tokens, numbers)), "range")
    if based := notations.in_base(text):
        digits, base = based
        return ("base", digits, base) if base != 10 else amounts.plain(Fraction(digits), "." in digits)
    if text == r"\mathbb{Z}^+":
        return ("integers", "", ((1, None),))
    if text in (r"\mathbb{R}", r"\emptyset"):
        return region("", regions.REALS, False) if text == r"\mathbb{R}" else ("set", ())
    if (found := span(text)) is not None:
        return found
    if split(row, "cup", "cap", "setminus")[1]:
        return _set_expression(row)
    if kind := brackets(row):
        return _enclosed(row, kind)
    if row and row[-1].is_sign(r"\%"):
        shown = without_hedge(row[:-1])
        return ("percent", amounts.multiple(shown, Fraction(1)), amounts.multiple(shown, Fraction(1, 100)))
    measured = measure(row)
    if measured.unit == "degree" and any(token.is_command("pi") for token in measured.row):
        raise UnreadableError("degrees of an angle in radians")
    if measured.unit or measured.sense or measured.factor != 1:
        value = _value(measured.row) if measured.factor == 1 else amounts.multiple(measured.row, measured.factor)
        is_measured = measured.unit or measured.sense
        return ("measured", value, measured.unit, measured.sense, quantities.size(measured)) if is_measured else value
    if (found := cases.by_cases(row, _item)) is not None:
        return found
    if any(token.is_command("begin") for token in row):
        if (found := matrices.determinant(row)) is not None:
            return amounts.amount(found)
        grid, is_decimal = matrices.matrix(row)
        items = [amounts.amount(Formula(entry, is_decimal)) for entries in grid for entry in entries]
        return ("matrix", len(grid[0]), tuple(items))
    if len(parts := split(row, ":")[0]) > 1:
        return amounts.ratio(parts, "clock" if notations.is_clock(text) else "")
    if (vector := vectors.combination(row)) is not None:
        return ("tuple", "()" if vector[0] == "()" else "<>", tuple(map(amounts.amount, vector[1])))
    if any(token.is_sign(",") for token in row) and (of := vectors.length(row) or vectors.product(row)) is not None:
        return amounts.amount(of) if isinstance(of, Formula) else ("tuple", "()", tuple(map(amounts.amount, of)))
    letters = text if text.isalpha() else None
    of_matrices = product(row)
    try:
        value = amounts.amount(formula(measured.row), letters)
    except UnreadableError:
        if of_matrices is None or not of_matrices[1]:
            raise
        return ("product", of_matrices[0], words(text))
    if of_matrices:
        if of_matrices[1]:
            return ("product", of_matrices[0], value)
        value = (*value, of_matrices[0])
    return ("letters", value, _value(named)) if (named := quantities.with_unit(row)) else value


def _enclosed(row: Tokens, kind: str) -> Reading:
    inner = row[1:-1]
    if kind == r"\{\}":
        if split(inner, ":", "|")[1]:
            return _by_condition(inner)
        return ("set", tuple(_items(inner)))
    if kind == "{}":
        return _answer(inner)
    if kind == "langlerangle":
        return ("tuple", "<>", tuple(_items(inner)))
    if kind not in ("()", "[]", "[)", "(]"):
        return amounts.amount(formula(row))
    rows = split(inner, ",")[0] if kind == "[]" else []
    if rows and all(brackets(row) == "[]" for row in rows):  # [[1,2],[3,4]]
        entries = [_items(row[1:-1]) for row in rows]
        if len({len(items) for items in entries}) == 1:
            return ("matrix", len(entries[0]), tuple(item for items in entries for item in items))
    if split(inner, ",", ";")[1]:
        return ("tuple", kind, tuple(_items(inner)))
    if kind not in ("()", "[]"):
        raise UnreadableError("an interval without two ends")
    try:
        return amounts.amount(formula(row), notations.letter_in_brackets(written(row)))
    except UnreadableError:
        return _read(written(inner))


def _by_condition(row: Tokens) -> Reading:
    r"""``\{x : x<2\}`` and ``\{x\in\mathbb{R} \mid x<2\}``: the real numbers of which the condition is true."""
    head, *conditions = split(row, ":")[0] if split(row, ":")[1] else split(row, "|")[0]
    name, *field = split(head, "in")[0]
    kind = _FIELDS.get(written(field[0])) if field else "real"
    if len(conditions) != 1 or not is_variable(name) or kind is None:
        raise UnreadableError("a set given by other conditions")
    bounds = region_of(found := _answer(conditions[0]))
    if bounds is None:
        bounds = region_of(found := _read(written(conditions[0])))
    if found[0] == "integers" and kind == "real":
        return ("integers", "", found[2])
    if bounds is None or bounds[1] != written(name):
        raise UnreadableError("a condition on something else")
    found = region("", bounds[2], False)
    if kind != "real" and (found := integers.within(found, kind)) is None:
        raise UnreadableError("no whole numbers")
    return found


def _set_expression(row: Tokens) -> Reading:
    """A union, intersection or difference of sets of real numbers, from left to right."""
    parts, operations = split(row, "cup", "cap", "setminus")
    read = [_value(part) for part in parts]
    found = [region_of(one) for one in read]
    if any(one is None for one in found):
        if set(operations) == {"cup"}:
            return ("or", tuple(read))
        raise UnreadableError("sets that are not of numbers")
    return in_turn([one[2] for one in found if one is not None], operations)
