"""Drawing one token from one row of logits: greedy, temperature, top-p."""

import math

import numpy as np

from tts_lib.engines.native.attention import softmax
from tts_lib.engines.native.compiling import compiled
from tts_lib.engines.native.simd import LANES, address
from tts_lib.engines.randomness import uniform

_uniform = compiled(uniform)


@compiled
def weigh(logits, temperature, top_p, scratch):
    """Make ready to draw from softmax(logits / temperature), restricted to top-p, as often as wanted.

    logits: fp32 (padded vocabulary,), padding at -1e30. scratch: fp32 (2 * padded + 17,); receives the
    weights, and behind twice their number the sum of each lane.
    """
    size = len(logits)
    if temperature == 0:
        return
    _softmax(logits, 1 / temperature, scratch)
    if top_p < 1:
        _keep_nucleus(scratch, size, top_p)


@compiled
def draw(logits, vocab_size, temperature, seed, index, scratch):
    """A token from what `weigh` has put into scratch; the lowest best token at temperature 0.

    The inverse CDF runs over the tokens in the order 0, 8, 16, ..., 1, 9, 17, ...: that of the lanes in
    which the weights were added.
    """
    size = len(logits)
    if temperature == 0:
        return _best(logits, vocab_size)
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
        chosen = _best(scratch, vocab_size)
    return chosen


@compiled
def _best(values, n):
    """The lowest of the first n places that hold the greatest value."""
    best = 0
    for i in range(1, n):
        if values[i] > values[best]:
            best = i
    return best


@compiled
def _softmax(logits, factor, scratch):
    """scratch: exp(factor * (logits - max)), behind twice their number the sum of each lane, and max."""
    size = len(logits)
    scratch[2 * size + 16] = factor
    softmax(
        address(logits, 0),
        size // LANES,
        address(scratch, 2 * size + 16),
        address(scratch, 0),
        address(scratch, 2 * size),
    )


@compiled
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


@compiled
def log_normaliser(logits, scratch):
    """(max, log of the sum of exp(logits - max)): log p(token) at temperature 1 without top-p is logits less both."""
    size = len(logits)
    _softmax(logits, 1, scratch)
    total = 0.0
    for lane in range(LANES):
        total += scratch[2 * size + lane]
    return scratch[2 * size + LANES], math.log(total)
