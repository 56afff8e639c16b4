"""The engines that every environment has, native and reference: the contract, and their agreement."""

import sys

import pytest
import torch

from helpers.engine_contract import PolicyContract, VerifierContract, sample_requests, sampling, share_of_equal
from helpers.model_folders import random_folder
from tts_lib.common.errors import StudyError
from tts_lib.engines.native.engine import NativePolicy, NativeVerifier
from tts_lib.engines.transformers.reference import ReferencePolicy, ReferenceVerifier
from tts_lib.engines.vllm.policy import VllmPolicy
from tts_lib.models.folder import FolderError

SHAPES = {"even": {}, "odd": {"width": 44, "n_heads": 2, "width_mlp": 100}}  # odd: heads of 22, nothing fits a vector
SHAPES |= {"grouped": {"width": 96, "n_heads": 6, "n_groups": 3, "is_tied": True}}  # as in SmolLM2


@pytest.fixture(scope="module", params=SHAPES, autouse=True)
def folders(request, tmp_path_factory):
    root = tmp_path_factory.mktemp(request.param)
    torch.set_num_threads(1)  # models this small only wait for one another
    return {
        "policy": random_folder(root / "policy", **SHAPES[request.param]),
        "verifier": random_folder(root / "verifier", verifier=True, **SHAPES[request.param]),
    }


class TestNative(PolicyContract, VerifierContract):
    @pytest.fixture(scope="class")
    @classmethod
    def policy(cls, folders):
        return NativePolicy(folders["policy"], n_threads=2)

    @pytest.fixture(scope="class")
    @classmethod
    def verifier(cls, folders):
        return NativeVerifier(folders["verifier"], n_threads=2)


class TestReference(PolicyContract, VerifierContract):
    @pytest.fixture(scope="class")
    @classmethod
    def policy(cls, folders):
        return ReferencePolicy(folders["policy"], batch_size=64)

    @pytest.fixture(scope="class")
    @classmethod
    def verifier(cls, folders):
        return ReferenceVerifier(folders["verifier"], batch_size=64)


def test_the_reference_computes_logits_only_where_it_draws(folders):
    """Those of 256 whole prompts of 1,000 tokens would take 78 GB in bfloat16, with a vocabulary of 152,000."""
    policy, shapes = ReferencePolicy(folders["policy"]), []
    policy.model.get_output_embeddings().register_forward_hook(lambda *call: shapes.append(call[-1].shape))
    policy.sample(sample_requests(n_samples=2), sampling(max_tokens=3))
    assert {shape[1] for shape in shapes} == {1}


def test_engines_agree(folders):
    """Same seeds, same samples: rounding could part them only where a random number meets the CDF within 1e-6."""
    requests = sample_requests(n_samples=20)
    for settings in (sampling(), sampling(top_p=0.8, until="step"), sampling(temperature=0)):
        native = NativePolicy(folders["policy"], n_threads=1).sample(requests, settings)
        assert share_of_equal(native, ReferencePolicy(folders["policy"]).sample(requests, settings)) == 1


def test_both_stop_where_a_text_ends_solutions(folders):
    requests, settings = sample_requests(n_samples=20), sampling(temperature=1.2)
    native = NativePolicy(folders["policy"], n_threads=1, end="t7").sample(requests, settings)
    assert share_of_equal(native, ReferencePolicy(folders["policy"], end="t7").sample(requests, settings)) == 1
    whole = NativePolicy(folders["policy"], n_threads=1).sample(requests, settings)
    assert sum(len(each.tokens) for each in native) < sum(len(each.tokens) for each in whole)


def test_refuses_the_wrong_kind_of_model(folders):
    with pytest.raises(FolderError, match="holds a verifier, not a policy"):
        NativePolicy(folders["verifier"])
    with pytest.raises(FolderError, match="holds a policy, not a verifier"):
        NativeVerifier(folders["policy"])


def test_vllm_that_is_not_installed_is_told(folders, monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(StudyError, match=r"vLLM cannot be imported here \(.*\); install it with `pip install"):
        VllmPolicy(folders["policy"])
