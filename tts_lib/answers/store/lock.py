"""One writer at a time. The operating system drops the lock of a process that dies, so none is ever stale."""

import json
import logging
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from tts_lib.answers.store.errors import StoreError
from tts_lib.common.files import WriteError, explain, write_atomically

logger = logging.getLogger(__name__)


class WriterLock:
    """The right to write to the store in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / "writer.lock")
        self._holder = folder / "writer.json"

    def acquire(self, wait: bool = False) -> None:
        """Take the lock, and write down who holds it.

        Args:
            wait: until another process that has the lock gives it back, saying so; several studies share a store.

        Raises:
            StoreError: another process has it; the message says which, and since when.
            WriteError: disk full, no permission.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout as error:
            held = f"the store {self._folder} is being written by {self._holder_in_words()}"
            if not wait:
                raise StoreError(f"{held}; wait for it to end, or stop it, and run again") from error
            logger.warning("%s; waiting for it to end", held)
            self._lock.acquire()
        except OSError as error:
            raise WriteError(explain(error, self._folder)) from error
        since = datetime.now(UTC).isoformat(timespec="seconds")
        record = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        try:
            write_atomically(self._holder, json.dumps(record, sort_keys=True).encode())
        except WriteError:
            self._lock.release()
            raise

    def release(self) -> None:
        """Give the lock back; nothing happens if it is not held."""
        if self._lock.is_locked:
            self._holder.unlink(missing_ok=True)
            self._lock.release()

    def _holder_in_words(self) -> str:
        try:
            record = json.loads(self._holder.read_bytes())
            return f"process {record['pid']} on {record['host']} since {record['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process, which has only just started"
