"""Requests that an engine must refuse, each with one sentence."""

from collections.abc import Sequence

import numpy as np

from tts_lib.answers.protocols import LEAST_TEMPERATURE, ContextOverflowError, SampleRequest, Sampling, ScoreRequest

WAY_OUT = "shorten the prompt (fewer examples), lower sampling.max_tokens, or give engine.max_model_len more room"


def check_sampling(sampling: Sampling) -> None:
    """Raises ValueError for a setting out of range."""
    if not 0 <= sampling.temperature < np.inf:
        raise ValueError(f"temperature is {sampling.temperature}; allowed is 0 (greedy) or more")
    if not 0 < sampling.top_p <= 1:
        raise ValueError(f"top_p is {sampling.top_p}; allowed is above 0, to 1 (off)")
    if sampling.max_tokens < 1:
        raise ValueError(f"max_tokens is {sampling.max_tokens}; allowed is 1 or more")
    if sampling.until not in ("step", "end"):
        raise ValueError(f"until is {sampling.until!r}; allowed is 'step' or 'end'")


def check_served_temperature(temperature: float) -> None:
    """Raises ValueError for a temperature that vLLM, or a server that may be one, would not keep."""
    if 0 < temperature < LEAST_TEMPERATURE:
        raise ValueError(
            f"temperature is {temperature}; allowed is 0 (greedy), or {LEAST_TEMPERATURE} and more: vLLM would raise it"
        )


def check_sample_requests(requests: Sequence[SampleRequest], vocab_size: int, max_length: int) -> None:
    """Raises ValueError for the first request that this model cannot serve, ContextOverflowError if it is too long."""
    for i, request in enumerate(requests):
        _check_tokens(request.prefix, f"prefix of sample request {i}", vocab_size)
        if len(request.prefix) >= max_length:
            raise ContextOverflowError(
                f"a prompt with what is written so far has {len(request.prefix)} tokens, but the model's window of "
                f"{max_length} allows {max_length - 1} before a sample: {WAY_OUT}",
                request.prefix,
            )
        if request.seeds.ndim != 1 or request.seeds.dtype != np.uint64:
            raise ValueError(f"seeds of sample request {i} must be uint64 (n,), not {_kind(request.seeds)}")


def check_score_requests(requests: Sequence[ScoreRequest], vocab_size: int, max_length: int) -> None:
    """Raises ValueError for the first request that this model cannot serve, ContextOverflowError if it is too long."""
    for i, request in enumerate(requests):
        _check_tokens(request.prefix, f"prefix of score request {i}", vocab_size)
        for j, continuation in enumerate(request.continuations):
            _check_tokens(continuation, f"continuation {j} of score request {i}", vocab_size)
            length = len(request.prefix) + len(continuation)
            if length > max_length:
                raise ContextOverflowError(
                    f"a prompt with its solution has {length} tokens, but the verifier's window is {max_length}: "
                    f"{WAY_OUT}",
                    request.prefix,
                )


def closing_tokens(tokens: np.ndarray, starts: np.ndarray, step_token: int, end_token: int) -> np.ndarray:
    """uint8 like tokens: 1 where a step closes, at step and end tokens and at the last token of each text.

    Text i is tokens[starts[i]:starts[i + 1]], of int32 (total,) and int64 (text + 1,).
    """
    closes = ((tokens == step_token) | (tokens == end_token)).astype(np.uint8)
    closes[starts[1:] - 1] = 1
    return closes


def probability(logit: np.ndarray) -> np.ndarray:
    """Sigmoid as fp32, kept inside the open interval (0, 1) where rounding would leave it."""
    value = 1 / (1 + np.exp(-np.clip(logit.astype(np.float64), -80, 80)))
    return np.clip(value.astype(np.float32), np.float32(1e-30), np.nextafter(np.float32(1), np.float32(0)))


def _check_tokens(tokens: np.ndarray, where: str, vocab_size: int) -> None:
    if tokens.ndim != 1 or not np.issubdtype(tokens.dtype, np.integer):
        raise ValueError(f"{where} must be integer token ids (T,), not {_kind(tokens)}")
    if len(tokens) == 0:
        raise ValueError(f"{where} is empty; it needs at least 1 token")
    if tokens.min() < 0 or tokens.max() >= vocab_size:
        wrong = tokens[(tokens < 0) | (tokens >= vocab_size)][0]
        raise ValueError(f"{where} holds token {wrong}; the vocabulary is 0 to {vocab_size - 1}")


def _kind(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"
