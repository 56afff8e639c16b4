"""What the rooms under every stage say: words for readers apart, everything that runs counts."""

import json

import pytest

from helpers.pipeline import imports, modules
from tts_lib.common import paths
from tts_lib.study import foundation

MODULE = '"""Of a room."""\n\n\ndef twice(x: int) -> int:\n    """Two of it."""\n    return 2 * x\n'


@pytest.fixture
def room(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "room/module.py").write_text(MODULE)
    (tmp_path / "room/table.txt").write_text("1 2\n")
    return tmp_path / "room"


@pytest.mark.parametrize(
    "same",
    ["# of a room\n" + MODULE, MODULE.replace("Two of it.", "x and x."), MODULE.replace("2 * x", "(2*x)  # x, x")],
)
def test_comments_docstrings_and_layout_are_apart(room, same):
    before = foundation.digest(room)
    (room / "module.py").write_text(same)
    (room / "__pycache__").mkdir()
    (room / "__pycache__/module.pyc").write_bytes(b"compiled")
    assert foundation.digest(room) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("module.py", MODULE.replace("2 * x", "3 * x")),
        ("module.py", MODULE.replace("x: int", "x: float")),
        ("module.py", MODULE.replace("    return", '    "said"\n    "again"\n    return')),  # only the first documents
        ("table.txt", "1 3\n"),
        ("new.py", ""),
    ],
)
def test_what_runs_counts(room, name, text):
    before = foundation.digest(room)
    (room / name).write_text(text)
    assert foundation.digest(room) != before


def test_a_file_of_another_name_counts(room):
    before = foundation.digest(room)
    (room / "module.py").rename(room / "other.py")
    assert foundation.digest(room) != before


def test_no_room_of_the_foundation_prints_its_docstrings():
    """A `__main__` may, in its help."""
    for name, path in modules().items():
        if name.split(".")[1:2] in [[room] for room in foundation.ROOMS] and path.name != "__main__.py":
            source = path.read_text(encoding="utf-8")
            assert "__doc__" not in source and "inspect" not in imports(source), name


def test_it_is_written_into_the_study_at_hand(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    foundation.main()
    assert list(json.loads(paths.FOUNDATION.read_text())) == list(foundation.ROOMS)
