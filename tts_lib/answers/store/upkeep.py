"""Looking after a store: verify it, say what it holds, clear away what no longer counts."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from tts_lib.answers.store.errors import DamagedShardError
from tts_lib.answers.store.manifest import QUARANTINE, SHARDS, Entry, read_manifest, write_manifest
from tts_lib.answers.store.shard import Shard, read_shard, write_shard
from tts_lib.answers.store.store import Store
from tts_lib.common.files import TEMPORARY_GLOB

SMALL_SHARD = 8 * 2**20  # bytes; smaller shards are merged
MERGED_SHARD = 64 * 2**20  # bytes; merging stops here


def verify(folder: Path) -> tuple[list[str], str]:
    """Read every shard, and return one sentence for each damage and a summary. Changes nothing.

    Raises:
        StoreError: there is no store.
    """
    entries, complaints = read_manifest(folder)
    for entry in entries:
        try:
            read_shard(folder, entry)
        except DamagedShardError as error:
            complaints.append(str(error))
    summary = f"{folder}: {len(entries)} shards listed, {_in_words(entries)}"
    verdict = f"{len(complaints)} damaged, which the next run samples again" if complaints else "all intact"
    return complaints, f"{summary}: {verdict}"


def stats(folder: Path) -> str:
    """Return the number of samples, tokens, bytes and shards, per policy version and in all.

    Raises:
        StoreError: there is no store.
    """
    entries, _ = read_manifest(folder)
    by_policy: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_policy[entry.policy].append(entry)
    lines = [f"{policy}: {_in_words(group)} in {len(group)} shards" for policy, group in sorted(by_policy.items())]
    return "\n".join([*lines, f"{folder} in all: {_in_words(entries)} in {len(entries)} shards"])


def collect_garbage(folder: Path) -> str:
    """Merge small shards, remove files that do not count (temporary, unlisted, in quarantine), and say what was done.

    Raises:
        StoreError: there is no store, or another process writes to it.
        WriteError: disk full, no permission; no sample is lost.
    """
    read_manifest(folder)  # before the lock: it must not make a store where there is none
    with Store.open(folder, write=True, wait=False) as store:
        store.verify()
        n_before = len(store.entries)
        entries = _merged(folder, store.entries)
        write_manifest(folder, entries)
        listed = {entry.shard for entry in entries}
        leftovers = [path for path in (folder / SHARDS).glob("*") if path.name not in listed]
        leftovers += [*folder.glob(TEMPORARY_GLOB), *(folder / QUARANTINE).glob("*")]
        n_bytes = sum(path.stat().st_size for path in leftovers)
        for path in leftovers:
            path.unlink()
    return f"{folder}: {n_before} shards merged into {len(entries)}, {len(leftovers)} files removed ({n_bytes:,} bytes)"


def _in_words(entries: Iterable[Entry]) -> str:
    entries = list(entries)
    samples, tokens, n_bytes = (
        sum(getattr(entry, name) for entry in entries) for name in ("samples", "tokens", "bytes")
    )
    return f"{samples:,} samples, {tokens:,} tokens, {n_bytes:,} bytes"


def _merged(folder: Path, entries: list[Entry]) -> list[Entry]:
    """Write merged shards for the small ones of each kind, and return the entries that then count."""
    result = [entry for entry in entries if entry.bytes >= SMALL_SHARD]
    small: defaultdict[tuple[str, bool], list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.bytes < SMALL_SHARD:
            small[entry.policy, entry.logprobs].append(entry)
    for (policy, _), group in small.items():
        for batch in _batches(group):
            if len(batch) == 1:
                result += batch
            else:
                merged = Shard.concatenate([read_shard(folder, entry) for entry in batch])
                result.append(write_shard(folder, merged, policy))
    return result


def _batches(entries: list[Entry]) -> list[list[Entry]]:
    """Cut consecutive entries into batches of at most about `MERGED_SHARD` bytes."""
    batches: list[list[Entry]] = [[]]
    for entry in entries:
        if sum(waiting.bytes for waiting in batches[-1]) > MERGED_SHARD:
            batches.append([])
        batches[-1].append(entry)
    return batches
