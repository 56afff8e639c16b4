"""The OpenAI engine: samples from a completion server that somebody runs already (vLLM, SGLang, llama.cpp, ...)."""

from tts_lib.engines.openai.client import API_KEY, Limits
from tts_lib.engines.openai.engine import OpenAIPolicy
from tts_lib.engines.openai.model import ServedModel

__all__ = ["API_KEY", "Limits", "OpenAIPolicy", "ServedModel"]
