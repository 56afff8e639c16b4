"""Questions of one to three hops through the facts, split by what they are about."""

from collections import Counter
from collections.abc import Iterator, Mapping

from tts_lib.common import rng
from tts_lib.grading.words import OR
from tts_lib.questions.facts.world import RELATIONS, Row, facts, in_words, stated, table

MOST = 0.04  # of the questions of a split may have one answer: what a constant guess can hit
TEST_SHARE = 0.45  # of the things that questions are about; the others are for training and validation
_GOALS = ("capital", "currency", "language")
CHAINS = {  # subject -> the relations that its questions follow
    "country": [(goal,) for goal in _GOALS],
    "capital": [("capital_of",), ("capital_of", "currency"), ("capital_of", "language")],
    "sight": [("sight_in",), *(("sight_in", goal) for goal in _GOALS)],
    "person": [("from",), *(("from", goal) for goal in _GOALS)],
    "work": [("maker",), ("maker", "from"), *(("maker", "from", goal) for goal in _GOALS)],
    "element": [
        ("symbol",),
        ("number",),
        ("symbol_of",),
        ("symbol_of", "number"),
        ("number_of",),
        ("number_of", "symbol"),
    ],
}

Question = dict[str, str | int]


def files(seed: int) -> dict[str, list[Question]]:
    """The questions of the test and the training file, shuffled, in the columns of a question file of MATH.

    `group` is what a question is about. A country goes with its sights, and with the works and people that came from
    it: no thing that a test question names or goes through occurs in training. (Kinds of values do: many countries
    speak Spanish.)
    """
    for_test = _things_for_test(seed)
    found: dict[str, list[Question]] = {"test": [], "train": []}
    for question in _all():
        found["test" if question["group"] in for_test else "train"].append(question)
    return {split: _numbered(split, _balanced(part, seed, split)) for split, part in found.items()}


def _things_for_test(seed: int) -> set[str]:
    """Countries, elements, and works whose maker's country is unsaid, the same share of each."""
    generator, chosen, known = rng.generator("facts", seed, "split"), set(), set()
    for name in ("countries", "elements", "works"):
        fresh = sorted({_key(row) for row in table(name)} - known)
        known |= set(fresh)
        chosen |= {fresh[i] for i in generator.permutation(len(fresh))[: round(TEST_SHARE * len(fresh))]}
    return chosen


def _key(row: Row) -> str:
    """What a row is about."""
    return next(row[column][0] for column in ("country", "element", "work") if row.get(column))


def _all() -> Iterator[Question]:
    values = {name: {things[0]: (row, spelt) for row, things, spelt in facts(name)} for name in RELATIONS}
    for subject, chains in CHAINS.items():
        for chain in chains:
            for thing, (row, _) in values[chain[0]].items():
                if (question := _asked(subject, chain, thing, values)) is not None:
                    yield question | {"group": _key(row)}


def _asked(subject: str, chain: tuple[str, ...], thing: str, values: Mapping[str, dict]) -> Question | None:
    """The question that starts from a thing; None if a fact on its way is unsaid."""
    words, steps, spelt, asked = thing, [], (thing,), ""
    for name in chain:
        if thing not in values[name]:
            return None
        row, spelt = values[name][thing]
        steps.append(stated(name, row, thing, spelt[0]))
        asked, words = in_words(RELATIONS[name].asked, row, words), in_words(RELATIONS[name].noun, row, words)
        thing = spelt[0]
    answer = bare(spelt[0])
    return {
        "problem": asked,
        "solution": "\n".join([*steps, f"The answer is {answer}."]),
        "answer": OR.join(bare(each) for each in spelt),
        "subject": subject,
        "level": len(chain),
    }


def bare(value: str) -> str:
    """A value without its article."""
    return value.removeprefix("the ")


def _balanced(questions: list[Question], seed: int, split: str) -> list[Question]:
    """The questions shuffled, without those whose answers would be too frequent."""
    order = rng.generator("facts", seed, split).permutation(len(questions))
    kept = [questions[i] for i in order]
    while True:
        most, seen, fewer = int(MOST * len(kept)), Counter(), []
        for question in kept:
            seen[question["answer"]] += 1
            if seen[question["answer"]] <= most:
                fewer.append(question)
        if len(fewer) == len(kept):
            return kept
        kept = fewer


def _numbered(split: str, questions: list[Question]) -> list[Question]:
    return [{"unique_id": f"{split}-{i}", **question} for i, question in enumerate(questions)]
