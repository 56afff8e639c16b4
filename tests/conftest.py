"""Shapes and types of every call are checked in the light rooms (numba cannot compile functions that are wrapped).

Tests marked `vllm` run in the environment of `make test-vllm` and are skipped where vLLM is not installed. Where torch
is not installed (`make test-light`), the modules that load it or its like are left out.
"""

import gc
import importlib.util
from pathlib import Path

import pytest
import sklearn.pipeline  # noqa: F401 (found compiled only where no hook is at work)
from beartype import BeartypeConf, beartype
from beartype.claw import beartype_packages
from jaxtyping import install_import_hook

from helpers.pipeline import loads, modules
from layers import HEAVY, HEAVY_ROOMS, room

CHECKED = BeartypeConf(is_pep484_tower=True, claw_is_pep526=False)  # an int may stand for a float
check = beartype(conf=CHECKED)
light = {name: path for name, path in modules().items() if name != "tts_lib" and room(name) not in HEAVY_ROOMS}
sources = {name: path.read_text(encoding="utf-8") for name, path in light.items()}
# Beartype alone takes a tenth of the time, but knows no shapes, nor names that are imported for type checkers alone.
shaped = [name for name, source in sources.items() if "jaxtyping" in source or "TYPE_CHECKING" in source]
install_import_hook(shaped, "conftest.check")
beartype_packages([name for name in light if name not in shaped and light[name].name != "__init__.py"], conf=CHECKED)
pytest.register_assert_rewrite("helpers.engine_contract")
gc.disable()  # until all is imported, which stays: to look through it again and again takes seconds


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook opened by hand leads back to its study; the next test starts from none."""
    monkeypatch.setattr("tts_lib.common.paths.STUDY", Path())


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """None leaves the decision to pytest."""
    if importlib.util.find_spec("torch") is not None or not collection_path.match("test_*.py"):
        return None
    missing = {name for name in HEAVY if importlib.util.find_spec(name) is None}
    return True if {name.split(".")[0] for name in loads(collection_path)} & missing else None


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs vLLM where it is missing; its own deprecation warnings are not ours to mend."""
    has_vllm = importlib.util.find_spec("vllm") is not None
    for item in items:
        if item.get_closest_marker("vllm"):
            item.add_marker(pytest.mark.filterwarnings("ignore:::(vllm|torch|importlib)"))
            if not has_vllm:
                item.add_marker(pytest.mark.skip(reason="needs vLLM: make test-vllm"))
