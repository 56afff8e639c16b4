"""What is said of a run under way."""

import json
from pathlib import Path

import pytest

from tts_lib.study import progress
from tts_lib.study.stages import Stage

STAGES = [Stage(name, (), (f"reports/executed/{name}.ipynb",)) for name in ("a", "b", "c")]


@pytest.fixture(autouse=True)
def _now(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress.time, "time", lambda: 1000.0)


def ended(stage: str, seconds: float, at: float, succeeded: bool = True) -> str:
    return json.dumps({"stage": stage, "wall_s": seconds, "ended": at, "succeeded": succeeded}) + "\n"


def test_a_stage_says_where_it_stands_and_what_is_left_at_this_pace(monkeypatch):
    progress.begin(Path(), STAGES, {"a": 240.0, "b": 200.0, "c": 1000.0})
    monkeypatch.setattr(progress.time, "time", lambda: 1030.0)
    assert progress.line(Path("reports/executed/b.ipynb")) == "Stage 2 of 3: b; 30 s so far, about 20 min left"
    before, now, failed = ended("a", 240.0, 900.0), ended("a", 90.0, 1015.0), ended("b", 9.0, 1016.0, False)
    progress.STAGES.write_text(before + now + failed + "{")
    assert progress.line(Path("reports/executed/b.ipynb")) == "Stage 2 of 3: b; 30 s so far, about 10 min left"


def test_what_is_not_known_is_not_said():
    assert progress.line(Path("reports/executed/a.ipynb")) is None
    progress.begin(Path(), STAGES, {"a": 10.0})
    assert progress.line(Path("reports/executed/a.ipynb")) == "Stage 1 of 3: a; 0 s so far"
    assert progress.line(Path("reports/executed/z.ipynb")) is None
    progress.end(Path())
    assert progress.line(Path("reports/executed/a.ipynb")) is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(7, "7 s"), (99, "99 s"), (150, "2 min"), (5400, "90 min"), (7800, "2 h 10 min")]
)
def test_times_in_words(seconds, words):
    assert progress.in_words(seconds) == words
