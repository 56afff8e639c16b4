"""The OpenAI engine on a real vLLM server: the engines' contract, and a server that is killed in mid-run."""

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Regex, decoders, pre_tokenizers

from helpers.engine_contract import PolicyContract, sample_requests, sampling, share_of_equal
from helpers.model_folders import random_folder, tiny_tokenizer
from helpers.vllm_server import NAME, vllm_serving
from tts_lib.answers.cached_policy import CachedPolicy
from tts_lib.answers.store.store import Store
from tts_lib.common.errors import StudyError
from tts_lib.engines.openai.client import Limits
from tts_lib.engines.openai.engine import OpenAIPolicy
from tts_lib.engines.openai.model import ServedModel
from tts_lib.models.tokenizer import TokenCodec

pytestmark = pytest.mark.vllm
HEADS_OF_32 = {"width": 64, "n_heads": 2}  # the least that vLLM's CPU kernels take


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """A model whose tokenizer gives back every text as it was, as the nano tokenizer does."""
    folder = random_folder(tmp_path_factory.mktemp("served") / "policy", **HEADS_OF_32)
    tokenizer = tiny_tokenizer()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"t\d+|<end>|\s"), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.save(str(folder / "tokenizer.json"))
    return {"policy": folder}


@pytest.fixture(scope="module")
def server(folders, tmp_path_factory):
    with vllm_serving(folders["policy"], tmp_path_factory.mktemp("log") / "vllm.log") as started:
        yield started


@pytest.fixture(scope="module")
def policy(server, folders):
    with OpenAIPolicy(server.url, ServedModel.from_folder(folders["policy"], NAME)) as opened:
        yield opened


class TestServed(PolicyContract):
    """`policy` is the module's: a server takes long to start."""

    same_share = 0.99
    n_draws = 1000  # a request each


def test_the_server_names_itself(policy):
    assert policy.version.startswith("openai-1:0.")


@pytest.mark.parametrize("until", ["end", "step"])
def test_without_token_ids_the_same_greedy_samples_come_as_text(policy, server, folders, until):
    model, codec = ServedModel.from_folder(folders["policy"], NAME), TokenCodec.from_folder(folders["policy"])
    requests = sample_requests(n_requests=60, n_samples=1)
    settings = sampling(until=until, temperature=0, max_tokens=40)
    with OpenAIPolicy(server.url, model, codec=codec) as as_text:
        expected, written = policy.sample(requests, settings), as_text.sample(requests, settings)
    assert share_of_equal(expected, written) == 1


def test_another_model_is_not_served(server, folders):
    with pytest.raises(StudyError, match=f"serves '{NAME}', not 'huge'"):
        OpenAIPolicy(server.url, ServedModel.from_folder(folders["policy"], "huge"))


class Killing:
    """A streaming policy whose server is killed when so many samples are there; notes the seeds of all it was given."""

    def __init__(self, policy, server, n_samples: int) -> None:
        self.version, self.sample = policy.version, policy.sample
        self._policy, self._server, self._n_left = policy, server, n_samples
        self.seeds: list[int] = []

    def stream(self, requests, sampling):
        for part in self._policy.stream(requests, sampling):
            self.seeds += requests[part.request].seeds[part.positions].tolist()
            yield part
            self._n_left -= 1
            if self._n_left == 0:
                self._server.kill()


@pytest.mark.slow
def test_a_server_killed_in_mid_run_costs_nothing_that_was_finished(server, folders, tmp_path):
    model, requests = ServedModel.from_folder(folders["policy"], NAME), sample_requests(n_requests=6, n_samples=40)
    limits = Limits(concurrency=8, n_tries=2, backoff_seconds=0.01)
    with Store.open(tmp_path / "store", write=True) as store:
        with OpenAIPolicy(server.url, model, limits) as policy:
            dying = Killing(policy, server, 50)
            with pytest.raises(StudyError, match=r"failed 2 times, .* connection .* start the server"):
                CachedPolicy(dying, store).sample(requests, sampling())
            assert policy.errors["connection"] >= 2
        assert 50 <= len(dying.seeds) < 240
        server.start()
        with OpenAIPolicy(server.url, model, limits) as policy:
            living = Killing(policy, server, -1)
            cached = CachedPolicy(living, store)
            cached.sample(requests, sampling())
            assert (cached.n_reused, cached.n_sampled) == (len(dying.seeds), 240 - len(dying.seeds))
    assert sorted(dying.seeds + living.seeds) == sorted(np.concatenate([r.seeds for r in requests]).tolist())
