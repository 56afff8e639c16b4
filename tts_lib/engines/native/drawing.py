"""Drawing one token from one row of logits: greedy, temperature, top-p."""

import math

import numpy as np

from tts_lib.engines.native.attention import softmax
from tts_lib.engines.native.compiling import inner
from tts_lib.engines.native.simd import LANES, address
from tts_lib.engines.randomness import uniform

_uniform = inner(uniform)


@inner
def draw(logits, vocab_size, temperature, top_p, seed, index, scratch):
    """Token drawn from softmax(logits / temperature), restricted to top-p; the lowest best token at temperature 0.

    logits: fp32 (padded vocabulary,), padding at -1e30. scratch: fp32 (2 * padded + 17,); its first
    entries afterwards hold the weights. The inverse CDF runs over the tokens in the order 0, 8, 16,
    ..., 1, 9, 17, ...: that of the lanes in which the weights were added.
    """
    size = len(logits)
    if temperature == 0:
        best = 0
        for token in range(1, vocab_size):
            if logits[token] > logits[best]:
                best = token
        return best
    scratch[2 * size + 16] = 1 / temperature
    softmax(
        address(logits, 0),
        size // LANES,
        address(scratch, 2 * size + 16),
        address(scratch, 0),
        address(scratch, 2 * size),
    )
    if top_p < 1:
        _keep_nucleus(scratch, size, top_p)
    total = 0.0
    for lane in range(LANES):
        total += scratch[2 * size + lane]
    left = _uniform(seed, index) * total
    lane = 0
    while lane < LANES - 1 and left >= scratch[2 * size + lane]:
        left -= scratch[2 * size + lane]
        lane += 1
    chosen = -1
    for token in range(lane, size, LANES):
        weight = scratch[token]
        if weight > 0:
            chosen = token
            if left < weight:
                break
            left -= weight
    if chosen < 0:  # rounding led into a lane without weight: take the best token
        chosen = 0
        for token in range(1, vocab_size):
            if scratch[token] > scratch[chosen]:
                chosen = token
    return chosen


@inner
def _keep_nucleus(scratch, size, top_p):
    """Zero the weights outside the smallest set of likeliest tokens with mass top_p; ties at its edge stay."""
    total = 0.0
    for token in range(size):
        scratch[size + token] = scratch[token]
        total += scratch[token]
    mass, edge = 0.0, np.float32(0)
    while mass < top_p * total:
        best = 0
        for token in range(1, size):
            if scratch[size + token] > scratch[size + best]:
                best = token
        edge = scratch[size + best]
        if edge <= 0:
            break
        mass += edge
        scratch[size + best] = 0
    for lane in range(LANES):
        kept = np.float32(0)
        for token in range(lane, size, LANES):
            if scratch[token] < edge:
                scratch[token] = 0
            kept += scratch[token]
        scratch[2 * size + lane] = kept


@inner
def log_probability(logits, token, scratch):
    """log p(token) at temperature 1 without top-p."""
    size = len(logits)
    scratch[2 * size + 16] = 1
    softmax(
        address(logits, 0),
        size // LANES,
        address(scratch, 2 * size + 16),
        address(scratch, 0),
        address(scratch, 2 * size),
    )
    total = 0.0
    for lane in range(LANES):
        total += scratch[2 * size + lane]
    return logits[token] - scratch[2 * size + LANES] - math.log(total)
