"""vLLM behind the protocols: any model that it serves, on GPUs or a CPU."""

from tts_lib.engines.vllm.policy import VllmPolicy
from tts_lib.engines.vllm.verifier import VllmVerifier

__all__ = ["VllmPolicy", "VllmVerifier"]
