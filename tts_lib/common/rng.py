"""Seeds: every random number of the study comes from a hash of what it is for.

A seed is named by its parts, e.g. ``("study", 7, model, question_id, "pool")``, and not by a position in a stream, so
the same sample comes out whatever the batch, the order or the number of workers. Nobody calls a global generator.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

Part = str | bytes | int | np.integer

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_SHIFT_1, _SHIFT_2, _SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31)


def derive_seed(*parts: Part) -> np.uint64:
    """Return the 64-bit seed named by ``parts``; order, type and the borders between the parts all count.

    Raises:
        TypeError: no part, or one that is not text, bytes or a whole number (a float or bool has no one spelling).
    """
    return np.uint64(int.from_bytes(_digest(parts, n_bytes=8), "little"))


def derive_seeds(parts: Sequence[Part], indices: int | np.ndarray) -> np.ndarray:
    """Return one seed per index, uint64 (n,), for samples that share ``parts`` (never equal for different indices).

    Args:
        parts: as for `derive_seed`; the seeds of other parts are unrelated.
        indices: the sample indices (n,), or a number n for 0..n-1. Seed i does not depend on the other indices.

    Raises:
        TypeError: see `derive_seed`; or indices are not whole numbers.
        ValueError: an index below 0.
    """
    indices = np.arange(indices) if isinstance(indices, int) else np.asarray(indices)
    if not np.issubdtype(indices.dtype, np.integer):
        raise TypeError(f"sample indices must be whole numbers, not {indices.dtype}")
    if indices.size and indices.min() < 0:
        raise ValueError(f"sample indices must be 0 or more, not {indices.min()}")
    return mix(derive_seed(*parts), indices.astype(np.uint64))


def mix(seeds: np.ndarray | np.uint64, indices: np.ndarray | np.uint64) -> np.ndarray:
    """Return the seeds of ``indices`` under ``seeds``, uint64, broadcast: (context, 1) with (sample,) gives both axes.

    For one seed this is a bijection of the index: a round of splitmix64 (Steele et al. 2014) on the index, then another
    on its xor with the seed.
    """
    return _splitmix64(_splitmix64(np.atleast_1d(indices)) ^ seeds)


def generator(*parts: Part) -> np.random.Generator:
    """Return a generator of its own for the purpose named by ``parts`` (bootstrap, shuffles, initial weights).

    Raises:
        TypeError: see `derive_seed`.
    """
    return np.random.Generator(np.random.PCG64(int.from_bytes(_digest(parts, n_bytes=16), "little")))


def _digest(parts: Sequence[Part], n_bytes: int) -> bytes:
    """Hash the parts, each written as a type letter, its length and its bytes, so that no two lists look alike."""
    if not parts:
        raise TypeError("a seed needs at least one part that names its purpose")
    return hashlib.blake2b(b"".join(map(_encoded, parts)), digest_size=n_bytes).digest()


def _encoded(part: Part) -> bytes:
    if isinstance(part, str):
        letter, payload = b"s", part.encode()
    elif isinstance(part, bytes):
        letter, payload = b"b", part
    elif isinstance(part, int | np.integer) and not isinstance(part, bool):
        letter, payload = b"i", str(int(part)).encode()
    else:
        raise TypeError(f"a part of a seed must be text, bytes or a whole number, not {part!r} ({type(part).__name__})")
    return letter + len(payload).to_bytes(8, "little") + payload


def _splitmix64(values: np.ndarray) -> np.ndarray:
    values = values + _GOLDEN
    values = (values ^ (values >> _SHIFT_1)) * _MIX_1
    values = (values ^ (values >> _SHIFT_2)) * _MIX_2
    return values ^ (values >> _SHIFT_3)
