"""A full disk, as far as one process can have one of its own."""

import resource
from contextlib import contextmanager


@contextmanager
def file_size_limit(n_bytes: int):
    """Let no file grow beyond n_bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
