"""Engines over Ray workers: the same samples for one worker and for two, whoever is killed."""

import functools
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.declared_engines import VLLM
from helpers.model_folders import VOCAB, random_folder
from helpers.tiny_models import checkpoint, head, tokenizer
from tts_lib.answers.cached_policy import CachedPolicy
from tts_lib.answers.protocols import SampleRequest, Samples, Sampling, ScoreRequest, StreamingPolicy
from tts_lib.answers.store.store import Store
from tts_lib.common.errors import StudyError
from tts_lib.common.rng import derive_seeds, generator
from tts_lib.engines.native.engine import NativePolicy, NativeVerifier
from tts_lib.engines.opening import open_verifier
from tts_lib.engines.transformers.asked import Asked
from tts_lib.models import pointer
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.study.config.checkpoint import Prm

pytestmark = [
    pytest.mark.vllm,  # that environment has Ray too
    pytest.mark.filterwarnings("default"),  # Ray's own
]
SAMPLING = Sampling(0.8, 1.0, 24, "end", logprobs=True)


@pytest.fixture(scope="module")
def distributed():
    """The module under test; importing it imports Ray."""
    import ray
    from ray import cloudpickle

    from tts_lib.engines.ray import distributed

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import a test
    yield distributed
    ray.shutdown()


@pytest.fixture(scope="module")
def crew(distributed):
    return functools.partial(distributed.Crew, cpus_per_worker=0.5)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {
        "policy": random_folder(root / "policy"),
        "verifier": random_folder(root / "verifier", verifier=True),
        "other": random_folder(root / "other", width=48),
    }


@pytest.fixture(scope="module")
def native(folders):
    return functools.partial(NativePolicy, folders["policy"], n_threads=1)


def requests_for(n_requests: int = 20) -> list[SampleRequest]:
    """Unequal requests, one of them empty and one larger than a piece."""
    rng = generator("distributed")
    sizes = [0, 150, *rng.integers(1, 30, n_requests - 2)]
    prefixes = [rng.integers(2, VOCAB, rng.integers(1, 20)).astype(np.int32) for _ in sizes]
    return [
        SampleRequest(p, derive_seeds(("d", i), int(n))) for i, (p, n) in enumerate(zip(prefixes, sizes, strict=True))
    ]


def as_bytes(results: list[Samples]) -> list[tuple[bytes, ...]]:
    return [
        (
            s.tokens.tobytes(),
            s.offsets.tobytes(),
            s.finish.tobytes(),
            b"" if s.logprobs is None else s.logprobs.tobytes(),
        )
        for s in results
    ]


@pytest.fixture(scope="module")
def expected(native) -> list[tuple[bytes, ...]]:
    return as_bytes(native().sample(requests_for(), SAMPLING))


@pytest.mark.parametrize("n_workers", [1, 2])
def test_samples_are_those_of_one_engine(distributed, crew, native, expected, n_workers):
    with distributed.DistributedPolicy(native, crew(n_workers)) as policy:
        assert isinstance(policy, StreamingPolicy)
        assert policy.version == native().version
        assert len(set(policy.workers.processes) - {os.getpid()}) == n_workers
        assert as_bytes(policy.sample(requests_for(), SAMPLING)) == expected
        assert policy.sample([], SAMPLING) == []
    assert policy.workers.processes == []


@pytest.mark.parametrize("n_workers", [1, 2])
def test_scores_are_those_of_one_engine(distributed, crew, folders, n_workers):
    rng = generator("scores")
    requests = [
        ScoreRequest(
            rng.integers(2, VOCAB, 6).astype(np.int32),
            [rng.integers(0, 12, rng.integers(1, 30)).astype(np.int32) for _ in range(n)],
        )
        for n in (3, 0, 90, 20, 1, 40)
    ]
    make = functools.partial(NativeVerifier, folders["verifier"], n_threads=1)
    with distributed.DistributedVerifier(make, crew(n_workers)) as verifier:
        for one, other in zip(verifier.score(requests), make().score(requests), strict=True):
            assert [scores.tobytes() for scores in one] == [scores.tobytes() for scores in other]


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)


def test_a_worker_killed_in_mid_run_is_replaced(distributed, crew, native, expected, tmp_path):
    class Killing(distributed.DistributedPolicy):
        """Kills its first worker when the first piece is there."""

        def stream(self, requests, sampling):
            for number, part in enumerate(super().stream(requests, sampling)):
                if number == 0:
                    kill(before[0])
                yield part

    with Killing(native, crew(2)) as policy, Store.open(tmp_path / "store", write=True) as store:
        before = policy.workers.processes
        cached = CachedPolicy(policy, store)
        assert as_bytes(cached.sample(requests_for(), SAMPLING)) == expected
        assert policy.workers.n_deaths == 1
        assert before[1] in policy.workers.processes
        assert before[0] not in policy.workers.processes
        assert len(policy.workers.processes) == 2
        assert cached.n_sampled == sum(len(request.seeds) for request in requests_for())


