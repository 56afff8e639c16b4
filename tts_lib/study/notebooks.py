"""What the project asks of a notebook file: a readable parameters cell before a run, repeatable bytes after it."""

import sys
from pathlib import Path

# jsonschema loads these for string formats that no notebook has; they take longer (1.5 s) than all the rest.
for name in ("isoduration", "rfc3987_syntax"):
    sys.modules.setdefault(name, None)  # pyright: ignore[reportArgumentType]

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


def partial(executed: Path) -> Path:
    """Where a notebook lies while it is executed, and after it has failed."""
    return executed.with_suffix(".partial.ipynb")


def executed(folder: Path) -> list[Path]:
    """The executed notebooks in a folder, in order of their names, without those that have failed."""
    return sorted(path for path in folder.glob("*.ipynb") if not path.name.endswith(".partial.ipynb"))


def dumps(notebook: NotebookNode) -> str:
    """The notebook as the text of a file."""
    return nbformat.writes(notebook) + "\n"


def parameters_cell(path: Path) -> str:
    """The code of the one cell tagged `parameters`.

    Raises:
        StudyError: there is not exactly one such cell.
    """
    cells = [cell for cell in read(path).cells if "parameters" in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise StudyError(f"{path} must have one cell tagged 'parameters', it has {len(cells)}.")
    return cells[0].source


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
        if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
            continue  # a bar of a library, for people who watch
        if output.output_type != "stream":
            stable.append(output)
        elif output.name == "stdout":
            if stable and stable[-1].output_type == "stream":
                stable[-1].text += output.text
            else:
                stable.append(output)
    return stable
