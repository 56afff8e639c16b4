"""The manifest: which shards count, and what they hold. JSON lines, so that a damaged line costs one shard only."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tts_lib.answers.store.errors import StoreError
from tts_lib.common.files import write_atomically

MANIFEST, SHARDS, QUARANTINE = "manifest.jsonl", "shards", "quarantine"


@dataclass(frozen=True)
class Entry:
    """One line of the manifest."""

    shard: str  # file name
    sha256: str
    bytes: int
    samples: int
    tokens: int
    policy: str  # version of the policy that all samples of the shard are from
    logprobs: bool
    created_by: str  # store format

    def __post_init__(self) -> None:
        """Check the types, and that the shard's name is that of its content.

        Raises:
            ValueError: a field of another type, or a name that does not follow from the SHA-256.
        """
        for field in fields(self):
            if type(getattr(self, field.name)) is not field.type:
                raise ValueError(f"{field.name} is {getattr(self, field.name)!r}")
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256) or self.shard != shard_name(self.sha256):
            raise ValueError(f"shard {self.shard!r} is not named by its SHA-256 {self.sha256!r}")

    def path_in(self, folder: Path) -> Path:
        """Return where the shard lies in the store in ``folder``."""
        return folder / SHARDS / self.shard


def shard_name(sha256: str) -> str:
    """Return the file name of the shard whose content has this SHA-256."""
    return f"shard-{sha256[:32]}.safetensors"


def is_store(folder: Path) -> bool:
    """Return whether there is a store in ``folder``: a manifest, if only an empty one."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path) -> tuple[list[Entry], list[str]]:
    """Return the entries of the store in ``folder``, and one complaint for each line that is torn or damaged.

    Raises:
        StoreError: there is no store.
    """
    if not is_store(folder):
        raise StoreError(f"there is no store at {folder}")
    path = folder / MANIFEST
    entries: list[Entry] = []
    complaints = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            entries.append(Entry(**json.loads(line)))
        except (ValueError, TypeError):
            complaints.append(f"line {number} of {path} is torn or damaged")
    return entries, complaints


def write_manifest(folder: Path, entries: Sequence[Entry]) -> None:
    """Replace the manifest of the store in ``folder``.

    Raises:
        WriteError: disk full, no permission; the old manifest stays.
    """
    lines = [json.dumps(asdict(entry), sort_keys=True) + "\n" for entry in entries]
    write_atomically(folder / MANIFEST, "".join(lines).encode())
