"""`tts samples`: what a file shows is set and said, and what cannot be a study is refused before there is a folder."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tts_lib.commands import samples
from tts_lib.commands.__main__ import main

QUESTIONS = [{"id": f"q{i}", "problem": f"What is {i} + {i}?", "answer": str(2 * i)} for i in range(8)]


@pytest.fixture(autouse=True)
def _not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples.running, "run", lambda given: 0)


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def made(tmp_path: Path, rows: list[dict[str, Any]], *words: str) -> dict[str, Any]:
    """The settings of a study of these samples."""
    pool, asked = write(tmp_path / "pool.jsonl", rows), write(tmp_path / "questions.jsonl", QUESTIONS)
    given = ["samples", str(pool), "--questions", str(asked), "--into", str(tmp_path / "study"), "--yes", *words]
    assert main(given) == 0
    return yaml.safe_load((tmp_path / "study/params.yaml").read_text())


def texts(form: str, n_questions: int = 8) -> list[dict[str, Any]]:
    return [{"id": f"q{i}", "text": form.format(2 * i)} for i in range(n_questions) for _ in range(4)]


@pytest.mark.parametrize(
    ("form", "style"),
    [
        (r"So \boxed{{{}}}.", "boxed"),
        ("So it is\n#### {}", "marked"),
        ("In all they have {} of them", "number"),
        ("I add.\n# Answer\n{}", "heading"),
        ("I give up.", "marked"),
    ],
)
def test_the_reading_style_is_the_texts_own(tmp_path: Path, capsys: Any, form: str, style: str) -> None:
    assert made(tmp_path, texts(form))["replay"]["mine"]["style"] == style
    said = capsys.readouterr().out
    assert f"read in the style {style!r}" in said or "No text has an answer" in said


def test_a_text_that_marks_its_answer_otherwise_keeps_boxes_from_being_all(tmp_path: Path) -> None:
    rows = [*texts(r"So \boxed{{{}}}."), {"id": "q0", "text": "The answer is 0."}]
    assert made(tmp_path, rows)["replay"]["mine"]["style"] == "marked"


@pytest.mark.parametrize("n", [6, 8])
def test_a_pool_of_a_part_of_the_questions_is_partial_and_said(tmp_path: Path, capsys: Any, n: int) -> None:
    assert made(tmp_path, texts("#### {}", n))["replay"]["mine"]["partial"] == (n < 8)
    assert ("2 of 8 questions have no samples" in capsys.readouterr().out) == (n < 8)


def test_what_the_file_does_not_record_is_assumed_and_said(tmp_path: Path, capsys: Any) -> None:
    rows = [{"id": f"q{i}", "correct": n > i, "scores": [2.5, -1.0]} for i in range(8) for n in range(4)]
    base = made(tmp_path, rows)["replay"]["mine"]["base"]
    assert base["tokens_per_sample"] == 500.0 and base["scores"] == "logit"
    said = capsys.readouterr().out
    assert "taken to have 500 tokens" in said and "taken for logits" in said


def test_a_pool_of_unequal_questions_has_the_budgets_of_the_smallest_and_says_so(tmp_path: Path, capsys: Any) -> None:
    settings = made(tmp_path, texts("#### {}")[1:])
    assert settings["grid"]["budgets"] == [1, 2] and settings["difficulty"]["n_samples"] == 1
    assert "8 questions with 3 to 4 each" in (said := capsys.readouterr().out)
    assert "within 3 samples, which is all that the question with fewest has" in said


def test_a_sample_without_scores_counts_as_scored_0_which_is_said(tmp_path: Path, capsys: Any) -> None:
    rows = [row | {"step_scores": [0.5] if n % 2 else None} for n, row in enumerate(texts("#### {}"))]
    assert made(tmp_path, rows)["replay"]["mine"]["base"]["columns"]["step_scores"] == "step_scores"
    assert "16 of 32 samples have no step scores; they count as scored 0." in capsys.readouterr().out


def test_budgets_are_those_of_the_base_however_few_samples_the_larger_model_has(tmp_path: Path) -> None:
    large = write(tmp_path / "large.jsonl", texts("#### {}")[::4])
    settings = made(tmp_path, texts("#### {}"), "--large", str(large), "--parameters", "1e9", "1e10")
    assert settings["grid"]["budgets"] == [1, 2] and settings["difficulty"]["disjoint"]


def test_columns_that_are_not_used_and_scores_in_percent_are_said(tmp_path: Path, capsys: Any) -> None:
    rows = [
        row | {"score": 10.5 * n, "seed": 7, "note": ""} for row, n in zip(texts("#### {}"), [1, 5] * 16, strict=True)
    ]
    base = made(tmp_path, rows)["replay"]["mine"]["base"]
    assert base["columns"]["step_scores"] == "score" and base["scores"] == "percent"
    said = capsys.readouterr().out
    assert "pool.jsonl: not used: seed, note (" in said and "taken for percent, and divided by 100" in said


def test_samples_of_two_temperatures_are_asked_about(tmp_path: Path, capsys: Any) -> None:
    rows = [row | {"temperature": at} for row, at in zip(texts("#### {}"), [0.2, 1.0] * 16, strict=True)]
    with pytest.raises(AssertionError):
        made(tmp_path, rows)
    assert "mixes 2 temperatures (0.2, 1.0)" in capsys.readouterr().err
    base = made(tmp_path, rows, "--temperature", "1")["replay"]["mine"]["base"]
    assert base["rows_at"] == 1.0 and "16 samples of pool, 8 questions with 2 each" in capsys.readouterr().out


def test_a_log_whose_texts_are_nested_is_taken_by_paths_that_are_shown(tmp_path: Path, capsys: Any) -> None:
    rows: list[dict[str, Any]] = [
        {"custom_id": f"q{i}", "response": {"body": {"choices": [{"message": {"content": f"#### {2 * i}"}}] * 3}}}
        for i in range(7)
    ]
    rows.append({"custom_id": "q7", "response": None, "error": {"code": "batch_expired"}})
    mine = made(tmp_path, rows)["replay"]["mine"]
    assert mine["base"]["columns"] == {"question": "custom_id", "text": "response.body.choices[].message.content"}
    assert mine["partial"] is True
    said = capsys.readouterr().out
    assert (
        "21 samples of pool, 7 questions with 3 each" in said
        and "text: response.body.choices[].message.content" in said
    )
    assert "1 rows are left out, as they have nothing at response.body.choices[].message.content" in said


@pytest.mark.parametrize(
    ("rows", "words", "said"),
    [
        (texts("#### {}", 3), [], "samples of 3 questions, but a study needs at least 4"),
        ([*texts("#### {}"), {"id": "q9", "text": "9"}], [], "'q9' is not among the 8 questions"),
        (texts("#### {}"), ["--parameters", "0"], "n_params is 0.0, but must be"),
        (texts("#### {}"), ["--columns", "text"], "--columns has 'text', but must be OURS=THEIRS"),
        (texts("#### {}"), ["--columns", "text=text[].said"], "column 'text' is '#### 0', but must be a list"),
        (texts("#### {}"), ["--columns", "text=reply"], "line 1 has no column 'reply'; it has id, text"),
    ],
)
def test_what_cannot_be_a_study_leaves_no_folder(
    tmp_path: Path, capsys: Any, rows: list[dict[str, Any]], words: list[str], said: str
) -> None:
    pool, asked = write(tmp_path / "pool.jsonl", rows), write(tmp_path / "questions.jsonl", QUESTIONS)
    given = ["samples", str(pool), "--questions", str(asked), "--into", str(tmp_path / "study"), "--yes", *words]
    assert main(given) == 1
    assert said in capsys.readouterr().err and not (tmp_path / "study").exists()
