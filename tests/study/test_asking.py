"""A study opened again: whom it can ask. What is asked through it: tests/report/test_{combine,improve,surface}.py."""

from contextlib import ExitStack
from pathlib import Path

import pandas as pd
import pytest

from helpers.pipeline import ROOT
from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.study.asking import COLUMNS, Asking
from tts_lib.study.config import loading


def test_a_replay_has_nobody_to_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack, pytest.raises(StudyError, match="the study samples nothing"):
        Asking.open(loading.load(ROOT / "profiles/replay.yaml"), stack)
    assert not list(tmp_path.iterdir())


def test_questions_are_the_first_of_a_split_and_the_store_is_closed_again(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = pd.DataFrame({name: [f"{name} {number}" for number in range(5)] for name in COLUMNS})
    tables.write_table(made, paths.problems("test"))
    study = loading.load(ROOT / "profiles/smoke.yaml")
    for _ in range(2):  # the second finds the store free
        with ExitStack() as stack:
            asking = Asking.open(study, stack)
            pd.testing.assert_frame_equal(asking.table("test", 3), made.head(3))
            assert len(asking.table("test", 9)) == len(asking.table("test")) == 5
            assert asking.sampling.until == "end" and asking.sampling.temperature == study.sampling.temperature
