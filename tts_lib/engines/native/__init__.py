"""The native engine: Llama models on a CPU, compiled by Numba, bit-identical for any batch and thread count."""

from tts_lib.engines.native.engine import NativePolicy, NativeVerifier

__all__ = ["NativePolicy", "NativeVerifier"]
