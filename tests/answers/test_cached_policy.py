import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import crashing_run
from helpers.crashing_run import CHUNK, N_QUESTIONS, SAMPLING, HashPolicy, generate, requests_for
from helpers.full_disk import file_size_limit
from helpers.pipeline import ROOT
from tts_lib.answers import cached_policy
from tts_lib.answers.cached_policy import CachedPolicy
from tts_lib.answers.protocols import Part, SampleRequest, Samples, Sampling
from tts_lib.answers.store.errors import StoreError
from tts_lib.answers.store.manifest import read_manifest
from tts_lib.answers.store.store import Store
from tts_lib.answers.store.upkeep import collect_garbage, verify
from tts_lib.common.rng import generator
from tts_lib.common.tables import write_table
from tts_lib.study.config import loading


def pool_bytes(results: list[Samples], folder: Path) -> bytes:
    """The Parquet file of a pool, as a stage writes it."""
    rows = [(q, i, samples[i], samples.finish[i]) for q, samples in enumerate(results) for i in range(len(samples))]
    write_table(pd.DataFrame(rows, columns=["question", "sample", "tokens", "finish"]), folder / "pool.parquet")
    return (folder / "pool.parquet").read_bytes()


def assert_same(results: list[Samples], expected: list[Samples]) -> None:
    assert len(results) == len(expected)
    for one, other in zip(results, expected, strict=True):
        assert np.array_equal(one.tokens, other.tokens)
        assert np.array_equal(one.offsets, other.offsets)
        assert np.array_equal(one.finish, other.finish)
        assert (one.logprobs is None) == (other.logprobs is None)
        assert one.logprobs is None or np.array_equal(one.logprobs, other.logprobs)


def test_the_second_time_nothing_is_sampled(store):
    requests = requests_for(10)
    cached = CachedPolicy(HashPolicy(), store)
    assert cached.version == "hash 1"
    assert_same(cached.sample(requests, SAMPLING), HashPolicy().sample(requests, SAMPLING))
    assert (cached.n_calls, cached.n_sampled, cached.n_reused) == (1, 200, 0)
    assert_same(cached.sample(requests[::-1], SAMPLING), HashPolicy().sample(requests[::-1], SAMPLING))
    assert (cached.n_calls, cached.n_sampled, cached.n_reused) == (1, 200, 200)


def test_only_the_missing_samples_are_asked_for_in_one_call(store):
    policy = HashPolicy()
    cached = CachedPolicy(policy, store)
    requests = requests_for(8, n_questions=4)
    known = [
        SampleRequest(requests[0].prefix, requests[0].seeds[[1, 5]]),
        SampleRequest(requests[2].prefix, requests[2].seeds),
    ]
    cached.sample(known, SAMPLING)
    assert_same(cached.sample(requests, SAMPLING), HashPolicy().sample(requests, SAMPLING))
    assert policy.calls == [[2, 8], [6, 8, 8]]
    assert cached.n_reused == 10


def test_a_sample_asked_for_twice_in_one_call_is_made_once(store):
    policy = HashPolicy()
    cached = CachedPolicy(policy, store)
    (request,) = requests_for(4, n_questions=1)
    twice = [request, SampleRequest(request.prefix, request.seeds[[3, 3, 0]]), request]
    assert_same(cached.sample(twice, SAMPLING), HashPolicy().sample(twice, SAMPLING))
    assert policy.calls == [[4]]
    assert (cached.n_sampled, cached.n_reused) == (4, 7)


@pytest.mark.parametrize(
    ("other", "shared"),
    [
        (Sampling(1, 1, 16, "end"), True),
        (Sampling(0.7, 1.0, 16, "end"), False),
        (Sampling(1.0, 0.9, 16, "end"), False),
        (Sampling(1.0, 1.0, 17, "end"), False),
        (Sampling(1.0, 1.0, 16, "step"), False),
        (Sampling(1.0, 1.0, 16, "end", logprobs=True), False),
    ],
)
def test_samples_are_shared_by_equal_settings_only(store, other, shared):
    cached = CachedPolicy(HashPolicy(), store)
    requests = requests_for(3, n_questions=2)
    cached.sample(requests, SAMPLING)
    results = cached.sample(requests, other)
    assert (cached.n_reused == 6) == shared
    assert (results[0].logprobs is not None) == other.logprobs


def test_policies_do_not_share_samples(store):
    requests = requests_for(3, n_questions=2)
    CachedPolicy(HashPolicy("a"), store).sample(requests, SAMPLING)
    cached = CachedPolicy(HashPolicy("b"), store)
    cached.sample(requests, SAMPLING)
    assert (cached.n_sampled, cached.n_reused) == (6, 0)


