"""Keys: what a sample depends on, and a fast index from keys to rows."""

import hashlib
import json
from collections.abc import Iterable, Mapping

import numpy as np

_MERGE_RATIO = 2


def context_keys(policy: str, settings: Mapping[str, object], prefixes: Iterable[np.ndarray]) -> np.ndarray:
    """Return the 128-bit context key of each prefix, uint64 (n, 2): BLAKE2b of policy version, settings and prefix.

    Args:
        policy: the policy's version (engine, its version, hash of the weights).
        settings: name -> number, text or bool; 1 and 1.0 differ.
        prefixes: int32 (T,) token ids each.
    """
    header = json.dumps([policy, dict(settings)], sort_keys=True).encode()
    common = hashlib.blake2b(len(header).to_bytes(8, "little") + header, digest_size=16)
    digests = []
    for prefix in prefixes:
        context = common.copy()
        context.update(np.ascontiguousarray(prefix, dtype="<i4").data)
        digests.append(context.digest())
    return np.frombuffer(b"".join(digests), dtype="<u8").reshape(-1, 2)


def sample_keys(contexts: np.ndarray, run_lengths: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Return the 128-bit sample keys, uint64 (2, n), of runs of samples that share a context.

    Within a context, different seeds give different keys; two contexts would have to agree by chance in 128 bits.

    Args:
        contexts: uint64 (run, 2), from `context_keys`.
        run_lengths: samples in each run (run,).
        seeds: uint64 (n,), run after run.
    """
    return np.stack(
        [
            np.repeat(contexts[:, 0], run_lengths) ^ seeds,
            np.repeat(contexts[:, 1], run_lengths) + seeds,
        ]
    )


def first_of_each(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each distinct key (2, n) first stands, ascending (m,), and which of those each key equals (n,)."""
    order = np.lexsort(keys)
    ordered = keys[:, order]
    starts = np.ones(len(order), bool)
    starts[1:] = (ordered[:, 1:] != ordered[:, :-1]).any(axis=0)
    firsts = order[starts]  # lexsort is stable: the earliest of equal keys leads its group
    rank = np.empty(len(firsts), np.int64)
    rank[np.argsort(firsts)] = np.arange(len(firsts))
    which = np.empty(len(order), np.int64)
    which[order] = rank[np.cumsum(starts) - 1]
    return np.sort(firsts), which


class KeyIndex:
    """Rows by sample key: a few sorted runs, merged as they grow (log-structured), all in numpy.

    About 24 bytes a sample. Adding costs a sort, and finding a binary search in each run.
    """

    def __init__(self) -> None:
        self._runs: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # first half, second half, row; by first half

    def add(self, keys: np.ndarray, rows: np.ndarray) -> None:
        """Add keys, uint64 (2, n), with their rows, int64 (n,). Of equal keys the one added first is found."""
        self._runs.append(_sorted_run(keys[0], keys[1], rows))
        while len(self._runs) > 1 and len(self._runs[-2][0]) < _MERGE_RATIO * len(self._runs[-1][0]):
            newer, older = self._runs.pop(), self._runs.pop()
            self._runs.append(_sorted_run(*(np.concatenate(pair) for pair in zip(older, newer, strict=True))))

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Return the rows of keys, uint64 (2, n), as int64 (n,), -1 where there is none."""
        found = np.full(keys.shape[1], -1, np.int64)
        order = np.argsort(keys[0])  # a sorted search touches each run front to back
        for firsts, seconds, rows in reversed(self._runs):
            asked = order
            at = np.searchsorted(firsts, keys[0, asked])
            while asked.size:
                inside = at < len(firsts)
                asked, at = asked[inside], at[inside]
                same_first = firsts[at] == keys[0, asked]
                asked, at = asked[same_first], at[same_first]
                hit = seconds[at] == keys[1, asked]
                found[asked[hit]] = rows[at[hit]]
                asked, at = asked[~hit], at[~hit] + 1
        return found


def _sorted_run(firsts: np.ndarray, seconds: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    order = np.argsort(firsts, kind="stable")  # merges sorted stretches in linear time
    return firsts[order], seconds[order], rows[order]
