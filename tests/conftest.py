"""Shapes and types of every call are checked in the light rooms (numba cannot compile functions that are wrapped).

Tests marked `vllm` run in the environment of `make test-vllm` and are skipped where vLLM is not installed.
"""

import importlib.util

import pytest
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

from layers import HEAVY_ROOMS, ROOMS

check = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int may stand for a float
install_import_hook([f"tts_lib.{room}" for room in ROOMS if room not in HEAVY_ROOMS], "conftest.check")
pytest.register_assert_rewrite("helpers.engine_contract")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs vLLM where it is missing; its own deprecation warnings are not ours to mend."""
    has_vllm = importlib.util.find_spec("vllm") is not None
    for item in items:
        if item.get_closest_marker("vllm"):
            item.add_marker(pytest.mark.filterwarnings("ignore:::(vllm|torch|importlib)"))
            if not has_vllm:
                item.add_marker(pytest.mark.skip(reason="needs vLLM: make test-vllm"))
