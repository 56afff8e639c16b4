"""Paths into records: what they find, how they spread over samples, and what is said where they lead nowhere."""

import random
from pathlib import Path
from typing import Any

import pytest

from helpers.record_files import refusal
from tts_lib.common.errors import StudyError
from tts_lib.imported import paths
from tts_lib.questions.files.readers import Record


def record(**fields: Any) -> Record:
    return Record(Path("log.jsonl"), "line", 3, fields)


CHOICES = [{"message": {"content": "a"}, "n": 1}, {"message": {"content": None}, "n": 2}]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("id", {(): "q"}),
        ("choices[].message.content", {(0,): "a", (1,): None}),
        ("choices[-1].n", {(): 2}),
        ("choices[7].n", {(): None}),
        ("resps[][]", {(0, 0): "x", (0, 1): "y"}),
        ("none[].text", {(): None}),
        ("empty[]", {(): None}),
        ("choices[].message.role", {(0,): None, (1,): None}),
        ("cell[]", {(0,): "u", (1,): "v"}),
        ("dotted.name[]", {(): "a column of this very name"}),
    ],
)
def test_a_path_finds_values_by_their_places(path: str, found: dict) -> None:
    log = record(id="q", choices=CHOICES, resps=[["x", "y"]], none=None, empty=[], cell='["u", "v"]')
    log.fields["dotted.name[]"] = "a column of this very name"
    assert paths.values(log, path) == found


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("other.text", "log.jsonl, line 3 has no column 'other'; it has id, choices"),
        ("choices.text", "line 3, column 'choices' is [{'message': "),
        ("choices[].n[]", "line 3, column 'choices[0].n' is 1, but must be a list (in a CSV file as JSON"),
        ("id.text", "line 3, column 'id' is 'q', but must be a record with the field 'text'"),
        ("choices[*].n", "'choices[*].n' is no path"),
        ("choices..n", "'choices..n' is no path"),
        ("choices[99999999999]", "is no path"),
    ],
)
def test_a_path_that_cannot_lead_anywhere_is_refused(path: str, sentence: str) -> None:
    assert sentence in refusal(paths.values, record(id="q", choices=CHOICES), path)


def test_any_text_is_a_path_or_refused() -> None:
    draw = random.Random(0)
    for _ in range(2000):
        path = "".join(
            draw.choices(["id", "choices", "n", ".", "[", "]", "[]", "0", "-", "*", " ", "\n"], k=draw.randrange(6))
        )
        try:
            assert isinstance(paths.values(record(id="q", choices=CHOICES), path), dict)
        except StudyError as error:
            assert str(error)


def spread(log: Record, **columns: str) -> list[dict[str, Any]]:
    samples = paths.samples(log, columns, {"question", "gold"})
    return [{ours: row.fields[where] for ours, where in place.items()} for row, place in samples]


def test_what_a_question_has_in_common_is_said_of_each_sample() -> None:
    log = record(id="q", choices=CHOICES, tokens=9)
    first, second = spread(log, question="id", text="choices[].message.content", n_tokens="tokens")
    assert first == {"question": "q", "text": "a", "n_tokens": None}  # 9 tokens of both are not those of either
    assert second == {"question": "q", "text": None, "n_tokens": None}
    log.fields["choices"] = CHOICES[:1]
    assert spread(log, question="id", text="choices[].message.content", n_tokens="tokens")[0]["n_tokens"] == 9


def test_lists_beside_each_other_are_samples_of_one_number() -> None:
    log = record(texts=["a", "b"], verdicts=[True, False], finish=None)
    rows = spread(log, text="texts[]", correct="verdicts[]", finish="finish[]")
    assert [row["correct"] for row in rows] == [True, False] and [row["finish"] for row in rows] == [None, None]
    log.fields["verdicts"] = [True]
    assert "'verdicts[]' has 1 entries for 2 samples of 'texts[]'" in refusal(
        lambda: spread(log, text="texts[]", correct="verdicts[]")
    )


def test_questions_of_one_document_keep_their_own_samples() -> None:
    log = record(samples=[{"id": "a", "out": ["x", "y"]}, {"id": "b", "out": []}, {"id": "c", "out": ["z"]}])
    rows = spread(log, question="samples[].id", text="samples[].out[]")
    assert [tuple(row.values()) for row in rows] == [("a", "x"), ("a", "y"), ("c", "z"), ()]  # the last is no sample


def test_samples_are_named_by_where_they_stand() -> None:
    (_, place), _ = paths.samples(record(resps=[["x", "y"]]), {"text": "resps[][]"}, set())
    assert place == {"text": "resps[0][0]"}


def test_where_nothing_stands_is_said_with_what_is_there() -> None:
    log = record(choices=CHOICES)
    assert "nothing at 'choices[].text'; at 'choices[]' is message, n" in paths.nothing_at(log, "choices[].text")
    assert "nothing at 'choices[5].n'; at 'choices' is a list of 2" in paths.nothing_at(log, "choices[5].n")
    assert paths.texts_in(log.fields) == ["choices[].message.content"]
