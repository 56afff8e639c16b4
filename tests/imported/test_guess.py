"""What a file of samples is taken for, by the names and values of its columns, in every kind of file."""

import gzip
import json
from pathlib import Path

import pytest

from tts_lib.common.errors import StudyError
from tts_lib.imported.guess import guess

ROW = {"uid": "a", "response": "so 7.5", "score": [0.5, 0.25], "is_correct": True, "tokens": 4, "model": "tiny"}


def test_rows_are_known_by_their_columns(tmp_path: Path) -> None:
    wanted = {"question": "uid", "text": "response", "correct": "is_correct", "step_scores": "score"}
    wanted |= {"n_tokens": "tokens", "model": "model"}
    for name in ("pool.jsonl", "pool.json", "pool.jsonl.gz"):
        content = json.dumps(ROW).encode()
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
        found = guess(tmp_path / name)
        assert (found.format, found.columns, found.models) == ("rows", wanted, ("tiny",))


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"problem": "P", "answer": "7", "completions": ["7"], "scores": [[0.5]]}, "search_and_learn"),
        ({"question": "P", "samples": ["7"], "gt_answer": "7"}, "large_language_monkeys"),
        ({"question": "P", "answer": 7.5}, "rows"),
    ],
)
def test_the_format_shows_in_the_columns_and_not_in_the_kind_of_file(tmp_path: Path, row: dict, kind: str) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("pool.jsonl", "pool.json", "folder/1.json"):
        (tmp_path / name).write_text(json.dumps(row))
        assert guess(tmp_path / name).format == kind
    assert guess(tmp_path / "folder").format == kind


def test_what_is_nothing_known_is_said(tmp_path: Path) -> None:
    (tmp_path / "pool.jsonl").write_text(json.dumps({"uid": 1, "colour": "red"}))
    with pytest.raises(StudyError, match=r"none of its columns \(uid, colour\) is plainly a text, an answer"):
        guess(tmp_path / "pool.jsonl")


GOLDS = {"a": "12", "b": "1,250"}
TEXTS = {"a": "5 + 7.\n#### 12", "b": "So the answer is 99."}


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ([{"id": i, "answer": TEXTS[i]} for i in "ab"], {"question": "id", "text": "answer"}),
        ([{"id": i, "prediction": r"So \boxed{12}."} for i in "ab"], {"question": "id", "text": "prediction"}),
        ([{"id": i, "answer": GOLDS[i]} for i in "ab"], {"question": "id", "answer": "answer"}),  # all right
        (
            [{"id": i, "response": TEXTS[i], "answer": GOLDS[i]} for i in "ab"],
            {"question": "id", "text": "response", "gold": "answer"},
        ),
        (
            [{"id": i, "response": TEXTS[i], "answer": f"Thus it is.\n#### {GOLDS[i]}"} for i in "a"],
            {"question": "id", "text": "response", "gold": "answer"},
        ),
        (
            [{"id": i, "response": TEXTS[i], "answer": "12"} for i in "ab"],
            {"question": "id", "text": "response", "answer": "answer"},
        ),
    ],
)
def test_a_column_called_answer_may_hold_texts_or_golds(tmp_path: Path, rows: list[dict], columns: dict) -> None:
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert guess(tmp_path / "pool.jsonl", golds=GOLDS).columns == columns


@pytest.mark.parametrize(
    ("drawn", "columns"),
    [
        (["It is 12.", "8"], {"question": "id", "text": "generations[]", "gold": "answer"}),
        (["8", "12", "-3/4"], {"question": "id", "answer": "generations[]", "gold": "answer"}),
    ],
)
def test_golds_beside_lists_of_samples_are_not_their_answers(tmp_path: Path, drawn: list[str], columns: dict) -> None:
    (tmp_path / "pool.jsonl").write_text(json.dumps({"id": "a", "answer": "12", "generations": drawn}))
    assert guess(tmp_path / "pool.jsonl", golds=GOLDS).columns == columns


@pytest.mark.parametrize("name", ["score", "reward", "orm_score"])
@pytest.mark.parametrize(("low", "high", "scale"), [(0, 0.8, "probability"), (-2.5, 70, "logit"), (0, 88, "percent")])
def test_one_number_a_sample_is_its_score_on_a_scale_that_its_range_tells(
    tmp_path: Path, name: str, low: float, high: float, scale: str
) -> None:
    for form in (float, lambda number: [number]):
        rows = [{"id": "a", "text": "so 7", name: form(number)} for number in (low, high)] + [{"id": "a", "text": "7"}]
        (tmp_path / "pool.jsonl").write_text("".join(json.dumps({name: None} | row) + "\n" for row in rows))
        found = guess(tmp_path / "pool.jsonl")
        assert (found.columns["step_scores"], found.scores, found.unused) == (name, scale, ())
    (tmp_path / "pool.csv").write_text(f"id,text,{name}\na,so 7,{low}\na,so 7,{high}\na,so 7,\n")
    assert guess(tmp_path / "pool.csv").scores == scale


def test_verdicts_may_be_words(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    for words, found in ((("correct", "Incorrect"), "verdict"), (("correct", "unsure"), None)):
        path.write_text("".join(json.dumps({"id": "a", "text": "7", "verdict": word}) + "\n" for word in words))
        assert guess(path).columns.get("correct") == found


def test_scores_of_no_scale_are_refused_and_verdicts_are_none(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(json.dumps({"id": "a", "text": "7", "score": n}) + "\n" for n in (0, 250)))
    with pytest.raises(StudyError, match="step scores reach above 100 and none is below 0"):
        guess(path)
    path.write_text("".join(json.dumps({"id": "a", "text": "7", "score": n, "seed": 3}) + "\n" for n in (0, 1.0)))
    found = guess(path)
    assert found.columns == {"question": "id", "text": "text"} and found.unused == ("score", "seed")


def test_columns_that_were_named_are_not_guessed(tmp_path: Path) -> None:
    row = {"doc": 3, "target": "12", "answer": "12", "label": "true", "scores": "[0.5 0.5]"}
    (tmp_path / "pool.jsonl").write_text(json.dumps(row))
    found = guess(tmp_path / "pool.jsonl", {"question": "doc", "answer": "target", "step_scores": "scores"})
    assert found.columns == {"question": "doc", "answer": "target", "step_scores": "scores", "correct": "label"}
    with pytest.raises(
        StudyError, match="--columns names 'reply', but what a column can be is one of question, sample"
    ):
        guess(tmp_path / "pool.jsonl", {"reply": "target"})
