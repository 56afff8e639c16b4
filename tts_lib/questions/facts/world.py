"""The facts: three tables of things that neither age nor are disputed, and the ways in which they are stated and asked.

A cell holds the spellings that count, the first of them used; an empty one is left unsaid, because it is disputed or
changes (the currency of a country that takes another one, the capital of one that moves it).
"""

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

Row = Mapping[str, tuple[str, ...]]  # column -> spellings, none if unsaid

PAST = {"written": "wrote"}  # of verbs whose past is not their participle


class Relation(NamedTuple):
    """One way from a thing to a value, in words: {a} the thing, {b} the value, {made} how a work came about."""

    sentence: str  # states it
    asked: str  # asks for the value
    noun: str  # stands for the value in a longer question
    source: str  # table and column of the thing
    target: str  # column of the value
    is_unique: bool = True  # no other thing has this value


RELATIONS = {
    "capital": Relation(
        "The capital of {a} is {b}.", "What is the capital of {a}?", "", "countries.country", "capital"
    ),
    "currency": Relation(
        "The currency of {a} is the {b}.", "What is the currency of {a}?", "", "countries.country", "currency", False
    ),
    "language": Relation(
        "The main language of {a} is {b}.", "What is the main language of {a}?", "", "countries.country", "language",
        False,
    ),
    "capital_of": Relation(
        "{a} is the capital of {b}.", "Which country has the capital {a}?", "the country with the capital {a}",
        "countries.capital", "country",
    ),
    "sight_in": Relation(
        "{a} is in {b}.", "In which country is {a}?", "the country that has {a}", "countries.sight", "country", False
    ),
    "maker": Relation(
        "{a} was {made} by {b}.", "Who {past} {a}?", "the person who {past} {a}", "works.work", "maker", False
    ),
    "from": Relation(
        "{a} came from {b}.", "Which country did {a} come from?", "the country that {a} came from", "works.maker",
        "country", False,
    ),
    "symbol": Relation(
        "The chemical symbol of {a} is {b}.", "What is the chemical symbol of {a}?", "", "elements.element", "symbol"
    ),
    "number": Relation(
        "The atomic number of {a} is {b}.", "What is the atomic number of {a}?", "", "elements.element", "number"
    ),
    "symbol_of": Relation(
        "{a} is the chemical symbol of {b}.", "Which element has the chemical symbol {a}?",
        "the element with the chemical symbol {a}", "elements.symbol", "element",
    ),
    "number_of": Relation(
        "{a} is the atomic number of {b}.", "Which element has the atomic number {a}?",
        "the element with the atomic number {a}", "elements.number", "element",
    ),
}  # fmt: skip


@cache
def table(name: str) -> list[Row]:
    """countries, works or elements, in the order of the file."""
    with (Path(__file__).parent / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="|")
        return [{column: tuple(filter(None, cell.split("/"))) for column, cell in row.items()} for row in rows]


def facts(name: str) -> Iterator[tuple[Row, tuple[str, ...], tuple[str, ...]]]:
    """(row, spellings of the thing, spellings of the value) of each fact of a relation."""
    relation = RELATIONS[name]
    source, column = relation.source.split(".")
    for row in table(source):
        if row[column] and row[relation.target]:
            yield row, row[column], row[relation.target]


def stated(name: str, row: Row, thing: str, value: str) -> str:
    """The sentence that states a fact."""
    text = RELATIONS[name].sentence.format(a=thing, b=value, made=_made(row))
    return text[0].upper() + text[1:]


def in_words(template: str, row: Row, thing: str) -> str:
    """A question or a noun of a relation, about a thing."""
    made = _made(row)
    return template.format(a=thing, made=made, past=PAST.get(made, made))


def _made(row: Row) -> str:
    return row["made"][0] if "made" in row else ""
