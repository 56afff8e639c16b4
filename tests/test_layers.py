"""The rooms of the library: who may import whom, what stays light, and that DVC knows the code a stage runs."""

import ast
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from helpers.pipeline import (
    ROOT,
    Stage,
    closure,
    imports,
    imports_of,
    library_modules,
    modules,
    notebook_source,
    stages,
)
from layers import HEAVY, HEAVY_ROOMS, ROOMS, room
from tts_lib.common import paths
from tts_lib.study import foundation

# A tool that starts the stages, not a part of them.
NEVER = {"dvc", "pickle"}
RUNNER = {"tts_lib.study.run", "tts_lib.study.parameters"}
MOST_ROOMS = 18
SETTINGS = "tts_lib.training.settings"  # the schema of a study takes this one file of the floor below it


def inside() -> list[str]:
    return [module for module in modules() if module != "tts_lib"]


def test_the_package_itself_is_empty() -> None:
    assert (ROOT / "tts_lib/__init__.py").read_text() == ""


def test_every_module_has_a_room_and_every_room_says_what_it_is() -> None:
    loose = [path.name for path in (ROOT / "tts_lib").glob("*.py") if path.name != "__init__.py"]
    folders = {path.name for path in (ROOT / "tts_lib").iterdir() if any(path.glob("*.py"))}
    assert loose == []
    assert folders == set(ROOMS) and len(folders) <= MOST_ROOMS
    for path in (ROOT / "tts_lib").rglob("*/__init__.py"):
        (paragraph,) = ast.parse(path.read_text(encoding="utf-8")).body
        assert isinstance(paragraph, ast.Expr) and isinstance(paragraph.value, ast.Constant), path


@pytest.mark.parametrize("module", inside())
def test_a_module_imports_its_own_room_and_lower_floors(module: str) -> None:
    own = room(module)
    imported = {name for name in imports_of(module) if name.startswith("tts_lib.")}
    assert not {name for name in imported if room(name) != own and ROOMS[room(name)] >= ROOMS[own]}


@pytest.mark.parametrize("module", inside())
def test_heavy_libraries_stay_in_their_rooms(module: str) -> None:
    tops = {name.split(".")[0] for name in imports_of(module)}
    assert not tops & NEVER
    assert room(module) in HEAVY_ROOMS or not tops & HEAVY


def test_no_two_modules_import_each_other() -> None:
    below = {module: library_modules(imports_of(module)) - {module} for module in inside()}
    while ready := {module for module, needed in below.items() if not needed & set(below)}:
        below = {module: needed for module, needed in below.items() if module not in ready}
    assert not below


def test_analysis_starts_without_the_heavy_libraries() -> None:
    light = [module for module in inside() if room(module) not in HEAVY_ROOMS] + [SETTINGS]
    script = f"import importlib, sys\nfor name in {light}: importlib.import_module(name)\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {name.split(".")[0] for name in loaded.stdout.split()} & HEAVY


def rooms_of(stage: Stage) -> set[str]:
    """The rooms whose code the stage runs, beside the runner's."""
    names: set[str] = set()
    for word in stage.command:
        if word.endswith(".ipynb") and word in stage.deps:
            names |= imports(notebook_source(ROOT / word))
        elif word.startswith("tts_lib."):
            names |= {word, f"{word}.__main__"}
    return {room(module) for module in closure(names - RUNNER)}


def test_dvc_knows_the_rooms_of_every_stage_and_no_others() -> None:
    """A stage with notebooks of several kinds may name the rooms of any of them; the foundation is named as one."""
    named, run, under = defaultdict(set), defaultdict(set), set(foundation.ROOMS)
    for stage in stages():
        name = stage.name.partition("@")[0]
        if name == "foundation":  # it reads the code of its rooms and runs its own
            assert set(stage.deps) == {f"tts_lib/{room}" for room in under}
            continue
        rooms, runs = {Path(dep).parts[1] for dep in stage.deps if dep.startswith("tts_lib/")}, rooms_of(stage)
        if str(paths.FOUNDATION) in stage.deps:
            assert not rooms & under and runs & under, stage.name
            runs -= under
        assert runs <= rooms, f"{stage.name} lacks {runs - rooms}"
        named[name] |= rooms
        run[name] |= runs
    assert named == run


def test_the_closure_follows_imports() -> None:
    assert {"tts_lib.study.config.loading", "tts_lib.common.errors"} <= closure({"tts_lib.study.run"})
    assert closure(imports("def f():\n    from tts_lib.study import folder\n")) >= {"tts_lib.study.folder"}
    assert closure({"numpy", "tts_lib"}) == set()
