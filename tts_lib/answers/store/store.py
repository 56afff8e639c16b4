"""The store itself: find, read and append samples by key."""

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from tts_lib.answers.store.block import SampleBlock, joined
from tts_lib.answers.store.errors import DamagedShardError, StoreError
from tts_lib.answers.store.keys import KeyIndex
from tts_lib.answers.store.lock import WriterLock
from tts_lib.answers.store.manifest import QUARANTINE, Entry, is_store, read_manifest, write_manifest
from tts_lib.answers.store.shard import Shard, read_shard, write_shard
from tts_lib.common.files import WriteError

_log = logging.getLogger("tts_lib.answers.store")
_LOST = "%s; its samples count as never taken"


@dataclass
class _Segment:
    """Consecutive rows, from a shard file (read when first needed) or waiting to become one."""

    first_row: int
    entry: Entry | None  # None while waiting
    block: SampleBlock | None  # None until read


class Store:
    """Samples by key. Rows number the samples of this opened store in the order in which they came to be known to it.

    The shards of a policy are read when one of its samples is first asked for, so that a store in which other models
    left millions of samples costs no more than what is asked of it. Use `Store.open`, as a context manager: leaving it
    flushes and gives the lock back.
    """

    def __init__(self, folder: Path, lock: WriterLock | None) -> None:
        self.folder = folder
        self.entries: list[Entry] = []
        self._lock = lock
        self._indexes: dict[str, KeyIndex] = {}  # by policy version, of those asked for so far
        self._segments: list[_Segment] = []
        self._n_rows = 0
        self._waiting: list[Shard] = []
        self._waiting_kind: tuple[str, bool] | None = None  # policy version, with log-probabilities

    @classmethod
    def open(cls, folder: Path | str, write: bool = False, wait: bool = True) -> "Store":
        """Open the store in ``folder``; each shard is verified against its SHA-256 before its keys are indexed.

        A damaged shard is named in one logged sentence and its samples count as never taken. A writer also moves it to
        quarantine; a reader leaves the folder alone.

        Args:
            write: one writer at a time.
            wait: for another writer to end; else it is an error.

        Raises:
            StoreError: there is no store (reader), or another process writes to it (writer).
            WriteError: disk full, no permission (writer).
        """
        folder = Path(folder)
        lock = None
        if write:
            lock = WriterLock(folder)
            lock.acquire(wait)
        store = cls(folder, lock)
        try:
            if write and not is_store(folder):
                write_manifest(folder, [])
            store._list()
        except BaseException:
            store._release()
            raise
        return store

    def __len__(self) -> int:
        """Return the number of samples, those not flushed yet included."""
        return sum(entry.samples for entry in self.entries) + sum(len(shard.block) for shard in self._waiting)

    def find(self, policy: str, keys: np.ndarray) -> np.ndarray:
        """Return the rows of samples of the policy version ``policy``, -1 where there is no such sample.

        Args:
            keys: of the samples, uint64 (2, n).

        Returns:
            int64 (n,).

        Raises:
            StoreError: see `flush`.
        """
        return self._index(policy).find(keys)

    def verify(self) -> None:
        """Verify the shards of every policy now."""
        for policy in {entry.policy for entry in self.entries}:
            self._intact(policy)

    def read(self, rows: np.ndarray) -> SampleBlock:
        """Return the samples at ``rows``, int64 (m,), in that order.

        Raises:
            StoreError: a shard was damaged or removed after the store was opened.
        """
        first_rows = np.array([segment.first_row for segment in self._segments], np.int64)
        segment_of = np.searchsorted(first_rows, rows, side="right") - 1
        order = np.argsort(segment_of, kind="stable")
        used, starts = np.unique(segment_of[order], return_index=True)
        if not used.size:
            return SampleBlock(np.empty(0, np.int32), np.zeros(1, np.int64), np.empty(0, np.uint8), None)
        parts = []
        for segment, positions in zip(used, np.split(order, starts[1:]), strict=True):
            parts.append(self._block(self._segments[segment]).take(rows[positions] - first_rows[segment]))
        if len(parts) == 1:
            return parts[0]
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return joined(parts).take(back)

    def append(self, policy: str, shard: Shard) -> np.ndarray:
        """Take in samples of the policy version ``policy`` that `find` does not know; return their rows, int64 (n,).

        They can be found and read at once, and are on disk after the next `flush`.

        Raises:
            StoreError: the store was opened for reading; or see `flush`.
        """
        if self._lock is None:
            raise StoreError(f"the store {self.folder} is open for reading only, so nothing can be added to it")
        index = self._index(policy)
        kind = (policy, shard.block.logprobs is not None)
        if kind != self._waiting_kind:  # a shard holds samples of one kind
            self.flush()
        self._waiting_kind = kind
        rows = np.arange(self._n_rows, self._n_rows + len(shard.block))
        if rows.size:
            self._waiting.append(shard)
            self._segments.append(_Segment(self._n_rows, None, shard.block))
            index.add(shard.keys(), rows)
            self._n_rows += len(rows)
        return rows

    def flush(self) -> None:
        """Write what was appended since the last flush as one shard, then list it in the manifest.

        Raises:
            StoreError: it cannot be written (disk full, ...); everything flushed before is kept.
        """
        if not self._waiting or self._waiting_kind is None:
            return
        shard = Shard.concatenate(self._waiting)
        try:
            entry = write_shard(self.folder, shard, self._waiting_kind[0])
            write_manifest(self.folder, [*self.entries, entry])
        except WriteError as error:
            raise StoreError(f"{error}; {len(shard.block)} new samples are not stored, all earlier ones are") from error
        first_row = self._segments[-len(self._waiting)].first_row
        del self._segments[-len(self._waiting) :]
        self._segments.append(_Segment(first_row, entry, None))
        self.entries.append(entry)
        self._waiting = []

    def close(self) -> None:
        """Flush and give the lock back; from then on the store can only be read.

        Raises:
            StoreError: see `flush`; the lock is given back all the same.
        """
        try:
            self.flush()
        finally:
            self._waiting = []
            self._release()

    def __enter__(self) -> "Store":
        """Return the open store."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close; where the block has failed already, its error is the one that is reported."""
        try:
            self.close()
        except StoreError as second:
            if error is None:
                raise
            if not isinstance(error, StoreError):
                _log.error("%s", second)

    def _list(self) -> None:
        self.entries, torn = read_manifest(self.folder)
        for complaint in torn:
            _log.warning(_LOST, complaint)
        if self._lock is not None and torn:
            write_manifest(self.folder, self.entries)

    def _index(self, policy: str) -> KeyIndex:
        """The keys of a policy's samples; its shards are read, verified and given rows when it is first asked for."""
        if policy not in self._indexes:
            self.flush()  # what waits has the last rows
            index, shards, keys = KeyIndex(), *self._intact(policy)
            for entry in shards:
                self._segments.append(_Segment(self._n_rows, entry, None))
                self._n_rows += entry.samples
            if keys:
                halves = np.concatenate(keys, axis=1)
                index.add(halves, np.arange(self._n_rows - halves.shape[1], self._n_rows))
            self._indexes[policy] = index
        return self._indexes[policy]

    def _intact(self, policy: str) -> tuple[list[Entry], list[np.ndarray]]:
        """The intact shards of a policy with their keys; damaged ones are named and, by a writer, set aside."""
        intact, damaged, keys = list[Entry](), dict[Entry, str](), list[np.ndarray]()
        for entry in [entry for entry in self.entries if entry.policy == policy]:
            try:
                keys.append(read_shard(self.folder, entry).keys())
                intact.append(entry)
            except DamagedShardError as error:
                if self._lock is None and (listed := read_manifest(self.folder)[0]) != self.entries:
                    self.entries = listed  # a gc has merged shards in the meantime
                    return self._intact(policy)
                damaged[entry] = str(error)
        for complaint in damaged.values():
            _log.warning(_LOST, complaint)
        self.entries = [entry for entry in self.entries if entry not in damaged]
        if self._lock is not None and damaged:
            self._set_aside(damaged)
        return intact, keys

    def _set_aside(self, damaged: Iterable[Entry]) -> None:
        quarantine = self.folder / QUARANTINE
        quarantine.mkdir(exist_ok=True)
        for entry in damaged:
            path = entry.path_in(self.folder)
            if path.exists():
                os.replace(path, quarantine / path.name)
        write_manifest(self.folder, self.entries)

    def _block(self, segment: _Segment) -> SampleBlock:
        if segment.block is None and segment.entry is not None:
            try:
                segment.block = read_shard(self.folder, segment.entry).block
            except DamagedShardError as error:
                raise StoreError(f"{error}, though it was intact when this run opened it; run again") from error
        assert segment.block is not None
        return segment.block

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None
