"""How the engine is compiled: every function once, kept on disk for exactly these sources."""

import functools
import hashlib
import sys
from pathlib import Path
from typing import Any

from numba import njit
from numba.core import event
from tqdm import tqdm

inlined = njit(nogil=True, inline="always")  # for functions of many arrays: a call would count references to each


def compiled(function):
    """Compile a function when it is first called, and keep the code.

    Numba would renew kept code only when the function's own file changes; here it is renewed when any
    file of the engine does, since functions, kernels and layouts of others are compiled in.
    """
    _say_when_it_compiles()
    dispatcher: Any = njit(nogil=True, cache=True)(function)
    dispatcher._cache._cache_file._source_stamp = sources_hash()
    return dispatcher


class _Saying(event.Listener):
    """Says that code is being compiled, when the first of it is; what is kept on disk is loaded in silence."""

    said = False

    def on_start(self, event: event.Event) -> None:
        if not self.said:
            self.said = True
            tqdm.write(
                "Compiling the engine for this processor, once: half a minute or so.", file=sys.stderr
            )  # above bars

    def on_end(self, event: event.Event) -> None:
        pass


@functools.cache
def _say_when_it_compiles() -> None:
    event.register("numba:compile", _Saying())


@functools.cache
def sources_hash(folder: Path = Path(__file__).parent) -> str:
    """SHA-256 over the engine's files; `folder`: that of the engine."""
    total = hashlib.sha256()
    for file in sorted([*folder.glob("*.py"), folder.parent / "randomness.py"]):
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


@compiled
def copy(source, target):
    """target = source, rows of one length (Numba's own assignment compiles ten times slower)."""
    for i in range(len(source)):
        target[i] = source[i]
