"""What the project asks of a notebook file: a readable parameters cell before a run, repeatable bytes after it."""

import ast
import sys
from pathlib import Path
from typing import Any

# jsonschema loads this for one string format that no notebook has; it takes longer (1.4 s) than all the rest.
sys.modules.setdefault("rfc3987_syntax", None)  # pyright: ignore[reportArgumentType]

import nbformat  # noqa: E402
from nbformat import NotebookNode  # noqa: E402

from tts_lib.common.errors import StudyError  # noqa: E402


def read(path: Path) -> NotebookNode:
    """The notebook at `path`, format 4.

    Raises:
        StudyError: missing, or not a notebook.
    """
    try:
        return nbformat.read(path, as_version=4)
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # not JSON, or another format
        raise StudyError(f"{path} is not a notebook.") from error


def dumps(notebook: NotebookNode) -> str:
    """The notebook as the text of a file."""
    return nbformat.writes(notebook) + "\n"


def declared_parameters(path: Path) -> dict[str, Any]:
    """Names and default values of the one cell tagged `parameters`, in its order.

    Raises:
        StudyError: there is not exactly one such cell, or it holds more than literals (what is derived from a parameter
            would keep the value of the default).
    """
    cells = [cell for cell in read(path).cells if "parameters" in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise StudyError(f"{path} must have one cell tagged 'parameters', it has {len(cells)}.")
    parameters: dict[str, Any] = {}
    for statement in ast.parse(cells[0].source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                raise StudyError(f"{path}: line {statement.lineno} of the parameters cell is not `name = literal`.")
        try:
            parameters[name] = ast.literal_eval(value)
        except ValueError as error:
            raise StudyError(f"{path}: the parameter {name} must be a literal, nothing derived.") from error
    return parameters


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Drop what differs from run to run, in place: clocks, random ids, progress bars, how streams were cut."""
    for key in ("papermill", "widgets"):
        notebook.metadata.pop(key, None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index:03d}"
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = _stable_outputs(cell.outputs)
    return notebook


def _stable_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Without stderr (progress and warnings are for the terminal), neighbouring pieces of stdout as one."""
    stable: list[NotebookNode] = []
    for output in outputs:
        if output.output_type != "stream":
            stable.append(output)
        elif output.name == "stdout":
            if stable and stable[-1].output_type == "stream":
                stable[-1].text += output.text
            else:
                stable.append(output)
    return stable
