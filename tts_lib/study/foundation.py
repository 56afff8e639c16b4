"""What the rooms under every stage say: `python -m tts_lib.study.foundation`, a stage that all others depend on.

A stage names the one file written here in place of six rooms. It holds a digest of each, of what Python runs and not of
comments, docstrings and layout: a sentence mended in a room that everything stands on makes no stage run again.
"""

import ast
import hashlib
import json
import os
import sys
from pathlib import Path

from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.common.files import write_atomically

ROOMS = ("answers", "common", "estimators", "grading", "models", "plots")
LIBRARY = Path(__file__).parents[1]
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def digest(room: Path) -> str:
    """SHA-256 of a folder's files by name, hidden and compiled ones apart; of a module, what it says to Python."""
    total = hashlib.sha256()
    for path in sorted(room.rglob("*")):
        inside = path.relative_to(room)
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in inside.parts):
            content = path.read_bytes() if path.suffix != ".py" else running(path.read_text(encoding="utf-8")).encode()
            total.update(f"{inside.as_posix()}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def running(source: str) -> str:
    """The syntax tree of a module without its docstrings, as text.

    Raises:
        SyntaxError: it is no Python.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def said() -> bytes:
    """What the file holds: the digest of each room as it is now."""
    return (json.dumps({room: digest(LIBRARY / room) for room in ROOMS}, indent=2) + "\n").encode()


def main() -> None:
    """Writes `data/foundation.json` of the study at hand."""
    try:
        os.chdir(paths.find_root())
        write_atomically(paths.FOUNDATION, said())
    except (StudyError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