def test_empty_calls_and_empty_requests(store):
    cached = CachedPolicy(HashPolicy(), store)
    assert cached.sample([], SAMPLING) == []
    empty = SampleRequest(np.array([1], np.int32), np.array([], np.uint64))
    assert [len(samples) for samples in cached.sample([empty], SAMPLING)] == [0]
    assert cached.n_calls == 0
    mixed = [empty, *requests_for(2, n_questions=2), empty]
    assert_same(cached.sample(mixed, SAMPLING)[1:3], HashPolicy().sample(mixed[1:3], SAMPLING))
    assert_same(cached.sample(mixed, SAMPLING)[1:3], HashPolicy().sample(mixed[1:3], SAMPLING))


def test_logprobs_come_back_from_disk(tmp_path):
    sampling = Sampling(1.0, 1.0, 16, "end", logprobs=True)
    requests = requests_for(5)
    for expected_calls in (1, 0):
        with Store.open(tmp_path / "store", write=True) as store:
            cached = CachedPolicy(HashPolicy(), store)
            assert_same(cached.sample(requests, sampling), HashPolicy().sample(requests, sampling))
            assert cached.n_calls == expected_calls


@pytest.mark.parametrize("chunk", [1, 4, 5, 100])
def test_chunks_change_the_calls_and_not_the_result(store, chunk):
    policy = HashPolicy()
    requests = requests_for(5, n_questions=3)
    results = CachedPolicy(policy, store, flush_every_seconds=0, chunk_samples=chunk).sample(requests, SAMPLING)
    assert_same(results, HashPolicy().sample(requests, SAMPLING))
    sizes = [sum(call) for call in policy.calls]
    assert sum(sizes) == 15
    assert len(sizes) == len(store.entries) == -(-15 // chunk)
    assert max(sizes) <= chunk


@pytest.mark.parametrize(("max_tokens", "chunk"), [(100, 10), (400, 10), (401, 9), (2048, 1), (10_000, 1)])
def test_chunks_of_long_samples_hold_fewer(store, monkeypatch, max_tokens, chunk):
    monkeypatch.setattr(cached_policy, "CHUNK_SAMPLES", 10)
    monkeypatch.setattr(cached_policy, "CHUNK_TOKENS", 4000)
    sampling = Sampling(1.0, 1.0, max_tokens, "end")
    for policy, expected in ((HashPolicy("whole"), chunk), (Streaming("streamed"), 10)):
        CachedPolicy(policy, store).sample(requests_for(5, n_questions=6), sampling)
        assert max(map(sum, policy.calls)) == expected
        assert len(policy.calls) == -(-30 // expected)


def test_the_chunks_of_the_default_study_are_as_they_were():
    assert cached_policy.CHUNK_SAMPLES == 20_000 <= cached_policy.CHUNK_TOKENS // loading.load().sampling.max_tokens


def test_a_chunk_holds_at_least_one_sample(store):
    with pytest.raises(ValueError, match="chunk_samples is 0"):
        CachedPolicy(HashPolicy(), store, chunk_samples=0)


def test_more_samples_cost_only_the_difference(tmp_path):
    for n_samples, n_new in [(512, 512), (768, 256), (600, 0)]:
        with Store.open(tmp_path / "store", write=True) as store:
            cached = CachedPolicy(HashPolicy(), store)
            results = cached.sample(requests_for(n_samples), SAMPLING)
            assert cached.n_sampled == n_new * N_QUESTIONS
            assert_same(results, HashPolicy().sample(requests_for(n_samples), SAMPLING))


def test_a_chunk_is_on_disk_before_the_next_is_begun(store):
    class Looking(HashPolicy):
        def sample(self, requests, sampling):
            n_on_disk.append(sum(entry.samples for entry in store.entries))
            return super().sample(requests, sampling)

    n_on_disk: list[int] = []
    CachedPolicy(Looking(), store, flush_every_seconds=1000, chunk_samples=4).sample(
        requests_for(5, n_questions=2), SAMPLING
    )
    assert n_on_disk == [0, 4, 8]


def test_flushes_come_by_the_clock(tmp_path):
    with Store.open(tmp_path / "store", write=True) as store:
        lazy = CachedPolicy(HashPolicy("a"), store, flush_every_seconds=1000)
        lazy.sample(requests_for(2), SAMPLING)
        assert len(store.entries) == 0
        eager = CachedPolicy(HashPolicy("a"), store, flush_every_seconds=0)
        eager.sample(requests_for(2), SAMPLING)
        assert len(store.entries) == 1


def test_a_policy_that_breaks_its_contract_is_named(store):
    class Short(HashPolicy):
        def sample(self, requests, sampling):
            return super().sample(requests, sampling)[:-1]

    with pytest.raises(RuntimeError, match="policy hash 1 returned other numbers of samples"):
        CachedPolicy(Short(), store).sample(requests_for(2), SAMPLING)
    assert len(store) == 0


class Streaming(HashPolicy):
    """Hands over one sample at a time, last ones first; fails after `n_good`."""

    def __init__(self, version: str = "hash 1", n_good: int = 10**9, error: type[BaseException] = OSError) -> None:
        super().__init__(version)
        self.n_good, self.error = n_good, error
        self.n_open = 0

    def stream(self, requests, sampling):
        self.calls.append([len(request.seeds) for request in requests])
        self.n_open += 1
        try:
            for number, request in reversed(list(enumerate(requests))):
                for position in range(len(request.seeds))[::-1]:
                    if not self.n_good:
                        raise self.error("the server is gone")
                    self.n_good -= 1
                    one = self._one(SampleRequest(request.prefix, request.seeds[position : position + 1]), sampling)
                    yield Part(number, np.array([position]), one)
        finally:
            self.n_open -= 1


@pytest.mark.parametrize("flush_every_seconds", [0.0, 1000.0])
def test_a_streamed_call_gives_the_same(tmp_path, flush_every_seconds):
    requests = requests_for(4)
    known = [SampleRequest(requests[2].prefix, requests[2].seeds[[0, 3]])]
    with Store.open(tmp_path / "store", write=True) as store:
        policy = Streaming()
        cached = CachedPolicy(policy, store, flush_every_seconds)
        cached.sample(known, SAMPLING)
        assert_same(cached.sample(requests, SAMPLING), HashPolicy().sample(requests, SAMPLING))
        assert (cached.n_calls, cached.n_sampled, cached.n_reused) == (2, 80, 2)
        assert policy.calls[1] == [4, 4, 2, *[4] * 17]
        assert (len(store.entries) == 0) == bool(flush_every_seconds)


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("chunk", [None, 7])
def test_what_a_failed_streamed_call_had_finished_stays(tmp_path, error, chunk):
    requests = requests_for(4)
    sampled = []
    for policy in (Streaming(n_good=30, error=error), Streaming()):
        with Store.open(tmp_path / "store", write=True) as store:
            cached = CachedPolicy(policy, store, chunk_samples=chunk)
            if policy.n_good == 30:
                with pytest.raises(error, match="the server is gone"):
                    cached.sample(requests, SAMPLING)
            else:
                assert_same(cached.sample(requests, SAMPLING), HashPolicy().sample(requests, SAMPLING))
            sampled.append(cached.n_sampled)
        assert policy.n_open == 0
    assert sampled == [30, 50]


@pytest.mark.parametrize("parts", [[0, 0], [0], [0, 1, 1]])
def test_a_streaming_policy_that_breaks_its_contract_is_named(store, parts):
    class Broken(Streaming):
        def stream(self, requests, sampling):
            every = list(super().stream(requests, sampling))
            yield from (every[i] for i in parts)

    with pytest.raises(RuntimeError, match="policy hash 1 returned other numbers of samples"):
        CachedPolicy(Broken(), store).sample(requests_for(2, n_questions=1), SAMPLING)


def test_a_streamed_call_that_cannot_be_stored_is_ended(tmp_path):
    policy = Streaming()
    with (
        pytest.raises(StoreError, match="the disk is full"),
        Store.open(tmp_path / "store", write=True) as store,
        file_size_limit(3_000),
    ):
        CachedPolicy(policy, store, flush_every_seconds=0).sample(requests_for(40), SAMPLING)
    assert policy.n_open == 0


def test_a_read_only_store_serves_what_it_has(tmp_path):
    generate(tmp_path / "store", 4, HashPolicy())
    with Store.open(tmp_path / "store") as store:
        cached = CachedPolicy(HashPolicy(), store)
        assert_same(cached.sample(requests_for(4), SAMPLING), HashPolicy().sample(requests_for(4), SAMPLING))
        with pytest.raises(StoreError, match="open for reading only"):
            cached.sample(requests_for(5), SAMPLING)


# Crashes


@pytest.fixture
def start(tmp_path):
    """Start a run in a process of its own with start(order); returns its process id and a function that waits."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, crashing_run.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        bufsize=1,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        answers, orders = server.stdout, server.stdin

        def start_one(**order):
            orders.write(json.dumps({"folder": str(tmp_path / "store"), **order}) + "\n")
            return int(answers.readline()), lambda: int(answers.readline())

        yield start_one
        orders.close()


def n_made(tmp_path: Path) -> int:
    """Calls that the policy has been asked for, over all runs."""
    journal = tmp_path / "journal"
    return len(journal.read_text().splitlines()) if journal.exists() else 0


def wait_until(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.001)


def n_stored(folder: Path) -> int:
    return sum(entry.samples for entry in read_manifest(folder)[0])


def test_killed_at_20_random_moments_the_pool_is_the_same(tmp_path, start):
    n_samples, rng, n_killed = 64, generator("kill"), 0
    for _ in range(20):
        goal = n_made(tmp_path) + int(rng.integers(1, 4))
        process, wait = start(do="generate", n_samples=n_samples, seconds=0.002)
        wait_until(lambda goal=goal: n_made(tmp_path) >= goal)
        time.sleep(rng.uniform(0, 0.01))
        os.kill(process, signal.SIGKILL)
        n_killed += os.WIFSIGNALED(wait())
        if (tmp_path / "store" / "manifest.jsonl").exists():
            assert verify(tmp_path / "store")[0] == []
    assert n_killed == 20
    # A chunk is on disk before the next is begun, so each kill has lost one at most.
    assert 0 < (n_made(tmp_path) - 20) * CHUNK <= n_stored(tmp_path / "store") < n_samples * N_QUESTIONS

    policy = HashPolicy()
    resumed = generate(tmp_path / "store", n_samples, policy, chunk=500)
    assert 0 < sum(map(sum, policy.calls)) < n_samples * N_QUESTIONS
    whole = generate(tmp_path / "other", n_samples, HashPolicy(), chunk=500)
    assert pool_bytes(resumed, tmp_path) == pool_bytes(whole, tmp_path)
    collect_garbage(tmp_path / "store")
    assert pool_bytes(generate(tmp_path / "store", n_samples, HashPolicy()), tmp_path) == pool_bytes(whole, tmp_path)


def test_killed_before_every_step_of_writing(tmp_path, start):
    n_samples, expected = 2, HashPolicy().sample(requests_for(2), SAMPLING)
    folder = tmp_path / "store"
    for step in range(1, 20):  # opening takes 6 steps (who writes, empty manifest), a chunk 6 (shard, manifest)
        n_stored_before = n_stored(folder) if (folder / "manifest.jsonl").exists() else 0
        n_made_before = n_made(tmp_path)
        _, wait = start(do="generate", n_samples=n_samples, seconds=0, die_before_step=step)
        status = wait()
        assert os.WIFSIGNALED(status) or n_stored(folder) == n_samples * N_QUESTIONS
        if (folder / "manifest.jsonl").exists():
            assert verify(folder)[0] == []
            n_new_calls = n_made(tmp_path) - n_made_before
            assert n_stored(folder) - n_stored_before >= (n_new_calls - 1) * CHUNK
    policy = HashPolicy()
    assert_same(generate(folder, n_samples, policy), expected)


def test_a_killed_writer_leaves_no_lock(tmp_path, start):
    process, wait = start(do="hold")
    wait_until((tmp_path / "store" / "holding").exists)
    with pytest.raises(StoreError, match=f"being written by process {process} on "):
        Store.open(tmp_path / "store", write=True, wait=False)
    os.kill(process, signal.SIGKILL)
    wait()
    with Store.open(tmp_path / "store", write=True):
        pass


def test_a_full_disk_ends_generation_with_one_sentence_and_keeps_what_is_stored(tmp_path):
    folder = tmp_path / "store"
    with (
        file_size_limit(3_000),  # the manifest outgrows it after a few chunks
        pytest.raises(StoreError, match=r"cannot write .*manifest\.jsonl, .*the disk is full"),
    ):
        generate(folder, 8, HashPolicy())
    assert verify(folder)[0] == []
    stored = n_stored(folder)
    assert 0 < stored < 8 * N_QUESTIONS
    policy = HashPolicy()
    assert_same(generate(folder, 8, policy), HashPolicy().sample(requests_for(8), SAMPLING))
    assert sum(map(sum, policy.calls)) == 8 * N_QUESTIONS - stored


def test_a_damaged_shard_costs_only_its_samples(tmp_path):
    folder = tmp_path / "store"
    expected = generate(folder, 4, HashPolicy())
    path = read_manifest(folder)[0][3].path_in(folder)
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    policy = HashPolicy()
    assert_same(generate(folder, 4, policy), expected)
    assert sum(map(sum, policy.calls)) == CHUNK


def test_the_order_of_the_questions_changes_nothing(store):
    requests = requests_for(6)
    order = generator("order").permutation(len(requests))
    shuffled = CachedPolicy(HashPolicy(), store).sample([requests[i] for i in order], SAMPLING)
    assert_same([shuffled[i] for i in np.argsort(order)], HashPolicy().sample(requests, SAMPLING))
