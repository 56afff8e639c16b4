"""Which stages are made, held against a lock that DVC itself wrote."""

import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tts_lib.common import paths
from tts_lib.plan.lock import Lock
from tts_lib.study import foundation
from tts_lib.study.stages import Stage, ordered

PIPELINE = """\
stages:
  first:
    cmd: python -c "open('first.txt', 'w').write('1')"
    deps: [notebooks/a.ipynb, tts_lib/common]
    params: [seed, group.size]
    outs: [first.txt]
  second:
    cmd: python -c "open('second.txt', 'w').write('2')"
    deps: [first.txt]
    outs: [second.txt]
  other:
    cmd: python -c "open('other.txt', 'w').write('3')"
    deps: [tts_lib/common]
    params: [group.name]
    outs: [other.txt]
"""
SETTINGS = {"seed": 0, "group": {"size": 3, "name": "x"}}


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")


@pytest.fixture(scope="module")
def run_once(tmp_path_factory) -> Path:
    from dvc.repo import Repo  # seconds to import

    root = tmp_path_factory.mktemp("study")
    files = {"notebooks/a.ipynb": "{}", "tts_lib/common/x.py": "x = 1\n", "tts_lib/common/sub/y.py": "y = 1\n"}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "dvc.yaml").write_text(PIPELINE)
    (root / "params.yaml").write_text(yaml.safe_dump(SETTINGS))
    with pytest.MonkeyPatch.context() as patch, Repo.init(str(root), no_scm=True) as repo:
        patch.chdir(root)
        patch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
        repo.reproduce()
    cache = root / "tts_lib/common/__pycache__"
    cache.mkdir()
    (cache / "x.pyc").write_bytes(b"compiled since")
    return root


@pytest.fixture
def study(run_once, tmp_path) -> Path:
    return Path(shutil.copytree(run_once, tmp_path / "study"))


def made(root: Path, settings: dict | None = None) -> set[str]:
    settings = settings or SETTINGS
    return Lock(root, settings).made(ordered(root / "dvc.yaml", settings))


def test_what_dvc_has_made_need_not_run(study):
    assert made(study) == {"first", "second", "other"}


def test_a_changed_notebook_or_room_counts_and_so_does_all_behind_it(study):
    (study / "notebooks/a.ipynb").write_text("{ }")
    assert made(study) == {"other"}
    (study / "tts_lib/common/sub/y.py").write_text("y = 2\n")
    assert made(study) == set()


def test_a_changed_setting_counts_for_the_stage_that_reads_it(study):
    changed = {"seed": 0, "group": {"size": 3, "name": "y"}}
    assert made(study, changed) == {"first", "second"}
    assert Lock(study, changed).changed("other") and not Lock(study, changed).changed("first")
    assert made(study, {"seed": 0, "group": {"name": "x"}}) == {"other"}  # a setting that is gone


def test_a_lost_output_counts(study):
    (study / "first.txt").unlink()
    assert made(study) == {"other"}


@pytest.mark.parametrize("content", [None, "", "stages: 3", "[]", "{", "stages: {first: {cmd: x}}"])
def test_a_lock_that_is_missing_or_broken_tells_nothing(study, content):
    (study / "dvc.lock").unlink()
    if content is not None:
        (study / "dvc.lock").write_text(content)
    assert made(study) == set()


def test_the_foundation_stands_while_its_rooms_say_what_they_said(tmp_path):
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\nstages:\n  foundation:\n    cmd: x\n")
    stage = Stage("foundation", ("tts_lib/common",), (str(paths.FOUNDATION),))
    (tmp_path / "tts_lib/common").mkdir(parents=True)
    assert Lock(tmp_path, SETTINGS).made([stage]) == set()
    (tmp_path / paths.FOUNDATION).parent.mkdir()
    said = foundation.said()
    (tmp_path / paths.FOUNDATION).write_bytes(said)
    assert Lock(tmp_path, SETTINGS).made([stage]) == {"foundation"}
    (tmp_path / paths.FOUNDATION).write_bytes(said.replace(b"a", b"b"))
    assert Lock(tmp_path, SETTINGS).made([stage]) == set()
