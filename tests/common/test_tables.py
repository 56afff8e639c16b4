import errno
import os
import re

import numpy as np
import pandas as pd
import pytest

from helpers.full_disk import file_size_limit
from tts_lib.common.files import TEMPORARY_GLOB, WriteError
from tts_lib.common.tables import TableError, read_json, read_table, write_json, write_table, write_text


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "question_id": ["q1", "q2", "q3"],
            "sample": [0, 1, 2],
            "answer": ["7", None, "a,b"],
            "correct": [True, False, True],
            "prm_steps": [np.array([0.5, 0.25], np.float32), np.array([], np.float32), np.array([1], np.float32)],
        }
    )


def test_table_comes_back(frame, tmp_path):
    path = tmp_path / "deep" / "pool.parquet"
    write_table(frame, path)
    back = read_table(path, ["sample", "question_id", "answer", "correct", "prm_steps"])
    assert list(back.columns) == ["sample", "question_id", "answer", "correct", "prm_steps"]
    assert back["question_id"].tolist() == ["q1", "q2", "q3"]
    assert back["correct"].dtype == bool
    assert back["answer"].isna().tolist() == [False, True, False]
    assert [steps.tolist() for steps in back["prm_steps"]] == [[0.5, 0.25], [], [1.0]]
    assert back["prm_steps"][0].dtype == np.float32


def test_equal_tables_are_equal_bytes(frame, tmp_path):
    write_table(frame, tmp_path / "a.parquet")
    write_table(pd.concat([frame[1:], frame[:1]]).sort_values("sample", ignore_index=True), tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_index_and_double_columns_are_refused(frame, tmp_path):
    with pytest.raises(ValueError, match=r"reset_index"):
        write_table(frame.set_index("question_id"), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"'sample'.* twice"):
        write_table(pd.concat([frame, frame[["sample"]]], axis=1), tmp_path / "a.parquet")


def test_missing_file_and_column_are_named(frame, tmp_path):
    with pytest.raises(TableError, match=r"pool\.parquet is missing; run `dvc repro`"):
        read_table(tmp_path / "pool.parquet", ["sample"])
    write_table(frame, tmp_path / "pool.parquet")
    with pytest.raises(TableError, match=r"has no column orm, level; it has question_id, sample"):
        read_table(tmp_path / "pool.parquet", ["sample", "orm", "level"])


def test_every_damaged_byte_is_noticed_or_harmless(frame, tmp_path):
    path = tmp_path / "pool.parquet"
    write_table(frame, path)
    content = path.read_bytes()
    columns = list(frame.columns)
    intact = read_table(path, columns).to_json()
    n_noticed = 0
    for position in range(0, len(content), 41):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0x10]) + content[position + 1 :])
        try:
            read_table(path, columns)
        except TableError as error:
            n_noticed += 1
            assert re.search(r"pool\.parquet .*(delete it and run|has no column)", str(error))
            assert "\n" not in str(error)
    assert n_noticed > 5
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(TableError, match="not a readable Parquet table"):
        read_table(path, columns)
    path.write_bytes(content)
    assert read_table(path, columns).to_json() == intact


def test_rot_inside_the_data_is_noticed(tmp_path):
    path = tmp_path / "numbers.parquet"
    write_table(pd.DataFrame({"x": np.random.default_rng(0).random(1000)}), path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(TableError, match="not a readable Parquet table"):
        read_table(path, ["x"])


def test_json_is_sorted_plain_and_ends_with_a_newline(tmp_path):
    path = tmp_path / "metrics.json"
    write_json({"b": np.float32(0.5), "a": {"n": np.int64(3), "ok": np.bool_(True), "x": np.arange(2)}}, path)
    text = path.read_text()
    assert text.index('"a"') < text.index('"b"')
    assert text.endswith("}\n")
    assert read_json(path, ["a", "b"]) == {"a": {"n": 3, "ok": True, "x": [0, 1]}, "b": 0.5}


@pytest.mark.parametrize("value", [float("nan"), np.float32("inf"), np.array([0.0, np.nan])])
def test_undefined_numbers_are_refused_by_place(value, tmp_path):
    write_text("old", tmp_path / "m.json")
    with pytest.raises(ValueError, match=r"m\.json: \.bins\[1\]\.accuracy.* is NaN or infinite"):
        write_json({"bins": [{"accuracy": 0.5}, {"accuracy": value}]}, tmp_path / "m.json")
    assert (tmp_path / "m.json").read_text() == "old"


def test_unknown_types_are_refused(tmp_path):
    with pytest.raises(TypeError, match="no form for set"):
        write_json({"a": {1}}, tmp_path / "m.json")


def test_bad_json_is_named(tmp_path):
    with pytest.raises(TableError, match="is missing"):
        read_json(tmp_path / "m.json")
    write_text('{"a": 1', tmp_path / "m.json")
    with pytest.raises(TableError, match=r"m\.json is not readable JSON"):
        read_json(tmp_path / "m.json")
    write_text('{"a": 1}', tmp_path / "m.json")
    with pytest.raises(TableError, match=r"m\.json has no key b"):
        read_json(tmp_path / "m.json", ["a", "b"])


def test_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "numbers.parquet"
    write_table(pd.DataFrame({"x": [1]}), path)
    old = path.read_bytes()
    large = pd.DataFrame({"x": np.random.default_rng(0).random(100_000)})
    with (
        file_size_limit(10_000),
        pytest.raises(WriteError, match=r"cannot write .*numbers\.parquet, .* left as it was: the disk is full"),
    ):
        write_table(large, path)
    assert path.read_bytes() == old
    assert not list(tmp_path.glob(TEMPORARY_GLOB))


def test_a_failed_rename_leaves_the_old_file(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_text("old", tmp_path / "a.txt")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(WriteError, match="No space left on device"):
        write_text("new", tmp_path / "a.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    write_text("a file", tmp_path / "a")
    with pytest.raises(WriteError, match=r"cannot write .*b\.txt"):
        write_text("new", tmp_path / "a" / "b.txt")


def test_written_files_have_ordinary_permissions(tmp_path):
    write_text("x", tmp_path / "a.txt")
    (tmp_path / "b.txt").write_text("x")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode
