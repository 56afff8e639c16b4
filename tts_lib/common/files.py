"""Files, written atomically: a reader sees the old one or the new one, whole, whatever happens in between; hashed."""

import errno
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tts_lib.common.errors import StudyError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
TEMPORARY_GLOB = ".*.tmp"

logger = logging.getLogger(__name__)


class WriteError(StudyError, OSError):
    """A file could not be written. The message is one sentence for the user; the old file is as it was."""


def write_atomically(path: Path, *chunks: bytes | memoryview) -> None:
    """Write the chunks, one after the other, as the file ``path``; see `replacing_file`."""
    with replacing_file(path) as temporary, open(temporary, "xb") as file:
        for chunk in chunks:
            file.write(chunk)


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Where to write a file that takes the place of ``path`` once the block has ended without an error.

    Temporary file in the same folder, which is created if need be; then fsync, rename, fsync of the folder. After a
    kill, the worst that can be left behind is a temporary file (`TEMPORARY_GLOB`).

    Raises:
        WriteError: disk full, no permission, ...; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            _sync(temporary)
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync(path.parent)
    except OSError as error:
        raise WriteError(explain(error, path)) from error


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to write in, which takes the place of ``folder`` once the block has ended without an error.

    Two folders cannot change places in one step. A kill between the two leaves the old one beside its place, whole; the
    next call puts it back.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    old = folder.with_name(f".{folder.name}-old")
    if old.exists() and not folder.exists():
        os.replace(old, folder)
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield new
        for file in new.iterdir():
            file.chmod(0o644)
            _sync(file)
        new.chmod(0o755)
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            os.replace(folder, old)
        os.replace(new, folder)
        _sync(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(new, ignore_errors=True)


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Let one process at a time into the block: the one that holds the lock file ``path``; others wait, and say so.

    The operating system drops the lock of a process that dies, so none is ever stale.

    Args:
        what: is done in the block, for those who wait.

    Raises:
        WriteError: disk full, no permission, ...
    """
    from filelock import FileLock, Timeout  # most processes need none

    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        logger.warning("%s: under way in another process; waiting for it to end", what)
        lock.acquire()
    except OSError as error:
        raise WriteError(explain(error, path)) from error
    try:
        yield
    finally:
        lock.release()


def file_hash(*files: Path) -> str:
    """SHA-256 (hex) over the SHA-256 of each file."""
    total = hashlib.sha256()
    for path in files:
        with path.open("rb") as handle:
            total.update(hashlib.file_digest(handle, "sha256").digest())
    return total.hexdigest()


def _sync(path: Path) -> None:
    """Make what a file holds, or the renames and removals in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def explain(error: OSError, path: Path) -> str:
    """Say in one sentence why ``path`` could not be written."""
    if error.errno in _FULL:
        reason = f"the disk is full, or a quota or file-size limit is reached ({error.strerror}); free space, run again"
    else:
        reason = error.strerror or str(error)
    return f"cannot write {path}, which is left as it was: {reason}"
