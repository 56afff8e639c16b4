"""Notebooks as they are committed: small, without outputs, and fed exactly what they declare."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers.pipeline import NOTEBOOKS, ROOT, STRIPPED_KEYS, Stage, notebook_source, stages
from tts_lib.study import notebooks, run
from tts_lib.study.config import loading

MAX_CELLS, MAX_CODE_LINES, MAX_CELL_LINES, MAX_DEF_LINES = 25, 150, 25, 5
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@each_notebook
def test_a_notebook_is_small_and_defines_little(path: Path) -> None:
    cells = nbformat.read(path, 4).cells
    working = [c for c in cells if c.cell_type == "code" and "parameters" not in c.metadata.get("tags", [])]
    lines = [[line for line in cell.source.splitlines() if line.strip()] for cell in working]
    assert len(cells) <= MAX_CELLS
    assert sum(map(len, lines)) <= MAX_CODE_LINES
    assert max(map(len, lines)) <= MAX_CELL_LINES
    for node in ast.walk(ast.parse(notebook_source(path))):
        assert not isinstance(node, ast.ClassDef), f"class {node.name}"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < MAX_DEF_LINES, f"def {node.name}"


@each_notebook
def test_a_notebook_has_format_ids_and_a_title(path: Path) -> None:
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    ids = [cell["id"] for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", cell_id) for cell_id in ids)
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[0].source.startswith("# ")


def test_notebooks_are_stripped() -> None:
    assert NOTEBOOKS
    command = [sys.executable, "-m", "nbstripout", "--verify", "--keep-id", "--extra-keys", STRIPPED_KEYS]
    checked = subprocess.run([*command, *map(str, NOTEBOOKS)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@each_notebook
def test_a_notebook_has_a_parameters_cell_of_literals(path: Path) -> None:
    assert notebooks.declared_parameters(path)


def notebook_stages() -> list[Stage]:
    return [stage for stage in stages() if "tts_lib.study.run" in stage.command]


def test_every_stage_gives_its_notebook_what_it_declares() -> None:
    """The names, the kinds of the values, and that DVC watches every part of params.yaml that is handed over."""
    parser = run.make_parser()
    for stage in notebook_stages():
        options = parser.parse_args(stage.command[stage.command.index("tts_lib.study.run") + 1 :])
        study = loading.load(stage.params_file)
        given = run.stage_parameters(study, options.section, options.set)
        declared = notebooks.declared_parameters(ROOT / options.source)
        run.check_names(str(options.source), given, declared)
        for name, value in given.items():
            assert kind(declared[name]) == kind(value), f"{stage.name}: {name} is {declared[name]!r}, given {value!r}"
        handed_over = [*options.section, *(word.split("=@")[1] for word in options.set if "=@" in word)]
        unwatched = [key for key in handed_over if not any(f"{key}.".startswith(f"{dep}.") for dep in stage.params)]
        assert not unwatched, f"{stage.name} does not declare the params {unwatched}"


def test_notebooks_opened_by_hand_fit_a_smoke_or_replay_study() -> None:
    """Their default parameters are those of one of its stages, so that each runs in JupyterLab after it."""
    parser = run.make_parser()
    fits = set()
    for stage in notebook_stages():
        options = parser.parse_args(stage.command[stage.command.index("tts_lib.study.run") + 1 :])
        given = run.stage_parameters(loading.load(stage.params_file), options.section, options.set)
        if (
            notebooks.declared_parameters(ROOT / options.source) == given
            and stage.params_file.parent.name == "profiles"
        ):
            fits.add(str(options.source))
    assert fits == {str(path.relative_to(ROOT)) for path in NOTEBOOKS}


def test_no_stage_reads_an_executed_notebook_and_every_one_declares_its_own() -> None:
    for stage in notebook_stages():
        options = run.make_parser().parse_args(stage.command[stage.command.index("tts_lib.study.run") + 1 :])
        assert str(options.source) in stage.deps and str(options.target) in stage.outs, stage.name
        assert not [dep for dep in stage.deps if dep.startswith("reports/executed")], stage.name


def test_every_notebook_is_a_stage() -> None:
    used = {word for stage in notebook_stages() for word in stage.command}
    assert {str(path.relative_to(ROOT)) for path in NOTEBOOKS} <= used


def kind(value: object) -> type:
    """A whole number does where a number is meant, a word where a method may name one (`sqrt`)."""
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)
