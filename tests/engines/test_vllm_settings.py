"""The settings of a vLLM engine: refused before vLLM is loaded, and those of the study's `engine` section."""

import pytest

from helpers.declared_engines import VLLM
from helpers.model_folders import random_folder
from tts_lib.common.errors import StudyError
from tts_lib.engines.opening import open_policy, open_verifier
from tts_lib.engines.vllm.settings import VllmSettings


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"gpu_memory": 1.5}, "gpu_memory is 1.5; allowed is a share above 0, to 1"),
        ({"gpu_memory": 0.0}, "gpu_memory is 0.0; allowed is a share above 0, to 1"),
        ({"max_model_len": 1}, "max_model_len is 1; allowed is 2 tokens or more, or None for the model's own"),
        ({"tensor_parallel": 0}, "tensor_parallel is 0; allowed is 1 or more"),
        ({"max_sequences": 0}, "max_sequences is 0; allowed is 1 or more"),
    ],
)
def test_a_value_out_of_range_is_refused(setting, message):
    with pytest.raises(StudyError, match=f"^{message}$"):
        VllmSettings(**setting)


@pytest.mark.parametrize(("dtype", "expected"), [("auto", None), ("bfloat16", "bfloat16")])
def test_what_the_study_says_reaches_policy_and_verifier(tmp_path, monkeypatch, dtype, expected):
    given = []

    class Opened:
        version = "1"

        def __init__(self, folder, settings, **more):
            given.append(settings)

    monkeypatch.setattr("tts_lib.engines.vllm.policy.VllmPolicy", Opened)
    monkeypatch.setattr("tts_lib.engines.vllm.verifier.VllmVerifier", Opened)
    engine = VLLM | {"dtype": dtype, "max_model_len": 64, "tensor_parallel": 2}
    open_policy(random_folder(tmp_path / "policy"), engine)
    open_verifier(random_folder(tmp_path / "verifier", verifier=True), engine)
    assert given == [VllmSettings(expected, 64, gpu_memory=0.1, tensor_parallel=2, max_sequences=8)] * 2
