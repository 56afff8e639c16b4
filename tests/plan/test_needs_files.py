"""Files that a study takes from outside: what is missing is named, with its layout and where to get it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpers.example_study import REPLAY
from helpers.pipeline import ROOT
from tts_lib.plan.needs import files
from tts_lib.study.config import loading
from tts_lib.study.config.study import Study


def of_questions(questions: dict[str, Any]) -> Study:
    """The study of GSM8K with other questions."""
    study = loading.load(ROOT / "profiles/gsm8k.yaml").model_dump()
    return Study.model_validate(study | {"questions": {"mine": questions}})


def question_files(folder: Path, n: int = 20, **record: str) -> Study:
    """A study whose questions lie in `folder`/q, with n of them in each file."""
    record = record or {"problem": "What is {i} + {i}?", "answer": "{i}"}
    (folder / "q").mkdir()
    for name in ("test", "train"):
        rows = [{key: value.format(i=i) for key, value in record.items()} for i in range(n)]
        (folder / f"q/{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    questions = loading.load(ROOT / "profiles/gsm8k.yaml").model_dump()["questions"]["gsm8k"]
    questions |= {"folder": "q", "test": "test.jsonl", "train": "train.jsonl"}
    return of_questions(questions | {"n_test": 20, "n_train": 15, "n_val": 5})


def test_missing_questions_are_named_with_their_layout_and_where_to_get_them(tmp_path):
    study = question_files(tmp_path)
    (tmp_path / "q/test.jsonl").unlink()
    first, where = files.missing(study, tmp_path)
    assert first == f"questions.mine.test: there is no file {tmp_path}/q/test.jsonl."
    for word in ("problem and answer", "question", "####", "openai/prm800k", "openai/grade-school-math"):
        assert word in where


@pytest.mark.parametrize(
    "record",
    [{"problem": "What is {i}?", "answer": "{i}"}, {"question": "What is {i}?", "answer": "It is #### {i}"}],
    ids=["MATH", "GSM8K"],
)
def test_questions_in_either_layout_are_enough(tmp_path, record):
    assert list(files.missing(question_files(tmp_path, **record), tmp_path)) == []


@pytest.mark.parametrize(
    ("n", "record", "words"),
    [
        (20, {"text": "What is {i}?", "answer": "{i}"}, "questions.mine.test: .* called problem, .*problem and answer"),
        (19, {}, "n_test is 20, but .* has only 19 questions"),
    ],
)
def test_questions_that_cannot_be_used_are_named(tmp_path, n, record, words):
    found = list(files.missing(question_files(tmp_path, n, **record), tmp_path))
    assert len(found) == 2
    assert re.search(words, found[0]), found[0]


def test_questions_may_lie_in_the_study_itself(tmp_path):
    study = question_files(tmp_path)
    asked = study.questions["mine"].model_dump() | {"folder": ".", "test": "q/test.jsonl", "train": "q/train.jsonl"}
    assert list(files.missing(of_questions(asked), tmp_path)) == []


@pytest.mark.parametrize("folder", [".", "..", "./"])
def test_folders_of_a_replay_that_dvc_would_misread_are_named(tmp_path, folder):
    (tmp_path / "study").mkdir()
    text = REPLAY.replace("folder: pools", f"folder: {folder}")
    (found,) = files.missing(Study.model_validate(yaml.safe_load(text)), tmp_path / "study")
    assert found.startswith(f"replay.mine.folder is {folder}, ")


def replay_files(folder: Path, sample: dict[str, Any]) -> Study:
    (folder / "pools").mkdir()
    (folder / "pools/questions.jsonl").write_text('{"problem": "1+1?", "answer": "2"}\n')
    (folder / "pools/small.jsonl").write_text(json.dumps(sample) + "\n")
    many = {"problem": "1+1?", "answer": "2", "completions": ["2"], "scores": [[0.5]]}
    (folder / "pools/big.jsonl").write_text(json.dumps(many) + "\n")
    return Study.model_validate(yaml.safe_load(REPLAY))


def test_the_files_of_a_replay_are_looked_into(tmp_path):
    study = replay_files(tmp_path, {"id": 0, "answer": "2", "scores": [0.5]})
    assert list(files.missing(study, tmp_path)) == []
    (tmp_path / "pools/big.jsonl").unlink()
    (tmp_path / "pools/questions.jsonl").unlink()
    questions, pool = files.missing(study, tmp_path)
    assert "pools/questions.jsonl" in questions and "problem and answer" in questions
    assert (
        pool
        == f"replay.mine.large.path: there is no {tmp_path}/pools/big.jsonl with samples of big (search_and_learn)."
    )


def test_a_column_that_a_pool_lacks_is_named(tmp_path):
    (found,) = files.missing(replay_files(tmp_path, {"id": 0, "reply": "2", "scores": [0.5]}), tmp_path)
    assert "replay.mine.base" in found and "'answer'" in found
