import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from helpers.full_disk import file_size_limit
from tts_lib.answers.store.__main__ import main as command
from tts_lib.answers.store.block import SampleBlock, joined
from tts_lib.answers.store.errors import StoreError
from tts_lib.answers.store.keys import KeyIndex, context_keys, first_of_each, sample_keys
from tts_lib.answers.store.manifest import MANIFEST, QUARANTINE, SHARDS, read_manifest
from tts_lib.answers.store.shard import Shard, decode, encode
from tts_lib.answers.store.store import Store
from tts_lib.common.files import WriteError
from tts_lib.common.rng import derive_seeds, generator

SETTINGS = {"temperature": 1.0, "until": "end"}


def make_shard(contexts: list[int], n_seeds: int = 5, logprobs: bool = False) -> Shard:
    """n_seeds samples for each context (a prefix of one token); 0 to 4 tokens a sample, all from context and seed."""
    runs = context_keys("p", SETTINGS, [np.array([context], np.int32) for context in contexts])
    seeds = np.concatenate([derive_seeds(("seed",), n_seeds) for _ in contexts])
    owner = np.repeat(np.array(contexts), n_seeds)
    lengths = (seeds % np.uint64(5)).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokens = (np.repeat(owner, lengths) * 7 + np.arange(offsets[-1])).astype(np.int32)
    block = SampleBlock(
        tokens, offsets, (seeds % np.uint64(3)).astype(np.uint8), -tokens.astype(np.float32) if logprobs else None
    )
    return Shard(runs, np.full(len(contexts), n_seeds), seeds, block)


