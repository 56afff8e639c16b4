"""Teachers: which samples a model learns from."""

import pandas as pd
import pytest

from tts_lib.common.errors import StudyError
from tts_lib.training.teachers import COLUMNS, TEACHERS, kept

ROWS = [  # question, text, finish, verdict, answer class, score
    ("q0", "a", "end", "wrong", 0, 0.2),
    ("q0", "a", "end", "wrong", 0, 0.2),
    ("q0", "b", "end", "wrong", 0, 0.2),
    ("q0", "c", "end", "correct", 1, 0.9),
    ("q1", "d", "end", "wrong", 0, 0.1),
    ("q1", "e", "length", "correct", 1, 0.9),
    ("q1", "f", "end", "no_answer", -1, 0.9),
    ("q2", "g", "end", "no_answer", -1, 0.5),
]
SAMPLES = pd.DataFrame(ROWS, columns=["question_id", "text", "finish", "verdict", "answer_class", "score"])
SAMPLES["sample"] = SAMPLES.groupby("question_id").cumcount()


@pytest.mark.parametrize(
    ("teacher", "texts"),
    [
        ("gold", ["c"]),  # e is right and was cut off
        ("verifier", ["c"]),  # .9 against .6; in q1 the vote's answer was cut off, in q2 nobody answers
        ("majority", ["a", "b", "d"]),  # each text once; equal votes go to the first
        ("all", ["a", "b", "c", "d", "f", "g"]),
    ],
)
def test_a_teacher_keeps_what_it_holds_right(teacher: str, texts: list[str]) -> None:
    found = kept(teacher, SAMPLES, 8)
    assert found["text"].tolist() == texts and list(found) == COLUMNS


def test_of_a_question_the_first_different_texts_are_kept() -> None:
    assert kept("all", SAMPLES, 2)["text"].tolist() == ["a", "b", "d", "f", "g"]
    assert kept("all", SAMPLES, 1)["sample"].tolist() == [0, 0, 0]


def test_votes_need_no_labels() -> None:
    """With every verdict turned round what is kept stays the same, but for gold."""
    turned = SAMPLES.assign(verdict=SAMPLES["verdict"].map({"correct": "wrong", "wrong": "correct"}))
    for teacher in TEACHERS:
        same = kept(teacher, turned, 8)["text"].tolist() == kept(teacher, SAMPLES, 8)["text"].tolist()
        assert same == (teacher != "gold")


def test_a_round_that_keeps_nothing_says_what_to_change() -> None:
    sentence = "teacher gold keeps none of 2 samples of 1 questions; raise samples of the supplement, or give easier"
    with pytest.raises(StudyError, match=sentence):
        kept("gold", SAMPLES[:2], 8)
