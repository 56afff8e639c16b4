"""The shard: one file of samples with their keys, in the safetensors layout (a JSON header, then plain arrays)."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tts_lib.answers.store.block import SampleBlock, joined, offsets_of
from tts_lib.answers.store.errors import DamagedShardError
from tts_lib.answers.store.keys import sample_keys
from tts_lib.answers.store.manifest import Entry, shard_name
from tts_lib.common.files import write_atomically

FORMAT = "tts_lib.store 1"

_CODES = {"U8": "|u1", "U16": "<u2", "U32": "<u4", "U64": "<u8", "I32": "<i4", "F32": "<f4"}
_CODE_OF = {np.dtype(dtype): code for code, dtype in _CODES.items()}


@dataclass(frozen=True)
class Shard:
    """Samples of one policy with their keys: runs of samples that share a context."""

    contexts: np.ndarray  # uint64 (run, 2)
    run_lengths: np.ndarray  # int64 (run,), samples in the run
    seeds: np.ndarray  # uint64 (n,)
    block: SampleBlock  # n samples

    def __post_init__(self) -> None:
        """Check that the arrays belong together.

        Raises:
            ValueError: they do not.
        """
        n = len(self.block)
        if not (self.run_lengths.sum() == len(self.seeds) == n and self.contexts.shape == (len(self.run_lengths), 2)):
            raise ValueError(
                f"{n} samples with {len(self.seeds)} seeds in runs of {self.run_lengths.sum()} samples in all, "
                f"{len(self.run_lengths)} runs with contexts {self.contexts.shape}: these must agree"
            )
        if len(self.block.offsets) != n + 1 or self.block.offsets[-1] != len(self.block.tokens):
            raise ValueError(
                f"offsets ({len(self.block.offsets)},) up to {self.block.offsets[-1]} do not fit "
                f"{n} samples with {len(self.block.tokens)} tokens"
            )

    def keys(self) -> np.ndarray:
        """Return the sample keys, uint64 (2, n)."""
        return sample_keys(self.contexts, self.run_lengths, self.seeds)

    @staticmethod
    def concatenate(shards: Sequence["Shard"]) -> "Shard":
        """Return the samples of all shards (at least one), in order."""
        return Shard(
            np.concatenate([shard.contexts for shard in shards]),
            np.concatenate([shard.run_lengths for shard in shards]),
            np.concatenate([shard.seeds for shard in shards]),
            joined([shard.block for shard in shards]),
        )


def encode(shard: Shard) -> bytes:
    """Return the file content of a shard; equal shards give equal bytes."""
    block = shard.block
    narrow = not block.tokens.size or (block.tokens.min() >= 0 and block.tokens.max() < 2**16)
    arrays = {  # wide items first, so that each array starts at a multiple of its item size
        "contexts": shard.contexts.astype("<u8", copy=False),
        "seeds": shard.seeds.astype("<u8", copy=False),
        "logprobs": block.logprobs if block.logprobs is None else block.logprobs.astype("<f4", copy=False),
        "run_lengths": shard.run_lengths.astype("<u4"),
        "n_tokens": np.diff(block.offsets).astype("<u4"),
        "tokens": block.tokens.astype("<u2" if narrow else "<i4"),
        "finish": block.finish.astype("|u1", copy=False),
    }
    header: dict[str, object] = {"__metadata__": {"format": FORMAT}}
    contents = []
    end = 0
    for name, array in arrays.items():
        if array is None:
            continue
        start, end = end, end + array.nbytes
        header[name] = {"dtype": _CODE_OF[array.dtype], "shape": array.shape, "data_offsets": [start, end]}
        contents.append(array.tobytes())
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *contents])


def decode(content: bytes) -> Shard:
    """Return the shard in a file's content, whose SHA-256 has been checked.

    Raises:
        ValueError: a format of another version.
    """
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    if header.pop("__metadata__", None) != {"format": FORMAT}:
        raise ValueError(f"not of the format {FORMAT!r}")
    arrays = {name: _array(content, start, **place) for name, place in header.items()}
    block = SampleBlock(
        arrays["tokens"].astype(np.int32, copy=False),
        offsets_of(arrays["n_tokens"]),
        arrays["finish"],
        arrays.get("logprobs"),
    )
    return Shard(arrays["contexts"], arrays["run_lengths"].astype(np.int64), arrays["seeds"], block)


def write_shard(folder: Path, shard: Shard, policy: str) -> Entry:
    """Write a shard into the store in ``folder`` and return its entry, which the manifest does not list yet.

    Raises:
        WriteError: disk full, no permission.
    """
    content = encode(shard)
    sha256 = hashlib.sha256(content).hexdigest()
    entry = Entry(
        shard=shard_name(sha256),
        sha256=sha256,
        bytes=len(content),
        samples=len(shard.block),
        tokens=len(shard.block.tokens),
        policy=policy,
        logprobs=shard.block.logprobs is not None,
        created_by=FORMAT,
    )
    write_atomically(entry.path_in(folder), content)
    return entry


def read_shard(folder: Path, entry: Entry) -> Shard:
    """Return a shard of the store in ``folder``.

    Raises:
        DamagedShardError: the file is missing, unreadable, or not the one that the manifest lists.
    """
    path = entry.path_in(folder)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DamagedShardError(f"shard {path} is missing") from error
    except OSError as error:
        raise DamagedShardError(f"shard {path} cannot be read ({error.strerror})") from error
    if len(content) != entry.bytes:
        raise DamagedShardError(f"shard {path} is damaged: {len(content)} bytes instead of {entry.bytes}")
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise DamagedShardError(f"shard {path} is damaged: its SHA-256 is not the one in the manifest")
    try:
        shard = decode(content)
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedShardError(f"shard {path} cannot be understood ({error})") from error
    if len(shard.block) != entry.samples:
        raise DamagedShardError(f"shard {path} holds {len(shard.block)} samples, not {entry.samples} as listed")
    return shard


def _array(content: bytes, start: int, dtype: str, shape: list[int], data_offsets: list[int]) -> np.ndarray:
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(content, _CODES[dtype], count, start + data_offsets[0]).reshape(shape)
