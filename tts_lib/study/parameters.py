"""The parameters of a notebook: its parameters cell says where in params.yaml each of them stands.

    params = parameters.here()
    budgets = params("grid.budgets")  # generations a question, those that are drawn
    method = "beam_4"  # one of grid.methods
    options = params(f"options.{method}")

Opened by hand, a notebook reads the study that it lies in, and a value of one's own may stand in place of any. As a
stage it is handed the same values by the runner, which reads the cell (`values`) and has papermill inject them behind.
"""

import ast
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_lib.common import paths
from tts_lib.common.errors import StudyError, listed

if TYPE_CHECKING:
    from tts_lib.study.config.study import Study

STAGE = "TTS_STAGE"  # set for the kernels of stages
ONE_THREAD = {  # sums are taken in one order: parallel work is done by processes, one per core
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
# The first group fixes what would differ from run to run; the second keeps large arrays from being returned to the
# system and faulted in again (read by the C library as the process starts).
OF_KERNELS = {
    STAGE: "1",
    "PYTHONHASHSEED": "0",
    "SOURCE_DATE_EPOCH": "0",
    "IPYKERNEL_CELL_NAME": "<cell>",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "JUPYTER_PREFER_ENV_PATH": "1",
    "PYTHONWARNINGS": "ignore:IProgress not found",  # of transformers, which has bars for notebooks
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "268435456",
    **ONE_THREAD,
}
# What the reader's machine would bring in: kernels, startup files and settings of its own.
_FOREIGN = ("JUPYTER_PATH", "JUPYTER_CONFIG_PATH", "MATPLOTLIBRC", "MPLBACKEND", "PYTHONSTARTUP")


def of_kernels() -> dict[str, str]:
    """The environment of a stage's kernel, from that of this process."""
    return {name: value for name, value in os.environ.items() if name not in _FOREIGN} | OF_KERNELS


def here(keep: bool = False) -> Callable[[str], Any]:
    """Reads values of the study that this notebook lies in, by their dotted names in params.yaml.

    By hand, the notebook goes on in a scratch folder that shows it all files of the study and takes what it writes; it
    is made anew each time. In a stage nothing is read: what the runner injects comes behind.

    Args:
        keep: whether results are written to the study itself, as its stages do.

    Raises:
        StudyError: no params.yaml at or above the working folder, or a broken one; on a call, no such setting in it.
    """
    if STAGE in os.environ:
        return lambda _: None
    from tts_lib.study import scratch
    from tts_lib.study.config import loading

    os.environ.update(ONE_THREAD)
    _say_sentences()
    root = paths.find_root()
    study = loading.load(root / "params.yaml")
    folder = root if keep else scratch.make(root, _own_name())
    os.chdir(folder)
    paths.STUDY = root
    kept = "the study itself" if keep else f"{folder.relative_to(root)}/ (into the study: parameters.here(keep=True))"
    print(f"Parameters: {root / 'params.yaml'}. Results go to {kept}.")
    return lambda name: pick(study, name)


def _say_sentences() -> None:
    """From now on this notebook shows a StudyError as the sentence that it is, without the calls that led to it."""
    from IPython.core.getipython import get_ipython  # loaded already wherever there is one

    if (shell := get_ipython()) is None:
        return

    def say(shell: Any, kind: type[StudyError], error: StudyError, trace: object, tb_offset: int | None = None) -> None:
        shell._showtraceback(kind, error, [str(error)])

    shell.set_custom_exc((StudyError,), say)


def values(path: Path, study: "Study", given: Mapping[str, str]) -> dict[str, Any]:
    """The value of each parameter of the notebook at `path`, in the order of its cell.

    Args:
        given: words in place of the cell's literals, such as the search that a stage is for.

    Raises:
        StudyError: the cell is not of the form above, a name given is no literal of it, or a setting is not there.
    """
    return {name: value for name, _, value in _read(path, study, given)}


def settings_read(path: Path, study: "Study", given: Mapping[str, str]) -> set[str]:
    """The dotted names in params.yaml that the notebook's values come from; see `values`."""
    return {setting for _, setting, _ in _read(path, study, given) if setting}


def pick(study: "Study", name: str) -> Any:
    """A setting by its dotted name, as plain data; `*` is the only entry of its group.

    Raises:
        StudyError: there is no such setting.
    """
    node: Any = study.model_dump(mode="json")
    for key in name.split("."):
        if key == "*" and isinstance(node, dict) and len(node) == 1:
            (node,) = node.values()
        elif isinstance(node, dict) and key in node:
            node = node[key]
        else:
            known = f"; there it has {listed(key, map(str, node))}" if isinstance(node, dict) and node else ""
            raise StudyError(f"params.yaml has no {name}{known}.")
    return node


def _read(path: Path, study: "Study", given: Mapping[str, str]) -> Iterator[tuple[str, str, Any]]:
    """Name, setting ("" for a literal) and value of each parameter."""
    found: dict[str, Any] = {}
    literals = set()
    for name, value in _assignments(path):
        if (setting := _setting(value, found)) is not None:
            found[name] = pick(study, setting)
        else:
            literals.add(name)
            try:
                found[name] = given[name] if name in given else ast.literal_eval(value)
            except ValueError as error:
                raise StudyError(f"{path}: the parameter {name} must be a literal or params(...).") from error
        yield name, setting or "", found[name]
    if unknown := sorted(given.keys() - literals):
        raise StudyError(
            f"{path} has no parameter {unknown[0]} of its own; it has {', '.join(sorted(literals)) or 'none'}."
        )


def _assignments(path: Path) -> Iterator[tuple[str, ast.expr]]:
    from tts_lib.study import notebooks  # of no use to a kernel, which is told its values

    for statement in ast.parse(notebooks.parameters_cell(path)).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name != "params":
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case ast.ImportFrom(module="tts_lib.study") | ast.Assign(targets=[ast.Name(id="params")]):
                continue
            case _:
                raise StudyError(f"{path}: line {statement.lineno} of the parameters cell is not `name = value`.")


def _setting(value: ast.expr, found: Mapping[str, Any]) -> str | None:
    """The dotted name in `params(...)`, filled with earlier parameters; None for anything else."""
    match value:
        case ast.Call(func=ast.Name(id="params"), args=[ast.Constant(value=str() as name)], keywords=[]):
            return name
        case ast.Call(func=ast.Name(id="params"), args=[ast.JoinedStr(values=parts)], keywords=[]):
            return "".join(
                str(part.value) if isinstance(part, ast.Constant) else str(found[part.value.id])  # pyright: ignore
                for part in parts
            )
        case _:
            return None


def _own_name() -> str:
    """The name of the notebook that runs here, as far as its server says."""
    return Path(os.environ.get("JPY_SESSION_NAME", "notebook")).stem
