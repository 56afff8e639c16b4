"""How the engine is compiled: the two workers are kept on disk, for exactly these sources."""

import hashlib
from pathlib import Path
from typing import Any

from numba import njit

inner = njit(nogil=True)  # compiled into the workers that call it
inlined = njit(nogil=True, inline="always")  # for functions of many arrays: a call would count references to each


@inner
def copy(source, target):
    """target = source, rows of one length (Numba's own assignment compiles ten times slower)."""
    for i in range(len(source)):
        target[i] = source[i]


def worker(function):
    """Compile and cache a worker.

    Numba would renew the cached code only when the worker's own file changes; here it is renewed when
    any file of the engine does, since kernels and layouts are compiled in.
    """
    dispatcher: Any = njit(nogil=True, cache=True)(function)
    dispatcher._cache._cache_file._source_stamp = sources_hash()
    return dispatcher


def sources_hash() -> str:
    """SHA-256 over the engine's files."""
    total = hashlib.sha256()
    for file in sorted([*Path(__file__).parent.glob("*.py"), Path(__file__).parents[1] / "randomness.py"]):
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()
