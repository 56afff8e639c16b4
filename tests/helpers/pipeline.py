"""What the contract tests read: modules and their imports, and the stages of dvc.yaml as DVC itself resolves them."""

import ast
import json
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
STRIPPED_KEYS = "metadata.language_info metadata.kernelspec cell.metadata.execution"  # what a notebook loses
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@dataclass(frozen=True)
class Stage:
    params_file: Path  # the study it belongs to
    name: str
    command: list[str]
    deps: list[str]
    params: list[str]
    outs: list[str]


@cache
def modules() -> dict[str, Path]:
    """Dotted name -> file of every module of the library."""
    found = {}
    for path in sorted((ROOT / "tts_lib").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(source: str, package: str = "") -> set[str]:
    """Every name imported anywhere in the source: `a.b` for `import a.b`, `a.b` and `a.b.c` for the from-form."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


@cache
def imports_of(module: str) -> frozenset[str]:
    path = modules()[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return frozenset(imports(path.read_text(encoding="utf-8"), package))


def library_modules(names: set[str] | frozenset[str]) -> set[str]:
    """Those of the library that hold code; the `__init__` of a room holds its paragraph alone."""
    return {name for name in names if name in modules() and modules()[name].name != "__init__.py"}


def closure(names: set[str]) -> set[str]:
    """The modules that these imports load, and what they load in turn."""
    todo, seen = library_modules(names), set[str]()
    while todo:
        module = todo.pop()
        seen.add(module)
        todo |= library_modules(imports_of(module)) - seen
    return seen


def loads(test: Path) -> set[str]:
    """Every name that a test module imports as it starts, itself or through helpers and the library."""
    files = {name: path for name, path in modules().items() if path.name != "__init__.py"}
    files |= {f"helpers.{path.stem}": path for path in (ROOT / "tests/helpers").glob("*.py")}
    names, todo = set[str](), [test]
    while todo:
        tree = ast.parse(todo.pop().read_text(encoding="utf-8"))
        tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        found = imports(ast.unparse(tree))
        todo += [files[name] for name in found - names if name in files]
        names |= found
    return names


def notebook_source(path: Path) -> str:
    """The code of a notebook without its magics."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return "\n".join(
        line for source in sources for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))
    )


@cache
def stages() -> tuple[Stage, ...]:
    """The stages of dvc.yaml under every kind of study, each item of a matrix on its own."""
    from dvc.repo import Repo  # seconds to import, and a tool beside the library

    found: list[Stage] = []
    for params_file in (
        ROOT / "params.yaml",
        *(ROOT / f"profiles/{name}.yaml" for name in ("smoke", "replay", "math500", "gsm8k")),
    ):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(ROOT / "dvc.yaml", folder)
            shutil.copy(params_file, Path(folder, "params.yaml"))
            with Repo.init(folder, no_scm=True) as repo:
                found += _resolved(repo, params_file)
    return tuple(found)


def _resolved(repo: Any, params_file: Path) -> list[Stage]:
    return [
        Stage(
            params_file=params_file,
            name=stage.addressing.rpartition(":")[2],
            command=(stage.cmd if isinstance(stage.cmd, str) else " && ".join(stage.cmd)).split(),
            deps=[dep.def_path for dep in stage.deps if not hasattr(dep, "params")],
            params=[name for dep in stage.deps if hasattr(dep, "params") for name in dep.params],
            outs=[out.def_path for out in stage.outs],
        )
        for stage in repo.index.stages
    ]
