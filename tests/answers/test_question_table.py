"""A table of questions: prompts encoded once, the one that does not fit named, answers judged against their own."""

import numpy as np
import pandas as pd
import pytest

from helpers.scripted_policy import CODEC
from tts_lib.answers.protocols import ContextOverflowError
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common.errors import StudyError
from tts_lib.grading.judging import Judged

TABLE = pd.DataFrame({"question_id": ["q1", "q0"], "problem": ["03a=?\n", "?b=07\n"], "answer": ["05", "12"]})


class CountingCodec:
    version = "counting"

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, texts):
        self.encoded += texts
        return CODEC.encode(texts)

    def decode(self, tokens):
        return CODEC.decode(tokens)


def test_questions_come_in_the_order_of_the_table_and_are_encoded_once():
    codec = CountingCodec()
    questions = QuestionTable(TABLE, codec)
    assert codec.encoded == []
    for _ in range(2):
        assert [question.question_id for question in questions] == ["q1", "q0"]
        assert CODEC.decode([question.prompt for question in questions]) == TABLE["problem"].tolist()
    assert list(questions.prompts) == ["q1", "q0"] and codec.encoded == TABLE["problem"].tolist()


def test_answers_are_judged_against_their_own_question():
    questions = QuestionTable(TABLE, CODEC)
    assert questions.judged("q1", ["=05$", "=12$"]).verdicts == ["correct", "wrong"]
    assert questions.judged("q0", ["=05$", "=12$"]).verdicts == ["wrong", "correct"]
    assert questions.judged("q0", ["=05$", "", "=05$"]).classes.tolist() == [0, -1, 0]


def test_the_judge_of_the_study_is_asked():
    class Noting:
        def judge(self, question_id, gold, texts):
            return Judged([f"{question_id} {gold}"], list(texts), np.zeros(1, int))

    judged = QuestionTable(TABLE, CODEC, Noting()).judged("q0", ["text"])
    assert judged.answers == ["q0 12"] and judged.verdicts == ["text"]


def test_a_table_without_answers_can_be_asked_and_scored():
    questions = QuestionTable(TABLE.drop(columns="answer"), CODEC)
    assert len(list(questions)) == 2
    with pytest.raises(KeyError):
        questions.judged("q0", ["=05$"])


@pytest.mark.parametrize(("text", "name"), [("?b=07\n", "q0"), ("03a=?\n03a05\n", "q1"), ("09c", "unknown")])
def test_the_question_whose_text_does_not_fit_is_named(text, name):
    questions = QuestionTable(TABLE, CODEC)
    with pytest.raises(StudyError, match=rf"^question {name}: it has 9 tokens$"), questions.naming():
        raise ContextOverflowError("it has 9 tokens", CODEC.encode([text])[0])


def test_other_errors_pass_as_they_are():
    with pytest.raises(ZeroDivisionError), QuestionTable(TABLE, CODEC).naming():
        raise ZeroDivisionError
