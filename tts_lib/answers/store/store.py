"""The store itself: find, read and append samples by key."""

import logging
import os
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


@dataclass
class _Segment:
    """Consecutive rows, from a shard file (read when first needed) or waiting to become one."""

    first_row: int
    entry: Entry | None  # None while waiting
    block: SampleBlock | None  # None until read


class Store:
    """Samples by key. Rows number the samples of this opened store in order: shard after shard, then what is appended.

    Use `Store.open`, as a context manager: leaving it flushes and gives the lock back.
    """

    def __init__(self, folder: Path, lock: WriterLock | None) -> None:
        self.folder = folder
        self.entries: list[Entry] = []
        self._lock = lock
        self._index = KeyIndex()
        self._segments: list[_Segment] = []
        self._n_rows = 0
        self._waiting: list[Shard] = []
        self._waiting_kind: tuple[str, bool] | None = None  # policy version, with log-probabilities

    @classmethod
    def open(cls, folder: Path | str, write: bool = False, wait: bool = True) -> "Store":
        """Open the store in ``folder``, verify every shard against its SHA-256 and index the keys.

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
            store._load()
        except BaseException:
            store._release()
            raise
        return store

    def __len__(self) -> int:
        """Return the number of samples, those not flushed yet included."""
        return self._n_rows

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Return the rows of sample keys, uint64 (2, n), as int64 (n,), -1 where there is no such sample."""
        return self._index.find(keys)

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
        kind = (policy, shard.block.logprobs is not None)
        if kind != self._waiting_kind:  # a shard holds samples of one kind
            self.flush()
        self._waiting_kind = kind
        rows = np.arange(self._n_rows, self._n_rows + len(shard.block))
        if rows.size:
            self._waiting.append(shard)
            self._segments.append(_Segment(self._n_rows, None, shard.block))
            self._index.add(shard.keys(), rows)
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

    def _load(self) -> None:
        entries, complaints = read_manifest(self.folder)
        intact, damaged, keys = [], [], []
        for entry in entries:
            try:
                keys.append(read_shard(self.folder, entry).keys())
                intact.append(entry)
            except DamagedShardError as error:
                if self._lock is None and read_manifest(self.folder)[0] != entries:
                    return self._load()  # a gc has merged shards in the meantime
                complaints.append(str(error))
                damaged.append(entry)
        for complaint in complaints:
            _log.warning("%s; its samples count as never taken", complaint)
        for entry in intact:
            self._segments.append(_Segment(self._n_rows, entry, None))
            self._n_rows += entry.samples
        if keys:
            self._index.add(np.concatenate(keys, axis=1), np.arange(self._n_rows))
        self.entries = intact
        if self._lock is not None and complaints:
            self._set_aside(damaged)

    def _set_aside(self, damaged: list[Entry]) -> None:
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
