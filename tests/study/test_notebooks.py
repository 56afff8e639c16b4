"""Notebooks as they are committed: small, without outputs, and fed exactly what they declare."""

import argparse
import ast
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import nbformat
import pytest

from helpers.pipeline import NOTEBOOKS, ROOT, STRIPPED_KEYS, Stage, notebook_source, stages
from tts_lib.study import parameters
from tts_lib.study import run as nbrun
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


def notebook_stages() -> list[tuple[Stage, argparse.Namespace]]:
    """Stages that run a notebook, each with its command line."""
    parser, runner = nbrun.make_parser(), "tts_lib.study.run"
    return [(s, parser.parse_args(s.command[s.command.index(runner) + 1 :])) for s in stages() if runner in s.command]


def test_dvc_watches_what_a_notebook_is_given_and_nothing_else() -> None:
    """What a stage watches in vain would rerun it; a stage with several notebooks may watch what one of them reads."""
    watched, read = defaultdict(set), defaultdict(set)
    for stage, options in notebook_stages():
        study, given = loading.load(stage.params_file), dict(options.given)
        assert parameters.values(ROOT / options.source, study, given)
        found = parameters.settings_read(ROOT / options.source, study, given)
        missing = [name for name in found if not any(within(name, param) for param in stage.params)]
        assert not missing, f"{stage.name} does not declare the params {missing}"
        name = stage.name.partition("@")[0]
        watched[name] |= set(stage.params)
        read[name] |= found
    for name, params in watched.items():
        vain = [param for param in params if not any(within(n, param) or within(param, n) for n in read[name])]
        assert not vain, f"{name} watches {vain}"


def test_the_budgets_that_are_drawn_are_the_reports_alone() -> None:
    """So that new ones rerun no more, and what stands at a budget does not depend on which others are drawn."""
    reads = {stage.name for stage, _ in notebook_stages() if any(within("grid.budgets", p) for p in stage.params)}
    assert reads == {"report"}


def within(name: str, group: str) -> bool:
    """Whether a setting is one of the group; `*` stands for the only entry."""
    parts = zip(name.split("."), group.split("."), strict=False)
    return len(name.split(".")) >= len(group.split(".")) and all(a == b or "*" in (a, b) for a, b in parts)


def test_no_stage_reads_an_executed_notebook_and_every_one_declares_its_own() -> None:
    for stage, options in notebook_stages():
        assert str(options.source) in stage.deps and str(options.target) in stage.outs, stage.name
        assert not [dep for dep in stage.deps if dep.startswith("reports/executed")], stage.name


def test_every_notebook_is_a_stage_but_the_explorer() -> None:
    used = {str(options.source) for _, options in notebook_stages()}
    assert {str(path.relative_to(ROOT)) for path in NOTEBOOKS} - used == {"notebooks/explore.ipynb"}
