"""One tiny study for all tests of supplements, whichever worker asks first."""

from pathlib import Path

import pytest
from filelock import FileLock


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """To be copied, not written into."""
    from helpers import tiny_study  # loads torch

    own = tmp_path_factory.getbasetemp()
    made = (own if worker_id == "master" else own.parent) / "tiny"
    with FileLock(f"{made}.lock"):
        if not made.exists():
            tiny_study.make(made.with_name("making")).rename(made)
    return made
