"""The rooms of the library: who may import whom, what stays light, and that DVC knows the code a stage runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from layers import HEAVY_LAYER, layer
from pipeline import ROOT, Stage, closure, imports, imports_of, library_modules, modules, notebook_source, stages

HEAVY = {"torch", "transformers", "vllm", "numba", "llvmlite", "ray", "httpx2"}
# A tool that starts the stages, not a part of them.
NEVER = {"dvc", "pickle"}
RUNNER = {"tts_lib.nbrun"}


def rooms() -> list[str]:
    return [module for module in modules() if module != "tts_lib"]


def imported_by(module: str) -> set[str]:
    own_packages = {module.rsplit(".", n)[0] for n in range(1, module.count(".") + 1)}
    return library_modules(imports_of(module)) - own_packages - {module}


def test_the_package_itself_is_empty() -> None:
    assert (ROOT / "tts_lib/__init__.py").read_text() == ""


@pytest.mark.parametrize("module", rooms())
def test_a_module_imports_only_its_layer_and_below(module: str) -> None:
    above = {name for name in library_modules(imports_of(module)) if name != "tts_lib" and layer(name) > layer(module)}
    assert not above


@pytest.mark.parametrize("module", rooms())
def test_heavy_libraries_stay_in_their_rooms(module: str) -> None:
    tops = {name.split(".")[0] for name in imports_of(module)}
    assert not tops & NEVER
    assert layer(module) == HEAVY_LAYER or not tops & HEAVY


def test_no_two_modules_import_each_other() -> None:
    """A package may gather what its own modules offer; apart from that, the order of loading is one way."""
    below = {module: imported_by(module) for module in rooms()}
    while ready := {module for module, needed in below.items() if not needed & set(below)}:
        below = {module: needed for module, needed in below.items() if module not in ready}
    assert not below


def test_analysis_starts_without_the_heavy_libraries() -> None:
    light = [module for module in rooms() if layer(module) < HEAVY_LAYER]
    script = f"import importlib, sys\nfor name in {light}: importlib.import_module(name)\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {name.split(".")[0] for name in loaded.stdout.split()} & HEAVY


def undeclared(stage: Stage) -> set[str]:
    """Files of the library that the stage runs and that are no dependency of it."""
    names: set[str] = set()
    for word in stage.command:
        if word.endswith(".ipynb") and word in stage.deps:
            names |= imports(notebook_source(ROOT / word))
        elif word.startswith("tts_lib."):
            names.add(word)
    files = {modules()[module].relative_to(ROOT) for module in closure(names - RUNNER)}
    deps = {Path(dep) for dep in stage.deps}
    return {str(file) for file in files if not deps & {file, *file.parents}}


def test_dvc_knows_the_code_of_every_stage() -> None:
    assert {stage.name: files for stage in stages() if (files := undeclared(stage))} == {}


def test_no_stage_depends_on_a_module_that_is_not_there() -> None:
    missing = {
        (s.name, dep) for s in stages() for dep in s.deps if dep.startswith("tts_lib") and not (ROOT / dep).exists()
    }
    assert not missing


def test_the_closure_follows_imports() -> None:
    assert {"tts_lib.config", "tts_lib.config.errors", "tts_lib.types"} <= closure({"tts_lib.nbrun"})
    assert closure(imports("def f():\n    from tts_lib import profiles\n")) >= {"tts_lib.profiles", "tts_lib.config"}
    assert closure({"numpy", "tts_lib"}) == set()
