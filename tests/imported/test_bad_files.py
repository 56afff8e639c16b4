"""Broken files of samples: each is refused in one sentence that says where, what is there and what may be."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.record_files import refusal
from tts_lib.imported.sources import Columns, Source, read

ROWS = [
    {"q": "a", "i": 0, "a": "1", "s": [0.5], "n": 3, "m": "z"},
    {"q": "b", "i": 0, "a": "2", "s": [0.5], "n": 4, "m": "z"},
]
COLUMNS = Columns("q", sample="i", answer="a", step_scores="s", n_tokens="n", model="m")
ANSWERS = Columns("q", answer="a")


def lines(*rows: dict) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def first(**changed: object) -> bytes:
    return lines(ROWS[0] | changed, ROWS[1])


GZIP = gzip.compress(lines(*ROWS) * 500, mtime=0)
BAD_TEXTS = {
    "half.jsonl.gz": (GZIP[: len(GZIP) // 2], "is not a whole gzip file: Compressed file ended before"),
    "head.jsonl.gz": (GZIP[:5], "is not a whole gzip file: Compressed file ended before"),
    "bit.jsonl.gz": (GZIP[:-6] + bytes([GZIP[-6] ^ 255]) + GZIP[-5:], "is not a whole gzip file: CRC check failed"),
    "none.jsonl.gz": (b"", "holds no samples: the pool is empty"),
    "plain.csv.gz": (b"q,a\na,1\n", "is not a whole gzip file: Not a gzipped file"),
    "packed.jsonl": (GZIP, ", line 1 is not UTF-8 text (byte 2 of the line)"),
    "blank.jsonl": (b"\n\n \n", "holds no samples"),
    "mark.jsonl": (b"\xef\xbb\xbf", "holds no samples"),
    "marks.jsonl": (b"\xef\xbb\xbf\xef\xbb\xbf" + lines(*ROWS), ", line 1 is not valid JSON: Unexpected UTF-8 BOM"),
    "utf16.jsonl": ("{}".encode("utf-16"), ", line 1 is not UTF-8 text (byte 1 of the line)"),
    "mac.jsonl": (lines(*ROWS).replace(b"\n", b"\r"), ", line 1 is not valid JSON: Extra data"),
    "nul.jsonl": (b'{"q": "a\x00"}\n', ", line 1 is not valid JSON: Invalid control character"),
    "torn.jsonl": (b'{"q": "\xed\xa0\x80", "a": "1"}\n', ", line 1 is not UTF-8 text (byte 8 of the line)"),
    "digits.jsonl": (b'{"q": "a", "a": ' + b"9" * 5000 + b"}\n", ", line 1 is not valid JSON: a number of it, or how"),
    "nan.jsonl": (b'{"q": "a", "a": NaN}\n', ", line 1, column 'a' is nan, but must be a text, a number of at most"),
    "inf.jsonl": (b'{"q": "a", "a": -Infinity}\n', ", line 1, column 'a' is -inf, but must be a text, a number of at"),
    "list.jsonl": (first(a=["1"]), ", line 1, column 'a' is ['1'], but must be a text or null"),
    "true.jsonl": (first(a=True), ", line 1, column 'a' is True, but must be a text or null"),
    "key.jsonl": (first(q=["a"]), ", line 1, column 'q' is ['a'], but must be a text or a whole number"),
    "headless.csv": (b"a,1\nb,2\n", ", row 1 has no column 'q'; it has a, 1"),
    "semicolon.csv": (b"q;a\na;1\n", ", row 1 has no column 'a'; it has q;a"),
    "open.csv": (b'q,a\na,"1\nb,2\n', "is not a valid CSV file at line 3: unexpected end of data"),
    "gap.csv": (b"q,a\na,1\n\nb,2\n", ", row 2 has 0 cells, but the header names 2 columns"),
    "nameless.csv": (b",a\na,1\n", ", row 1 has no column 'q'; it has , a"),
    "twice.csv": (b"q,a,a\na,1,2\n", "has the column 'a' twice; each column needs a name of its own"),
    "header.csv": (b"q,a\n", "holds no samples"),
    "empty.csv": (b"", "holds no samples"),
    "torn.csv": (b"q,a\n\xed\xa0\x80,1\n", ", line 2 is not UTF-8 text (byte 1 of the line)"),
    "word.json": (b'"x"', "must be a record of named fields, not str"),
    "numbers.json": (b"[1, 2]", ", record 1 must be a record of named fields, not int"),
    "cut.json": (b'[{"q": "a"},', "is not valid JSON: Expecting value"),
    "empty.json": (b"", "is not valid JSON: Expecting value"),
    "tab.yaml": (b"- q: a\n\t a: 1\n", "is not valid YAML: while scanning"),
    "object.yaml": (b'- !!python/object/apply:os.system ["true"]\n', "is not valid YAML: could not determine a"),
    "date.yaml": (b"- {q: a, a: 2020-01-01}\n", ", record 1, column 'a' is datetime.date(2020, 1, 1), but must be a"),
    "keys.yaml": (b"- {[1, 2]: a}\n", "is not valid YAML: while constructing a mapping"),
    "documents.yaml": (b"q: a\n---\nq: b\n", "is not valid YAML: expected a single document"),
}
BAD_FIELDS = {
    "tokens": (
        {"n": 10**30},
        "column 'n' is 1000000000000000000000000000000, but must be a whole number of at least 0",
    ),
    "tokens as a word": ({"n": "many"}, "column 'n' is 'many', but must be a whole number of at least 0, at most"),
    "sample": ({"i": 10**20}, "column 'i' is 100000000000000000000, but must be a whole number of at least 0, at most"),
    "scores as numpy prints them": ({"s": "[0.5 0.5]"}, "column 's' is '[0.5 0.5]', but must be a number from 0 to 1"),
    "a score of null": ({"s": [0.5, None]}, "column 's' is None, but must be a number from 0 to 1"),
}
BAD_TABLES: dict[str, tuple[Callable[[], pa.Table], str]] = {
    "none": (lambda: pa.table({"q": pa.array([], pa.string()), "a": pa.array([], pa.string())}), "holds no samples"),
    "records": (lambda: pa.table({"q": ["a"], "a": [{"x": 1}]}), ", row 1, column 'a' is {'x': 1}, but must be a text"),
    "bytes": (lambda: pa.table({"q": ["a"], "a": [b"1"]}), ", row 1, column 'a' is b'1', but must be a text or null"),
    "times": (lambda: pa.table({"q": ["a"], "a": pa.array([1], pa.timestamp("s"))}), "row 1, column 'a' is datetime."),
    "nan": (lambda: pa.table({"q": ["a", "b"], "a": [1.0, float("nan")]}), ", row 2, column 'a' is nan, but must be"),
    "twice": (
        lambda: pa.table([pa.array(["a"]), pa.array(["1"]), pa.array(["2"])], names=["q", "a", "a"]),
        "has the column 'a' twice; each column needs a name of its own",
    ),
}
BAD_FORMATS = {
    "large_language_monkeys": [
        ({"question": "Q"}, "has no column 'samples'; it has question"),
        ({"question": "Q", "samples": None}, "column 'samples' is None, but must be a list with one entry a sample"),
        ({"question": "Q", "samples": ["a", None]}, "column 'samples' is None, but must be a list of texts"),
        ({"question": "Q", "samples": ["a", "b"], "is_corrects": [True]}, "column 'is_corrects' has 1 entries for 2"),
    ],
    "search_and_learn": [
        ({"completions": ["x"], "unique_id": "u"}, "has no column 'problem'; it has completions, unique_id"),
        ({"problem": "P", "answer": "1", "completions": ["x"], "scores": ["high"]}, "column 'scores' is 'high', but"),
    ],
}


def refused(path: Path, columns: Columns | None = ANSWERS, form: str = "rows") -> str:
    said = refusal(read, Source(path, form, columns))
    assert said.startswith(str(path))
    return said


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_a_broken_text_is_refused(tmp_path: Path, name: str) -> None:
    content, sentence = BAD_TEXTS[name]
    (tmp_path / name).write_bytes(content)
    assert sentence in refused(tmp_path / name)


@pytest.mark.parametrize("name", BAD_FIELDS)
def test_a_field_of_the_wrong_type_or_size_is_refused(tmp_path: Path, name: str) -> None:
    change, sentence = BAD_FIELDS[name]
    (tmp_path / "a.jsonl").write_bytes(first(**change))
    assert f"{tmp_path}/a.jsonl, line 1, {sentence}" in refused(tmp_path / "a.jsonl", COLUMNS)


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_table_of_the_wrong_types_is_refused(tmp_path: Path, name: str) -> None:
    made, sentence = BAD_TABLES[name]
    pq.write_table(made(), tmp_path / "a.parquet")
    assert sentence in refused(tmp_path / "a.parquet")


@pytest.mark.parametrize("kept", [0, 4, 0.5])
def test_a_part_of_a_table_is_refused(tmp_path: Path, kept: float) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS * 50), path := tmp_path / "a.parquet")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept if kept > 1 else kept * len(content))])
    assert "is not a readable Parquet table" in refused(path)


@pytest.mark.parametrize(
    ("form", "record", "sentence"), [(f, *case) for f, cases in BAD_FORMATS.items() for case in cases]
)
def test_a_record_of_another_format_is_refused(tmp_path: Path, form: str, record: dict, sentence: str) -> None:
    (tmp_path / "a.json").write_bytes(lines(record))
    assert sentence in refused(tmp_path / "a.json", None, form)


def test_folders_and_links_in_place_of_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").mkdir()
    assert "holds no file that ends in one of .jsonl" in refused(tmp_path / "a.jsonl")
    (tmp_path / "a.jsonl/b.jsonl").write_bytes(lines(ROWS[0]) + b'{"q":')
    assert "a.jsonl/b.jsonl, line 2 is not valid JSON" in refused(tmp_path / "a.jsonl")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "nowhere.jsonl")
    assert "is missing, or is not a file" in refused(tmp_path / "link.jsonl")


@pytest.mark.parametrize("ending", [b"\r\n", b"\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_mark_at_the_beginning_and_other_ends_of_lines_change_nothing(
    tmp_path: Path, mark: bytes, ending: bytes
) -> None:
    for name, content in {"a.jsonl": lines(*ROWS), "a.csv": b"q,a\na,1\nb,2\n"}.items():
        (tmp_path / name).write_bytes(mark + content.replace(b"\n", ending))
        found = read(Source(tmp_path / name, "rows", ANSWERS)).samples
        assert found[["question_key", "answer"]].to_numpy().tolist() == [["a", "1"], ["b", "2"]]