class Mortal(NativePolicy):
    """Dies of every call for more than `most` samples of one request."""

    def __init__(self, folder: Path, most: int) -> None:
        super().__init__(folder, n_threads=1)
        self.most = most

    def sample(self, requests, sampling):
        if max(len(request.seeds) for request in requests) > self.most:
            kill(os.getpid())
        return super().sample(requests, sampling)


@pytest.mark.slow
def test_workers_that_keep_dying_end_the_call_and_leave_what_was_finished(
    distributed, crew, native, folders, expected, tmp_path
):
    mortal = functools.partial(Mortal, folders["policy"], 30)
    settings = crew(2, most_deaths=2)
    with Store.open(tmp_path / "store", write=True) as store:
        with (
            distributed.DistributedPolicy(mortal, settings) as policy,
            pytest.raises(StudyError, match=r"^3 workers have died, more than the 2 that are replaced, the last"),
        ):
            small_first = sorted(requests_for(), key=lambda request: len(request.seeds))
            CachedPolicy(policy, store).sample(small_first, SAMPLING)
        assert (n_stored := len(store)) > 0
        with distributed.DistributedPolicy(native, crew(1)) as policy:
            cached = CachedPolicy(policy, store)
            assert as_bytes(cached.sample(requests_for(), SAMPLING)) == expected
            assert (cached.n_reused, cached.n_sampled) == (
                n_stored,
                sum(len(request.seeds) for request in requests_for()) - n_stored,
            )


def test_the_engines_own_errors_come_through_at_once(distributed, crew, native):
    wrong = SampleRequest(np.array([VOCAB], np.int32), derive_seeds(("wrong",), 3))
    with distributed.DistributedPolicy(native, crew(2)) as policy:
        with pytest.raises(ValueError, match=f"holds token {VOCAB}; the vocabulary is"):
            policy.sample([*requests_for(4), wrong], SAMPLING)
        assert policy.workers.n_deaths == 0
        assert len(policy.sample(requests_for(4), SAMPLING)) == 4


def test_an_engine_that_cannot_be_made_is_named(distributed, crew, tmp_path):
    with pytest.raises(StudyError, match="there is no model folder"):
        distributed.DistributedPolicy(functools.partial(NativePolicy, tmp_path / "none"), crew(2))


class Either:
    """The engine of one folder or the other, as the process id has it."""

    def __init__(self, folders: list[Path], marker: Path) -> None:
        self.folders, self.marker = folders, marker

    def __call__(self) -> NativePolicy:
        try:
            self.marker.mkdir()
        except FileExistsError:
            return NativePolicy(self.folders[1], n_threads=1)
        return NativePolicy(self.folders[0], n_threads=1)


def test_workers_with_other_weights_are_refused(distributed, crew, folders, tmp_path):
    make = Either([folders["policy"], folders["other"]], tmp_path / "first")
    with pytest.raises(StudyError, match=r"The workers' engines differ, native-1:.* and native-1:"):
        distributed.DistributedPolicy(make, crew(2))


def test_a_crew_that_does_not_fit_is_refused(distributed, crew, native, monkeypatch):
    from tts_lib.engines.ray import workers

    monkeypatch.setattr(workers, "FREEING_SECONDS", 0.0)
    with pytest.raises(StudyError, match=r"2 workers need 200 GPUs, but 0 are free"):
        distributed.DistributedPolicy(native, crew(2, gpus_per_worker=100.0))
    with pytest.raises(StudyError, match="at least 1 worker"):
        crew(0)


def test_a_declared_prm_is_spread_over_the_workers_of_the_study(distributed, tmp_path):
    """Scores of two workers are those of one engine; what was scored is kept under the same key."""
    problem, steps = "What is the sum of two and two?", ["First, we add.", "Then 2 + 2 = 4.", "# Answer 4"]
    prm = Prm(
        folder=str(checkpoint(tmp_path / "prm", "llama", head("score", (1, 32)))),
        template={
            "opening": "{problem}\n",
            "step": "{step}{marker}",
            "between": "",
            "marker": "<extra_0>",
            "tokenised": "whole",
        },
        score={"kind": "reward_head"},
        aggregation="last",
        max_length=128,
        device="cpu",
        batch_size=4,
    ).model_dump(mode="json")
    pointer.make(tmp_path / "models/prm", prm, prm=prm)
    codec = TokenCodec(tokenizer())
    asked = Asked(codec, [problem], [problem], "\n\n")
    texts = [f"{i} {text}" for i in range(20) for text in ("\n\n".join(steps[:n]) for n in (1, 2, 3))]
    requests = [ScoreRequest(codec.encode([problem])[0], codec.encode(texts))]
    engine = VLLM | {"workers": 2}
    alone = open_verifier(tmp_path / "models/prm", engine | {"workers": 1}, asked)
    with open_verifier(tmp_path / "models/prm", engine, asked) as spread:
        assert isinstance(spread, distributed.DistributedVerifier) and spread.version == alone.version
        assert len(spread.workers.processes) == 2
        for one, other in zip(spread.score(requests)[0], alone.score(requests)[0], strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
