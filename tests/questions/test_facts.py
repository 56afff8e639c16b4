"""Chains of facts: split by what they are about, each sentence checkable, and the committed files made of them."""

import json
from collections import Counter

import pandas as pd
import pytest

from helpers.pipeline import ROOT
from tts_lib.grading.words import grade
from tts_lib.questions.facts.__main__ import SEED, card
from tts_lib.questions.facts.checking import is_true, right_so_far, right_steps
from tts_lib.questions.facts.questions import MOST, files
from tts_lib.questions.facts.world import RELATIONS, facts, stated, table

FILES = files(SEED)
ALL = [question for part in FILES.values() for question in part]


def test_the_committed_files_are_those_that_are_made() -> None:
    for split, questions in FILES.items():
        lines = (ROOT / f"profiles/facts/{split}.jsonl").read_text().splitlines()
        assert [json.loads(line) for line in lines] == questions
    assert (ROOT / "profiles/facts/DATA_CARD.md").read_text() == card(FILES)


def test_there_are_enough_things_and_each_is_written_once() -> None:
    names = [row[column][0] for name, column in (("countries", "country"), ("works", "work"), ("elements", "element"))
             for row in table(name)]  # fmt: skip
    assert len(names) >= 200 and len(set(names)) == len(names)
    for column in ("capital", "sight"):
        values = [row[column][0] for row in table("countries") if row[column]]
        assert len(set(values)) == len(values)
    makers = [row["maker"][0] for row in table("works")]
    assert len(set(makers)) == len(makers)
    assert {row["country"][0] for row in table("works") if row["country"]} <= set(names)


def test_no_thing_of_a_test_question_is_in_training() -> None:
    about = {split: {question["group"] for question in part} for split, part in FILES.items()}
    assert not about["test"] & about["train"]
    tests = " ".join(str(q["problem"]) + " " + str(q["solution"]) for q in FILES["test"])
    for row in table("countries"):
        if row["country"][0] in about["train"]:
            assert f" {row['country'][0]}." not in tests and f"of {row['country'][0]} is" not in tests


@pytest.mark.parametrize("split", FILES)
def test_a_constant_guess_is_worth_nothing(split: str) -> None:
    (_, most), *_ = Counter(question["answer"] for question in FILES[split]).most_common(1)
    assert most <= MOST * len(FILES[split]) < 0.05 * len(FILES[split])
    assert len({question["problem"] for question in FILES[split]}) == len(FILES[split])


def test_every_solution_is_right_in_every_step() -> None:
    for question in ALL:
        steps = str(question["solution"]).split("\n")
        assert len(steps) == int(question["level"]) + 1
        assert all(right_so_far(str(question["answer"]), steps)), question


def test_every_fact_is_true_and_with_another_value_untrue() -> None:
    for name in RELATIONS:
        found = list(facts(name))
        for (row, things, values), (_, _, others) in zip(found, [*found[7:], *found[:7]], strict=True):
            assert is_true(stated(name, row, things[0], values[-1])) is True
            if not set(values) & set(others):
                assert is_true(stated(name, row, things[0], others[0])) is False, (name, things)


def test_what_is_not_known_is_not_judged() -> None:
    assert is_true("The Louvre is in France.") is None and is_true("It rains.") is None
    assert is_true("Lyon is the capital of France.") is False  # France has another
    assert is_true("the capital of france is PARIS") is True


def test_a_solution_is_right_until_it_states_something_untrue() -> None:
    steps = ["Paris is the capital of France.", "The currency of France is the yen.", "The answer is euro."]
    assert right_so_far("euro", steps) == [True, False, True]
    assert right_so_far("euro", ["Rome is the capital of France.", "The currency of France is the euro.", "No."]) == [
        False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "gold", "found"),
    [
        ("The answer is Brasília.", "Brasilia", ("brasilia", "correct")),
        ("x\nThe answer is the yuan.\n", "renminbi|yuan", ("renminbi", "correct")),
        ("The answer is THE Netherlands", "Netherlands", ("netherlands", "correct")),
        ("The answer is 79.", "79", ("79", "correct")),
        ("The answer is Au.", "Ag", ("au", "wrong")),
        ("The capital is Paris.", "Paris", (None, "no_answer")),
    ],
)
def test_words_are_graded_in_every_spelling(text: str, gold: str, found: tuple) -> None:
    assert grade(text, gold) == found


def test_questions_about_other_things_are_not_checked() -> None:
    problems = pd.DataFrame(FILES["test"][:20]).rename(columns={"unique_id": "question_id"})
    solutions = problems[["question_id"]].assign(text=problems["solution"] + "\n\n")
    found = right_steps(problems, solutions, "\n")
    assert found is not None and all(map(all, found)) and len(found) == 20
    assert [len(each) - 1 for each in found] == problems["level"].tolist()
    assert right_steps(problems.assign(solution="2 + 2 = 4\nThe answer is 4."), solutions, "\n") is None
    assert right_steps(problems.assign(solution=None), solutions, "\n") is None
