"""What the tests of answers share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tts_lib.answers.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store of its own for each test, open to be written."""
    with Store.open(tmp_path / "store", write=True) as opened:
        yield opened