def assert_same(one: SampleBlock, other: SampleBlock) -> None:
    assert one.tokens.dtype == other.tokens.dtype == np.int32
    assert np.array_equal(one.tokens, other.tokens)
    assert np.array_equal(one.offsets, other.offsets)
    assert np.array_equal(one.finish, other.finish)
    assert (one.logprobs is None) == (other.logprobs is None)
    assert one.logprobs is None or np.array_equal(one.logprobs, other.logprobs)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A store with three shards of 10 samples."""
    with Store.open(tmp_path / "store", write=True) as store:
        for first in (0, 2, 4):
            store.append("p", make_shard([first, first + 1]))
            store.flush()
    return tmp_path / "store"


def shard_paths(folder: Path) -> list[Path]:
    return [entry.path_in(folder) for entry in read_manifest(folder)[0]]


def found(folder: Path, contexts: list[int], write: bool = False) -> list[bool]:
    """Whether all samples of each context are in the store, and right."""
    with Store.open(folder, write) as store:
        result = []
        for context in contexts:
            shard = make_shard([context])
            rows = store.find("p", shard.keys())
            assert (rows < 0).all() or (rows >= 0).all()
            result.append(bool((rows >= 0).all()))
            if result[-1]:
                whole = make_shard([context - context % 2, context - context % 2 + 1]).block
                assert_same(store.read(rows), whole.take(np.arange(5) + 5 * (context % 2)))
        return result


# Keys and index


def test_context_depends_on_policy_settings_and_prefix():
    prefix = [np.array([1, 2, 3], np.int32)]
    contexts = [
        context_keys("p", SETTINGS, prefix),
        context_keys("q", SETTINGS, prefix),
        context_keys("p", SETTINGS | {"temperature": 0.7}, prefix),
        context_keys("p", SETTINGS | {"top_p": 1.0}, prefix),
        context_keys("p", SETTINGS, [np.array([1, 2], np.int32)]),
        context_keys("p", SETTINGS, [np.array([2, 1, 3], np.int32)]),
        context_keys("p", SETTINGS, [np.array([], np.int32)]),
    ]
    assert len({tuple(context[0].tolist()) for context in contexts}) == len(contexts)


def test_context_keys_never_change():
    assert context_keys("p", SETTINGS, [np.array([1, 2, 3], np.int32)]).tolist() == [
        [5559032036385934222, 1366438214610134400]
    ]
    assert np.array_equal(
        context_keys("p", SETTINGS, [np.array([1, 2, 3])]),
        context_keys("p", dict(reversed(SETTINGS.items())), [np.array([1, 9, 2, 9, 3], np.int32)[::2]]),
    )


def test_index_finds_what_was_added_and_nothing_else():
    rng = generator("index")
    index = KeyIndex()
    keys = rng.integers(0, 2**64, (2, 5000), dtype=np.uint64)
    keys[0, :2000] = keys[0, 0]  # halves that agree: all must be told apart by the other half
    added = 0
    for n in (1, 7, 500, 2, 2000, 300, 1190):
        index.add(keys[:, added : added + n], np.arange(added, added + n))
        added += n
    order = rng.permutation(5000)
    assert np.array_equal(index.find(keys[:, order]), np.where(order < added, order, -1))
    assert KeyIndex().find(keys[:, :3]).tolist() == [-1, -1, -1]
    assert index.find(keys[:, :0]).size == 0


def test_first_of_each_key():
    keys = np.array([[5, 1, 5, 1, 9, 5], [0, 0, 0, 2, 0, 0]], np.uint64)
    firsts, which = first_of_each(keys)
    assert firsts.tolist() == [0, 1, 3, 4]
    assert which.tolist() == [0, 1, 0, 2, 3, 0]


def test_sample_keys_differ_by_context_and_seed():
    shard = make_shard(list(range(40)), n_seeds=50)
    assert len(first_of_each(shard.keys())[0]) == 2000
    assert np.array_equal(
        shard.keys()[:, 50:100], sample_keys(shard.contexts[1:2], np.array([50]), shard.seeds[50:100])
    )


# Shards


@pytest.mark.parametrize("logprobs", [False, True])
@pytest.mark.parametrize(("contexts", "n_seeds"), [([3], 5), ([1, 2, 70_000], 5), ([0], 0)])
def test_shard_comes_back(contexts, n_seeds, logprobs):
    shard = make_shard(contexts, n_seeds, logprobs)
    back = decode(encode(shard))
    assert_same(back.block, shard.block)
    assert np.array_equal(back.keys(), shard.keys())
    assert encode(back) == encode(shard)


def test_shards_are_safetensors():
    load = pytest.importorskip("safetensors.numpy").load
    shard = make_shard([1, 2, 3], logprobs=True)
    arrays = load(encode(shard))
    assert np.array_equal(arrays["seeds"], shard.seeds)
    assert np.array_equal(arrays["logprobs"], shard.block.logprobs)
    assert arrays["tokens"].dtype == np.uint16


def test_arrays_that_do_not_belong_together_are_refused():
    shard = make_shard([1, 2])
    with pytest.raises(ValueError, match="9 seeds"):
        Shard(shard.contexts, shard.run_lengths, shard.seeds[1:], shard.block)
    with pytest.raises(ValueError, match="do not fit"):
        block = shard.block
        Shard(
            shard.contexts,
            shard.run_lengths,
            shard.seeds,
            SampleBlock(block.tokens[1:], block.offsets, block.finish, None),
        )


def test_blocks_with_and_without_logprobs_do_not_mix():
    with pytest.raises(ValueError, match="log-probabilities"):
        joined([make_shard([1]).block, make_shard([2], logprobs=True).block])


# The store


def test_samples_come_back_in_any_order(folder):
    keys = make_shard([0, 1, 2, 3, 4, 5]).keys()
    parts = joined([make_shard([first, first + 1]).block for first in (0, 2, 4)])
    order = generator("order").permutation(30)
    with Store.open(folder) as store:
        rows = store.find("p", keys)
        assert sorted(rows) == list(range(30))
        assert_same(store.read(rows[order]), parts.take(order))
        assert len(store.read(rows[:0])) == 0
        assert store.find("p", make_shard([6]).keys()).tolist() == [-1] * 5


def test_appended_samples_are_found_before_and_after_the_flush(folder):
    new = make_shard([10, 11], logprobs=True)
    with Store.open(folder, write=True) as store:
        rows = store.append("p", new)
        assert np.array_equal(store.find("p", new.keys()), rows)
        assert_same(store.read(rows[::-1]), new.block.take(np.arange(10)[::-1]))
        with Store.open(folder) as reader:
            assert (reader.find("p", new.keys()) == -1).all()
        store.flush()
        assert_same(store.read(rows[::-1]), new.block.take(np.arange(10)[::-1]))
        with Store.open(folder) as reader:
            assert_same(reader.read(reader.find("p", new.keys())), new.block)
        store.flush()
    assert len(shard_paths(folder)) == 4


def test_a_shard_holds_samples_of_one_kind(folder):
    with Store.open(folder, write=True) as store:
        for policy, context, logprobs in [("p", 20, False), ("p", 21, False), ("q", 22, False), ("q", 23, True)]:
            store.append(policy, make_shard([context], logprobs=logprobs))
    entries = read_manifest(folder)[0][3:]
    assert [(entry.policy, entry.logprobs, entry.samples) for entry in entries] == [
        ("p", False, 10),
        ("q", False, 5),
        ("q", True, 5),
    ]


def test_a_reader_cannot_add(folder):
    with Store.open(folder) as store, pytest.raises(StoreError, match="open for reading only"):
        store.append("p", make_shard([9]))


def test_reading_needs_a_store(tmp_path):
    with pytest.raises(StoreError, match=r"there is no store at .*nowhere"):
        Store.open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_samples_survive_an_error_in_the_run(folder):
    with pytest.raises(ZeroDivisionError), Store.open(folder, write=True) as store:
        store.append("p", make_shard([8]))
        raise ZeroDivisionError
    with Store.open(folder, write=True) as store:  # the lock was given back
        assert (store.find("p", make_shard([8]).keys()) >= 0).all()


def test_only_what_is_asked_for_is_read(folder, monkeypatch, caplog):
    with Store.open(folder, write=True) as store:
        store.append("q", make_shard([7]))
    damage(shard_paths(folder)[0], "flipped")
    module, read = sys.modules["tts_lib.answers.store.store"], []
    real = module.read_shard
    monkeypatch.setattr(module, "read_shard", lambda folder, entry: read.append(entry.policy) or real(folder, entry))
    with Store.open(folder, write=True) as store:
        assert read == [] and len(store) == 35
        of_q, new = store.find("q", make_shard([7]).keys()), store.append("q", make_shard([8]))
        assert read == ["q"] and not caplog.records
        of_p = store.find("p", make_shard([2]).keys())  # what waited is on disk before the rows of p are known
        assert read == ["q", "p", "p", "p"] and len(caplog.records) == 1 and len(store) == 30
        rows = np.concatenate([new, of_p, of_q])
        assert sorted(rows) == list(range(15))
        blocks = [make_shard([8]).block, make_shard([2, 3]).block.take(np.arange(5)), make_shard([7]).block]
        assert_same(store.read(rows), joined(blocks))
        assert (store.find("q", make_shard([2]).keys()) == -1).all()
    assert [entry.policy for entry in read_manifest(folder)[0]] == ["p", "p", "q", "q"]


# One writer


def test_a_second_writer_is_told_who_holds_the_store(folder):
    with Store.open(folder, write=True):
        with pytest.raises(StoreError, match=rf"being written by process {os.getpid()} on \S+ since 20\d\d-\d\d-\d\dT"):
            Store.open(folder, write=True, wait=False)
        assert found(folder, [0, 5]) == [True, True]  # readers go on
    assert not (folder / "writer.json").exists()


def test_a_second_writer_waits_its_turn_and_says_so(folder, caplog):
    first = Store.open(folder, write=True)
    turns = []
    second = threading.Thread(target=lambda: (Store.open(folder, write=True).close(), turns.append("second")))
    second.start()
    while not caplog.records:
        time.sleep(0.01)
    turns.append("first")
    first.close()
    second.join(10)
    assert turns == ["first", "second"]
    assert caplog.messages[0].startswith(f"the store {folder} is being written by process {os.getpid()}")


def test_the_lock_of_a_failed_opening_is_given_back(folder):
    with file_size_limit(0), pytest.raises(WriteError, match="the disk is full"):
        Store.open(folder, write=True)
    with Store.open(folder, write=True):
        pass


# Damage


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "truncated":
        path.write_bytes(content[:-20])
    elif how == "flipped":
        content[-30] ^= 4
        path.write_bytes(content)
    elif how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")


@pytest.mark.parametrize("how", ["truncated", "flipped", "missing", "empty"])
def test_a_damaged_shard_is_named_and_set_aside_alone(folder, how, caplog):
    path = shard_paths(folder)[1]
    damage(path, how)
    assert found(folder, [0, 1, 2, 3, 4, 5]) == [True, True, False, False, True, True]  # a reader: named, left alone
    assert len(read_manifest(folder)[0]) == 3
    assert [path.name in record.message for record in caplog.records] == [True]
    assert found(folder, [0, 1, 2, 3, 4, 5], write=True) == [True, True, False, False, True, True]
    assert len(read_manifest(folder)[0]) == 2
    assert (folder / QUARANTINE / path.name).exists() == (how != "missing")
    caplog.clear()
    with Store.open(folder, write=True) as store:
        store.append("p", make_shard([2, 3]))
    assert found(folder, [0, 1, 2, 3, 4, 5]) == [True] * 6
    assert not caplog.records


def test_damage_after_opening_is_an_error(folder):
    with Store.open(folder) as store:
        store.find("p", make_shard([0]).keys())
        damage(shard_paths(folder)[0], "flipped")
        with pytest.raises(StoreError, match="though it was intact"):
            store.read(np.array([0]))


@pytest.mark.parametrize("n_lost", [1, 2, 200])
def test_a_torn_last_line_of_the_manifest_costs_its_shard_only(folder, n_lost, caplog):
    manifest = folder / MANIFEST
    manifest.write_bytes(manifest.read_bytes()[:-n_lost])
    expected = [True, True, True, True, n_lost == 1, n_lost == 1]  # without the newline only, the line is whole
    assert found(folder, [0, 1, 2, 3, 4, 5], write=True) == expected
    assert len(caplog.records) == (n_lost != 1)
    with Store.open(folder, write=True) as store:
        store.append("p", make_shard([6, 7]))
    assert found(folder, [0, 1, 2, 3, 4, 5, 6, 7]) == [*expected, True, True]
    assert all(json.loads(line) for line in manifest.read_text().splitlines())


@pytest.mark.parametrize(
    "line",
    ["not json", "[1]", "{}", '{"shard": "../../etc/passwd"}', "null", "\N{REPLACEMENT CHARACTER}"],
)
def test_a_nonsense_line_of_the_manifest_is_named(folder, line, caplog):
    manifest = folder / MANIFEST
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join([lines[0], line, *lines[1:]]) + "\n")
    assert found(folder, [0, 2, 4]) == [True] * 3
    assert [record.message for record in caplog.records] == [
        f"line 2 of {manifest} is torn or damaged; its samples count as never taken"
    ]


def test_a_manifest_cannot_name_files_elsewhere(folder, caplog):
    manifest = folder / MANIFEST
    text = manifest.read_text()
    manifest.write_text(text.replace('"shard": "shard-', '"shard": "../shard-', 1))
    assert found(folder, [0, 2]) == [False, True]
    assert len(caplog.records) == 1


def test_files_that_the_manifest_does_not_list_do_not_count(folder):
    (folder / SHARDS / f"shard-{'0' * 32}.safetensors").write_bytes(encode(make_shard([8])))
    (folder / SHARDS / ".shard.123-abc.tmp").write_bytes(b"half")
    assert found(folder, [0, 8]) == [True, False]


# Full disk


def test_a_full_disk_is_one_sentence_and_loses_nothing_stored(folder):
    before = (folder / MANIFEST).read_bytes()
    large = make_shard(list(range(100, 400)), n_seeds=20)
    with (
        pytest.raises(StoreError, match=r"cannot write .*the disk is full.*6000 new samples are not stored") as caught,
        Store.open(folder, write=True) as store,
    ):
        store.append("p", large)
        with file_size_limit(20_000):
            store.close()
    assert "\n" not in str(caught.value)
    assert (folder / MANIFEST).read_bytes() == before
    assert sorted(path.name for path in (folder / SHARDS).iterdir()) == sorted(
        path.name for path in shard_paths(folder)
    )
    assert found(folder, [0, 1, 2, 3, 4, 5]) == [True] * 6


def test_once_there_is_space_again_the_flush_succeeds(folder):
    with Store.open(folder, write=True) as store:
        store.append("p", make_shard([50, 51], n_seeds=300))
        with file_size_limit(4_000), pytest.raises(StoreError, match="disk is full"):
            store.flush()
    with Store.open(folder) as store:
        assert (store.find("p", make_shard([50, 51], n_seeds=300).keys()) >= 0).all()


# The command


def run_command(folder: Path, what: str, capsys) -> tuple[int, str, str]:
    status = command([what, "--path", str(folder)])
    output = capsys.readouterr()
    return status, output.out, output.err


def test_verify_names_what_is_damaged(folder, capsys):
    status, out, err = run_command(folder, "verify", capsys)
    assert (status, err) == (0, "")
    assert "3 shards listed, 30 samples" in out
    assert "all intact" in out
    first, second, _ = shard_paths(folder)
    damage(first, "flipped")
    damage(second, "truncated")
    before = sorted(path.name for path in folder.rglob("*"))
    status, out, err = run_command(folder, "verify", capsys)
    assert (status, out) == (1, "")
    assert first.name in err
    assert second.name in err
    assert "2 damaged" in err
    assert before == sorted(path.name for path in folder.rglob("*"))  # verify changes nothing


def test_stats_by_policy(folder, capsys):
    with Store.open(folder, write=True) as store:
        store.append("large 1", make_shard([7]))
    status, out, _ = run_command(folder, "stats", capsys)
    assert status == 0
    lines = out.splitlines()
    assert lines[0].startswith("large 1: 5 samples, ")
    assert lines[1].startswith("p: 30 samples, ")
    assert lines[2].startswith(f"{folder} in all: 35 samples, ")
    assert lines[2].endswith("in 4 shards")


def test_gc_merges_and_clears_away(folder, capsys):
    with Store.open(folder, write=True) as store:
        store.append("q", make_shard([7]))
    damage(shard_paths(folder)[0], "truncated")
    (folder / SHARDS / f"shard-{'0' * 32}.safetensors").write_bytes(b"unlisted")
    (folder / SHARDS / ".shard.123-abc.tmp").write_bytes(b"half")
    (folder / ".manifest.jsonl.123-abc.tmp").write_bytes(b"half")
    status, out, _ = run_command(folder, "gc", capsys)
    assert status == 0
    # Two merged away, one in quarantine, one unlisted, two temporary.
    assert "3 shards merged into 2, 6 files removed" in out
    assert sorted(path.name for path in (folder / SHARDS).iterdir()) == sorted(
        path.name for path in shard_paths(folder)
    )
    assert not list((folder / QUARANTINE).iterdir())
    assert found(folder, [0, 1, 2, 3, 4, 5]) == [False, False, True, True, True, True]
    status, out, _ = run_command(folder, "gc", capsys)
    assert "2 shards merged into 2, 0 files removed" in out


def test_a_gc_during_reading_is_survived(folder, monkeypatch):
    module = sys.modules["tts_lib.answers.store.store"]
    real = module.read_shard
    calls = []

    def read_after_gc(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            assert command(["gc", "--path", str(folder)]) == 0
        return real(*arguments)

    monkeypatch.setattr(module, "read_shard", read_after_gc)
    assert found(folder, [0, 1, 2, 3, 4, 5]) == [True] * 6


@pytest.mark.parametrize("what", ["verify", "stats", "gc"])
def test_commands_without_a_store_say_so(tmp_path, what, capsys):
    status, out, err = run_command(tmp_path / "nowhere", what, capsys)
    assert (status, out) == (1, "")
    assert err == f"there is no store at {tmp_path / 'nowhere'}\n"
    assert not list(tmp_path.iterdir())


def test_gc_waits_for_the_writer(folder, capsys):
    with Store.open(folder, write=True):
        status, _, err = run_command(folder, "gc", capsys)
    assert status == 1
    assert "is being written by process" in err


def test_the_command_runs_as_a_module_without_heavy_imports(folder):
    code = (
        "import runpy, sys\n"
        "try: runpy.run_module('tts_lib.answers.store', run_name='__main__', alter_sys=True)\n"
        "except SystemExit as stop: print(stop.code, {'torch', 'numba', 'pandas', 'pyarrow'} & set(sys.modules))"
    )
    arguments = [sys.executable, "-c", code, "verify", "--path", folder]
    result = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert "all intact" in result.stdout
    assert result.stdout.splitlines()[-1] == "0 set()"
