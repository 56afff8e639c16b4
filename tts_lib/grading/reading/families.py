"""Answers that hold for all numbers of a kind, or with constants of any name; a part of `readings`."""

import re
from collections.abc import Callable

from tts_lib.grading.reading import amounts, constants, integers
from tts_lib.grading.reading.conditions import Reading
from tts_lib.grading.reading.formulas import Formula, formula
from tts_lib.grading.reading.quantifiers import Quantified
from tts_lib.grading.reading.solutions import linear_form
from tts_lib.grading.reading.tokens import Tokens, UnreadableError, split, tokens, written
from tts_lib.grading.reading.words import GREEK, WITHOUT_BACKSLASH

_CONDITIONED = ("value", "named", "tuple", "list", "set", "equation", "matrix", "where", "family")
_ARGUMENT = re.compile(r"[a-zA-Z](?:\(([a-z])\)|_\{?([kmn])\}?)=|([a-z])=")
_MAY_BE_CONSTANT = re.compile("[ABCDKck]")
_PARAMETERS = frozenset(["s", "t", "u", "\\lambda", "\\mu", "\\theta"])
_OF_WHOLE = frozenset("ijkmnNp")  # letters that stand for whole numbers


def for_all(said: Quantified, read: Callable[[str], Reading]) -> Reading | None:
    """An answer by what its letters stand for: all numbers that its function takes, constants of any name, integers."""
    argument = _ARGUMENT.match(said.body)
    is_of_argument = argument is not None and said.letters == (argument[1] or argument[2] or argument[3],)
    is_whole = said.kind not in ("", "real")
    if not any(letter in said.body for letter in said.letters) or (said.is_some and (is_of_argument or is_whole)):
        return None
    body = read(said.body)
    if is_whole and body[0] == "region" and said.letters == (body[1],):
        return integers.within(body, said.kind)
    if body[0] not in _CONDITIONED or (not said.kind and argument is None):
        return None
    if is_whole:
        return ("where", body, said.kind) if all(letter[0] in _OF_WHOLE for letter in said.letters) else None
    if is_of_argument:
        return body
    return ("family", read(written(constants.renamed(tokens(said.body), said.letters))), body)


def of_parameter(row: Tokens, found: Reading, read: Callable[[str], Reading]) -> Reading:
    """A point, or its coordinates by their names, that one parameter of any name gives, a solution with constants of
    any name; other readings as they are.
    """
    if found[0] == "named" and found[2][0] == "tuple" and len(parts := split(row, "=")[0]) == 2:  # r=(1,2)+t(3,4)
        family = of_parameter(parts[1], found[2], read)
        return ("family", (*found[:2], family[1], None), found) if family[0] == "family" else found
    if found[0] in ("value", "named"):
        return _of_constants(row, found)
    if found[0] not in ("list", "tuple"):
        return found
    names = {item[1] for item in found[1] if item[0] == "named"} if found[0] == "list" else set()
    if found[:2] not in (("tuple", "()"), ("tuple", "<>")) and len(names) < len(found[1]):
        return found
    letters = _letters(row) - names
    if len(letters) != 1 or not letters <= _PARAMETERS:
        return found
    return ("family", read(written(constants.renamed(row, tuple(letters)))), found)


def _of_constants(row: Tokens, found: Reading) -> Reading:
    value = found[2] if found[0] == "named" else found
    if value[0] != "value" or len(value[1]) < 2 or not any(_MAY_BE_CONSTANT.search(token.text) for token in row):
        return found
    *names, formula_of = split(row, "=")[0]
    if found[0] == "named" and len(names) == 1 and written(formula_of) == found[1]:  # Ce^x=y
        names, formula_of = [formula_of], names[0]
    if any(_MAY_BE_CONSTANT.search(written(name)) for name in names):  # f(c)=cx
        return found
    try:
        read = formula(formula_of)
    except UnreadableError:
        return found
    form = linear_form(read.tree, read.is_decimal)
    if (tree := constants.of_any_name(read.tree)) is None and form is None:
        return found
    renamed = amounts.amount(Formula(read.tree if tree is None else tree, read.is_decimal))
    family = ("family", ("named", found[1], renamed, None) if found[0] == "named" else renamed, found)
    return family if form is None else (*family, *form)


def _letters(row: Tokens) -> set[str]:
    runs = [token.text for token in row if token.kind == "letters" and token.text not in WITHOUT_BACKSLASH]
    return set("".join(runs)) | {f"\\{token.text}" for token in row if token.is_command(*GREEK)}
