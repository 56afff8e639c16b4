"""Shapes and types of every call are checked in layers 0-3 (numba could not compile the wrapped functions above).

Tests marked `vllm` run in the environment of `make test-vllm` and are skipped where vLLM is not installed.
"""

import importlib.util

import pytest
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

from layers import HEAVY_LAYER, LAYERS

check = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int may stand for a float
install_import_hook([f"tts_lib.{room}" for rooms in LAYERS[:HEAVY_LAYER] for room in rooms], "conftest.check")
pytest.register_assert_rewrite("engine_contract")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs vLLM where it is missing; its own deprecation warnings are not ours to mend."""
    has_vllm = importlib.util.find_spec("vllm") is not None
    for item in items:
        if item.get_closest_marker("vllm"):
            item.add_marker(pytest.mark.filterwarnings("ignore:::(vllm|torch|importlib)"))
            if not has_vllm:
                item.add_marker(pytest.mark.skip(reason="needs vLLM: make test-vllm"))
