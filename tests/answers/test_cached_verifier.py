import os
import signal
import subprocess
import sys
import textwrap
from itertools import chain

import numpy as np
import pytest

from helpers.counting_reader import Reader, asked
from helpers.crashing_run import SAMPLING, HashPolicy, requests_for
from helpers.pipeline import ROOT
from tts_lib.answers.cached_policy import CachedPolicy
from tts_lib.answers.cached_verifier import CachedVerifier
from tts_lib.answers.protocols import ScoreRequest
from tts_lib.answers.store.errors import StoreError
from tts_lib.answers.store.store import Store
from tts_lib.answers.store.upkeep import collect_garbage, verify


def assert_same(results, expected) -> None:
    assert [len(scores) for scores in results] == [len(scores) for scores in expected]
    for one, other in zip(chain(*results), chain(*expected), strict=True):
        assert one.dtype == other.dtype == np.float32
        assert one.tobytes() == other.tobytes()


def test_the_second_time_nothing_is_read(tmp_path):
    expected = Reader().score(asked())
    for n_new in (30, 0):
        with Store.open(tmp_path / "store", write=True) as store:
            cached = CachedVerifier(Reader(), store)
            assert cached.version == "reader"
            assert_same(cached.score(asked()), expected)
            assert (cached.n_scored, cached.n_reused) == (n_new, 30 - n_new)
    assert verify(tmp_path / "store")[0] == []


@pytest.mark.parametrize("how", [KeyboardInterrupt, OSError])
def test_an_interrupted_run_goes_on_where_it_was(tmp_path, how):
    whole = Reader()
    with Store.open(tmp_path / "other", write=True) as store:
        expected = CachedVerifier(whole, store, chunk_tokens=40).score(asked())
    assert len(whole.calls) > 4

    first, second = Reader(fails_at=3, how=how), Reader()
    with pytest.raises(how, match="stop"), Store.open(tmp_path / "store", write=True) as store:
        CachedVerifier(first, store, chunk_tokens=40).score(asked())
    with Store.open(tmp_path / "store", write=True) as store:
        assert_same(CachedVerifier(second, store, chunk_tokens=40).score(asked()), expected)
    assert first.calls + second.calls == whole.calls  # nothing twice, and in the same company


def test_a_kill_costs_the_call_under_way(tmp_path):
    script = """
        import os, signal, sys
        from helpers.counting_reader import Reader, asked
        from tts_lib.answers.cached_verifier import CachedVerifier
        from tts_lib.answers.store.store import Store

        def kill(reason):
            os.kill(os.getpid(), signal.SIGKILL)

        store = Store.open(sys.argv[1], write=True)
        CachedVerifier(Reader(fails_at=3, how=kill), store, flush_every_seconds=0, chunk_tokens=40).score(asked())
    """
    folder = tmp_path / "store"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, [ROOT / "tests", ROOT]))}
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(folder)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL

    before, after = Reader(fails_at=3), Reader()
    with pytest.raises(KeyboardInterrupt), Store.open(tmp_path / "other", write=True) as store:
        CachedVerifier(before, store, chunk_tokens=40).score(asked())
    with Store.open(folder, write=True) as store:
        assert_same(CachedVerifier(after, store).score(asked()), Reader().score(asked()))
    assert after.n_read == 30 - before.n_read
    assert verify(folder)[0] == []


def test_a_text_is_read_once_however_often_it_is_asked_for(store):
    verifier = Reader()
    request = asked(1)[0]
    twice = [request, ScoreRequest(request.prefix, request.continuations[::-1]), request]
    assert_same(CachedVerifier(verifier, store).score(twice), Reader().score(twice))
    assert verifier.calls == [[5]]


def test_where_the_scored_part_begins_and_who_reads_it_count(store):
    prefix, first, second = np.array([5], np.int32), np.array([1, 0], np.int32), np.array([2, 0], np.int32)
    requests = [
        ScoreRequest(prefix, [np.concatenate([first, second])]),
        ScoreRequest(np.concatenate([prefix, first]), [second]),
    ]
    cached = CachedVerifier(Reader(), store)
    assert [len(scores[0]) for scores in cached.score(requests)] == [2, 1]
    assert cached.n_scored == 2
    other = CachedVerifier(Reader("another"), store)
    other.score(requests)
    assert other.n_scored == 2


@pytest.mark.parametrize("chunk_tokens", [1, 40, 10**6])
def test_calls_are_cut_by_the_tokens_that_they_read(store, chunk_tokens):
    verifier = Reader()
    assert_same(CachedVerifier(verifier, store, chunk_tokens=chunk_tokens).score(asked()), Reader().score(asked()))
    n_tokens = sum(3 + len(text) for request in asked() for text in request.continuations)
    if chunk_tokens == 1:
        assert verifier.n_read == len(verifier.calls) == 30
    else:
        assert len(verifier.calls) == pytest.approx(n_tokens / chunk_tokens, rel=0.3, abs=1)


def test_samples_and_scores_share_a_store(tmp_path):
    for n_new in (1, 0):
        with Store.open(tmp_path / "store", write=True) as store:
            policy, verifier = CachedPolicy(HashPolicy(), store), CachedVerifier(Reader(), store)
            for _ in range(2):
                policy.sample(requests_for(2), SAMPLING)
                assert_same(verifier.score(asked()), Reader().score(asked()))
            assert (policy.n_calls, verifier.n_calls) == (n_new, n_new)
        collect_garbage(tmp_path / "store")


def test_nothing_asked_is_nothing_read(store):
    cached = CachedVerifier(Reader(), store)
    assert cached.score([]) == []
    assert cached.score([ScoreRequest(np.array([1], np.int32), [])]) == [[]]
    assert cached.n_calls == 0


def test_a_verifier_that_breaks_its_contract_is_named(store):
    class Short(Reader):
        def score(self, requests):
            return super().score(requests)[:-1]

    with pytest.raises(RuntimeError, match="verifier reader returned other numbers of scores"):
        CachedVerifier(Short(), store).score(asked())
    assert len(store) == 0


def test_a_read_only_store_serves_what_it_has(tmp_path):
    with Store.open(tmp_path / "store", write=True) as store:
        CachedVerifier(Reader(), store).score(asked())
    with Store.open(tmp_path / "store") as store:
        cached = CachedVerifier(Reader(), store)
        assert_same(cached.score(asked()), Reader().score(asked()))
        with pytest.raises(StoreError, match="open for reading only"):
            cached.score(asked(7))
