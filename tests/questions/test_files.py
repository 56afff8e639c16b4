"""Files of records in every kind that people have, what their fields may hold, and questions read from them."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.pipeline import ROOT
from helpers.record_files import refusal, write
from tts_lib.questions.files import fields, questions
from tts_lib.questions.files.readers import TORN, Record, read_records

DATA = ROOT.parent / "shared/data"
real = pytest.mark.skipif(not DATA.is_dir(), reason="the public data (../shared/data) are not here")
ROWS = [{"q": "a", "n": 1, "text": 'x, "y"\nz é'}, {"q": "b", "n": 2, "text": "🎲"}]


def one(value: object, **others: object) -> Record:
    return Record(Path("f.jsonl"), "line", 3, {"v": value, **others})


# --- records


@pytest.mark.parametrize(
    "name", ["a.jsonl", "a.csv", "a.parquet", "a.json", "a.yaml", "a.jsonl.gz", "a.csv.gz", "a.json.gz", "a.yml.gz"]
)
def test_every_kind_of_file_holds_the_same_records(tmp_path: Path, name: str) -> None:
    records = list(read_records(write(tmp_path / name, ROWS)))
    assert [record.fields | {"n": int(record.fields["n"])} for record in records] == ROWS
    assert [record.number for record in records] == [1, 2]
    unit = {".jsonl": "line", ".csv": "row", ".parquet": "row"}.get(Path(name.removesuffix(".gz")).suffix, "record")
    assert records[1].place == f"{tmp_path / name}, {unit} 2"


def test_a_folder_is_the_files_in_it_by_name_however_deep(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".cache").mkdir()
    write(tmp_path / "b/1.parquet", ROWS[:1])
    write(tmp_path / "b/2.jsonl.gz", ROWS[1:])
    write(tmp_path / ".cache/3.jsonl", ROWS)  # hidden: of the tools that brought the files
    (tmp_path / "a.json").write_text(json.dumps(ROWS[1]))
    (tmp_path / "README.md").write_text("not a file of records")
    records = list(read_records(tmp_path))
    assert [record.fields["q"] for record in records] == ["b", "a", "b"]
    assert records[0].place == str(tmp_path / "a.json") and records[0].number is None


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("cut.jsonl.gz", gzip.compress(b'{"q": 1}\n' * 1000, mtime=0)[:-20], "cut.jsonl.gz is not a whole gzip file"),
        ("not.jsonl.gz", b'{"q": 1}\n', "not.jsonl.gz is not a whole gzip file"),
        ("a.parquet.gz", b"PAR1", "a.parquet.gz is of an unknown kind: a file of records ends in one of .jsonl, .parq"),
        ("a.txt", b"", "a.txt is of an unknown kind"),
        ("a.jsonl", b'{"q": 1e99999999999999999999}\n', "a.jsonl, line 1 is not valid JSON: a number of it"),
        ("b.jsonl", b'{"q": ' + b"[" * 100_000 + b"\n", "b.jsonl, line 1 is not valid JSON"),
        ("c.jsonl", b'{"q": "\xed\xa0\xbd"}\n', "c.jsonl, line 1 is not UTF-8 text (byte 8 of the line)"),
    ],
)
def test_a_broken_file_is_refused_in_a_sentence(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert sentence in refusal(lambda path: list(read_records(path)), tmp_path / name)


def test_text_of_a_table_that_is_not_utf_8_is_refused_in_a_sentence(tmp_path: Path) -> None:
    cells = pa.array([b"fine", b"\xff\xfe"], pa.binary()).cast(pa.string(), safe=False)
    pq.write_table(pa.table({"q": pa.Array.from_buffers(pa.string(), 2, cells.buffers())}), tmp_path / "a.parquet")
    assert "a.parquet is not a readable Parquet table" in refusal(
        lambda path: list(read_records(path)), tmp_path / "a.parquet"
    )


def test_half_a_character_is_replaced_and_a_whole_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"a": "x \\ud83d", "b": ["\\ude00 y", "\\ud83d\\ude00", "\\\\ud83d"], "c\\ud83d": {"d": "\\uDC00"}}\n'
    )
    (record,) = read_records(path)
    assert record.fields == {"a": f"x {TORN}", "b": [f"{TORN} y", "😀", "\\ud83d"], f"c{TORN}": {"d": TORN}}
    json.dumps(record.fields, ensure_ascii=False).encode()


# --- fields


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("1e-05", "0.00001"),
        ("1E-7", "0.0000001"),
        ("1e+20", "100000000000000000000"),
        ("6.02e23", "602000000000000000000000"),
        ("12.0", "12.0"),
        ("-0.5", "-0.5"),
        ("3", "3"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("0.12345678901234567890123", "0.12345678901234567890123"),  # more digits than a double has
        ("1e-400", "0." + "0" * 399 + "1"),  # a double would be 0
        ("1e400", "1" + "0" * 400),  # a double would be infinite
        ('"1e-05"', "1e-05"),  # a text stays as it is
        ("null", None),
    ],
)
def test_a_number_of_json_keeps_its_digits(tmp_path: Path, written: str, text: str | None) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"v": {written}}}\n')
    (record,) = read_records(tmp_path / "a.jsonl")
    assert fields.string(record, "v") == text


def test_a_number_of_a_table_is_its_shortest_digits(tmp_path: Path) -> None:
    values = [1e-05, 12.0, 1e20, 0.1]
    write(tmp_path / "a.parquet", [{"v": value} for value in values])
    found = [fields.string(record, "v") for record in read_records(tmp_path / "a.parquet")]
    assert found == ["0.00001", "12.0", "1" + "0" * 20, "0.1"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("1e2000"), Decimal("1e-2000")])
def test_a_number_without_digits_is_no_text(value: object) -> None:
    assert "f.jsonl, line 3, column 'v' is " in (said := refusal(fields.string, one(value), "v"))
    assert said.endswith("but must be a text, a number of at most 1,000 digits or null")


def test_whole_numbers_are_ids_and_counts_however_they_are_written() -> None:
    for value in (7, 7.0, Decimal("7.0"), "7"):
        assert fields.key(one(value), "v") == "7" and fields.count(one(value), "v", value) == 7
    for value in (7.5, Decimal("7.5"), True, None, float("nan"), Decimal("1e5000")):
        assert "must be a text or a whole number" in refusal(fields.key, one(value), "v")
    for right, wrong in (("correct", "incorrect"), ("Right", "WRONG"), ("passed", "fail"), (" True", "0")):
        assert (fields.truth(one(1), "v", right), fields.truth(one(1), "v", wrong)) == (True, False)
    assert fields.truth(one(1), "v", Decimal("1.0")) is True and fields.truth(one(1), "v", "0.0") is False
    assert fields.count(one(7), "v", " 7.0") == 7  # a table library's column with a gap, in CSV
    assert "column 'v' is 1.5, but" in refusal(fields.count, one(0), "v", Decimal("1.5"))


@pytest.mark.parametrize(
    ("value", "scores"),
    [
        ([0.5, 1], [0.5, 1.0]),
        ("[0.5, 1]", [0.5, 1.0]),
        (0.25, [0.25]),
        ("0.25", [0.25]),
        ([Decimal("0.144")], [0.144]),
        ([1.0000001, -1e-9], [1.0, 0.0]),  # sums of float32
        ([], None),
        ("[]", None),
        (None, None),
    ],
)
def test_step_scores_come_as_lists_or_as_json(value: object, scores: list[float] | None) -> None:
    found = fields.step_scores(one(value), "v", value)
    assert (None if found is None else found.tolist()) == scores


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("[0.144 0.949]", "'[0.144 0.949]'"),  # as numpy prints
        ("[0.5, nan]", "'[0.5, nan]'"),
        ("array([0.5])", "'array([0.5])'"),
        ("high", "'high'"),
        ("", "''"),
    ],
)
def test_a_text_that_is_no_list_of_scores_is_refused_with_an_example(value: str, shown: str) -> None:
    said = refusal(fields.step_scores, one(value), "v", value)
    assert f"f.jsonl, line 3, column 'v' is {shown}, but must be a number from 0 to 1" in said
    assert said.endswith("or a list of them in JSON, such as [0.144, 0.949]")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("[0.5, NaN]", "nan"),
        ("[0.5, null]", "None"),
        ([0.5, "0.5"], "'0.5'"),
        ([True], "True"),
        ([1.001], "1.001"),
        ([Decimal("3.2")], "3.2"),
        ([10**400], "1" + "0" * 59),
    ],
)
def test_what_is_no_score_is_refused(value: object, shown: str) -> None:
    said = refusal(fields.step_scores, one(value), "v", value)
    assert f"f.jsonl, line 3, column 'v' is {shown}" in said
    assert said.endswith("but must be a number from 0 to 1 (or declared percent or a logit)")


def test_logits_are_any_finite_numbers() -> None:
    found = fields.step_scores(one(0), "v", [-4.5, Decimal("6.1")], scale="logit")
    assert found is not None and found.tolist() == [-4.5, 6.1]
    for value in ([float("inf")], [float("nan")], ["x"]):
        assert "but must be a finite number" in refusal(
            lambda v: fields.step_scores(one(0), "v", v, None, "logit"), value
        )


def test_a_list_in_a_cell_is_json() -> None:
    assert fields.strings(one('["a", "b \\ud83d"]'), "v") == ["a", f"b {TORN}"]
    assert 'as JSON, ["a", "b"]' in refusal(fields.strings, one("['a', 'b']"), "v")
    assert "but must be a list of texts" in refusal(fields.strings, one('["a", 1]'), "v")


# --- questions


@real
@pytest.mark.parametrize(
    ("file", "n"), [("math500/math500.jsonl", 500), ("math_full/math_test.jsonl", 5000), ("gsm8k/test.jsonl", 1319)]
)
def test_question_files_are_read_whole(file: str, n: int) -> None:
    table = questions.load(DATA / file)
    assert list(table) == questions.COLUMNS and len(table) == n
    assert table["question_id"].is_unique and table["answer"].str.strip().ne("").all()
    levels = set(table["level"].fillna(0).tolist())
    assert levels == ({1, 2, 3, 4, 5} if "math" in file else {0})


def first(path: Path, row: dict) -> dict:
    return questions.load(write(path / "q.jsonl", [row])).to_dict("records")[0]


def test_questions_of_every_kind(tmp_path: Path) -> None:
    math = first(tmp_path, {"problem": "P", "answer": "1", "level": "Level 4", "subject": "Algebra", "unique_id": "u"})
    wanted = {"question_id": "u", "statement": "P", "answer": "1", "subject": "Algebra", "level": 4}
    assert math | wanted == math
    assert first(tmp_path, {"problem": "P", "answer": "1", "level": 2})["level"] == 2
    assert pd.isna(first(tmp_path, {"problem": "P", "answer": "1", "level": 10**40})["level"])
    for name in ("question_id", "problem_id", "task_id"):
        assert first(tmp_path, {name: "u", "problem": "P", "answer": "1"})["question_id"] == "u"
    gsm = first(tmp_path, {"question": "P", "answer": "so\n#### 1,200"})
    assert gsm | {"question_id": "0", "problem": "P", "solution": "so\n#### 1,200", "answer": "1200"} == gsm
    assert first(tmp_path, {"id": 5, "question": "P", "answer": "so", "final": "3"})["answer"] == "3"
    assert first(tmp_path, {"question": "P", "answer": 2e-06})["answer"] == "0.000002"
    for row, sentence in [
        ({"question": "P", "answer": "so\n#### "}, "line 1, column 'answer' has no gold: it must follow the ####"),
        ({"problem": " ", "answer": "1"}, "line 1, column 'problem' is empty"),
        ({"problem": "P"}, "line 1 has no column with the gold, called answer, gold, gt, gt_"),
        ({"text": "P", "answer": "1"}, "the question's text, called problem, question or prompt; it has text, answer"),
        ({"problem": "P", "solution": "so 3"}, r"line 1, column 'solution' has no gold: it must hold it in a \boxed{}"),
        ({"problem": "P", "solution": r"\boxed{3"}, "line 1, column 'solution' has no gold"),
        ({"problem": "P", "solution": None}, "line 1, column 'solution' is empty"),
        ({"problem": "P", "solution": "so \\boxed{}"}, "line 1, column 'solution' has no gold"),
        (
            {"problem": "P", "answer": float("nan")},
            "line 1, column 'answer' is nan, but must be a text, a number of at",
        ),
        ({"problem": "P", "answer": ["1"]}, "line 1, column 'answer' is ['1'], but must be a text or null"),
        ({"question": "P", "final": None, "answer": "#### 1"}, "line 1, column 'final' is empty, but must be a text"),
    ]:
        assert sentence in refusal(first, tmp_path, row)
    twice = write(tmp_path / "q.jsonl", [{"id": 1, "problem": "P", "answer": "1"}] * 2)
    assert "q.jsonl, line 2 has the question id '1', as " in refusal(questions.load, twice)


MATH = [
    {"problem": "What is $1+1$?", "level": "Level 1", "type": "Prealgebra", "solution": "It is $\\boxed{2}$."},
    {
        "problem": "Solve.",
        "level": "Level ?",
        "type": "Geometry",
        "solution": "First \\boxed{5}. Then $\\boxed{\\frac12}$",
    },
    {"problem": "All.", "level": "Level 5", "type": "Algebra", "solution": "$x = \\boxed{1}$ or $x = \\boxed{-3}$"},
]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
@pytest.mark.parametrize("text", questions.TEXTS)
@pytest.mark.parametrize("gold", ["answer", "gold", "target", "final_answer"])
def test_a_text_and_a_bare_gold_are_a_question_whatever_they_are_called(
    tmp_path: Path, suffix: str, text: str, gold: str
) -> None:
    rows = [
        {"id": 1, text: "2 + 2?", gold: 4},
        {"id": 2, text: "P", gold: "1,5 m"},
        {"id": 3, text: "P", gold: "#### 6"},
    ]
    table = questions.load(write(tmp_path / f"q{suffix}", rows))
    assert table["answer"].tolist() == ["4", "1,5 m", "6"] and table["problem"].tolist() == ["2 + 2?", "P", "P"]
    assert table["question_id"].tolist() == ["1", "2", "3"] and table["solution"].isna().tolist() == [True, True, False]


def test_math_as_published_has_its_golds_in_boxes(tmp_path: Path) -> None:
    table = questions.load(write(tmp_path / "q.jsonl", MATH))
    assert table["answer"].tolist() == ["2", "\\frac12", "1, -3"]
    assert table["subject"].tolist() == ["Prealgebra", "Geometry", "Algebra"]
    assert table["level"].fillna(0).tolist() == [1, 0, 5] and table["question_id"].tolist() == ["0", "1", "2"]


def test_a_folder_with_a_file_a_question_names_them_by_their_files(tmp_path: Path) -> None:
    for name, row in zip(("algebra/7.json", "algebra/10.json", "geometry/7.json"), MATH, strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(row))
    table = questions.load(tmp_path)
    assert table.set_index("question_id")["answer"].to_dict() == {
        "algebra/7.json": "2",
        "algebra/10.json": "\\frac12",
        "geometry/7.json": "1, -3",
    }
    assert "q.jsonl holds no questions" in refusal(questions.load, write(tmp_path / "q.jsonl", []))


def test_a_gold_is_bare_or_in_a_solution() -> None:
    for text, gold in [("7", "7"), ("so \\boxed{7}", "7"), ("so\n#### 1,200", "1200"), ("x^2 + 3", "x^2 + 3")]:
        assert questions.bare_gold(text) == gold
