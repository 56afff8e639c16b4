"""The two loops of the native engine: sampling and scoring, with continuous batching.

Each worker fills every step with rows, first of what is under way, then of prefixes to read in;
finished sequences are replaced at once. Several workers share one Work and write disjoint results.
"""

from typing import NamedTuple

import numpy as np

from tts_lib.engines.native.attention import PAGE
from tts_lib.engines.native.compiling import copy, inner, worker
from tts_lib.engines.native.drawing import draw, log_probability
from tts_lib.engines.native.forward import forward
from tts_lib.engines.native.prefixes import (
    RING_FIRST,
    RING_SIZE,
    acquire,
    add_prefix_rows,
    begin_child,
    release,
    retire,
)
from tts_lib.protocols import FINISH_END, FINISH_LENGTH, FINISH_STEP


class Settings(NamedTuple):
    """What all samples of a call share."""

    temperature: float
    top_p: float
    max_tokens: int
    max_length: int
    step_token: int  # -1: steps do not end a sample
    end_token: int


class Drawn(NamedTuple):
    """Samples as they come out, one row each."""

    seeds: np.ndarray  # uint64 (sample,)
    tokens: np.ndarray  # int32 (sample, max_tokens)
    lengths: np.ndarray  # int32 (sample,)
    finish: np.ndarray  # uint8 (sample,)
    logprobs: np.ndarray  # fp32 (sample, max_tokens), or (0, 0) if not asked for


class Active(NamedTuple):
    """The samples under way in one worker; entry i decodes in row i of each step."""

    sample: np.ndarray  # int64
    position: np.ndarray  # int32: of the token to be read next
    token: np.ndarray  # int32


class Texts(NamedTuple):
    """Continuations to be scored."""

    tokens: np.ndarray  # int32: all continuations, one after another
    starts: np.ndarray  # int64 (continuation + 1,)
    closes: np.ndarray  # uint8, like tokens: the step closes here, a score is wanted
    logits: np.ndarray  # fp32, like tokens: receives the scores' logits


class Reading(NamedTuple):
    """The continuations of one worker's step."""

    wanted: np.ndarray  # int64 (row,): index into Texts.tokens of each row that wants a head
    n_pages: np.ndarray  # int32 (row,): pages of each continuation


@inner
def _emit(model, settings, drawn, logits, sample, position, scratch):
    """Draw the token at `position` of a sample; returns it, or -1 if the sample has ended."""
    n = drawn.lengths[sample]
    token = draw(logits, model.n_out, settings.temperature, settings.top_p, drawn.seeds[sample], np.uint64(n), scratch)
    drawn.tokens[sample, n] = token
    if len(drawn.logprobs) > 0:
        drawn.logprobs[sample, n] = log_probability(logits, token, scratch)
    drawn.lengths[sample] = n + 1
    if token == settings.end_token:
        drawn.finish[sample] = FINISH_END
    elif token == settings.step_token:
        drawn.finish[sample] = FINISH_STEP
    elif n + 1 == settings.max_tokens or position + 1 == settings.max_length:
        drawn.finish[sample] = FINISH_LENGTH
    else:
        return token
    return -1


@worker
def sample_worker(model, buffers, rows, work, state, active, first_logits, scratch, settings, drawn):
    """Draw samples until no work is left. first_logits: fp32 (ring, vocabulary), what follows each prefix."""
    max_active = len(active.sample)
    counts = state.counts
    n_active = 0
    vocab = (model.n_out + 7) // 8 * 8
    while work.control[1] == 0:
        while n_active < max_active and counts[RING_SIZE] > 0:
            slot = counts[RING_FIRST]
            request = state.ring_request[slot]
            length = work.starts[request + 1] - work.starts[request]
            if state.ring_read[slot] < length:
                break
            sample = state.ring_next[slot]
            token = _emit(model, settings, drawn, first_logits[slot, :vocab], sample, length, scratch)
            if token >= 0:
                begin_child(work, state, rows, slot, max_active, n_active)
                active.sample[n_active], active.position[n_active], active.token[n_active] = sample, length, token
                n_active += 1
            else:
                state.done[0] += 1
            state.ring_next[slot] += 1
            if state.ring_next[slot] == state.ring_last[slot]:
                retire(work, state, rows.pages, max_active)
        for i in range(n_active):
            position = active.position[i]
            if position % PAGE == 0:
                rows.pages[i, position // PAGE] = acquire(state)
            rows.token[i], rows.position[i], rows.sequence[i] = active.token[i], position, i
            rows.wants_head[i] = i
        n_rows = add_prefix_rows(work, state, rows, n_active, max_active, max_active)
        if n_rows == 0:
            break
        n_heads = n_active
        for r in range(n_active, n_rows):
            slot = rows.sequence[r] - max_active
            request = state.ring_request[slot]
            if rows.position[r] == work.starts[request + 1] - work.starts[request] - 1:
                rows.wants_head[n_heads] = r
                n_heads += 1
        forward(model, buffers, rows, n_rows, n_heads)
        for h in range(n_active, n_heads):
            slot = rows.sequence[rows.wants_head[h]] - max_active
            copy(buffers.head[h], first_logits[slot])
        n_kept = 0
        for i in range(n_active):
            position = active.position[i] + 1
            token = _emit(model, settings, drawn, buffers.head[i, :vocab], active.sample[i], position, scratch)
            if token < 0:
                release(state, rows.pages[i], (position + PAGE - 1) // PAGE)
                state.done[0] += 1
                continue
            active.sample[n_kept], active.position[n_kept], active.token[n_kept] = active.sample[i], position, token
            if n_kept < i:
                copy(rows.pages[i], rows.pages[n_kept])
            n_kept += 1
        n_active = n_kept


@worker
def score_worker(model, buffers, rows, work, state, reading, texts):
    """Score continuations until no work is left."""
    counts, max_rows = state.counts, len(reading.wanted)
    open_slot = -1  # ring slot of the prefix whose continuation is partly read
    n_read = 0  # tokens of that continuation already run
    while work.control[1] == 0:
        n_rows, n_heads, n_open = 0, 0, 0
        if open_slot >= 0:
            n_open = 1
        while n_rows < max_rows and (open_slot >= 0 or counts[RING_SIZE] > 0):
            if open_slot < 0:
                slot = counts[RING_FIRST]
                request = state.ring_request[slot]
                if state.ring_read[slot] < work.starts[request + 1] - work.starts[request]:
                    break
                begin_child(work, state, rows, slot, max_rows, n_open)
                open_slot, n_read = slot, 0
                n_open += 1
            request = state.ring_request[open_slot]
            length = work.starts[request + 1] - work.starts[request]
            text = state.ring_next[open_slot]
            begin, end = texts.starts[text], texts.starts[text + 1]
            while n_rows < max_rows and n_read < end - begin:
                position = length + n_read
                if position % PAGE == 0:
                    rows.pages[n_open - 1, position // PAGE] = acquire(state)
                rows.token[n_rows] = texts.tokens[begin + n_read]
                rows.position[n_rows], rows.sequence[n_rows] = position, n_open - 1
                if texts.closes[begin + n_read]:
                    rows.wants_head[n_heads] = n_rows
                    reading.wanted[n_heads] = begin + n_read
                    n_heads += 1
                n_rows += 1
                n_read += 1
            reading.n_pages[n_open - 1] = (length + n_read + PAGE - 1) // PAGE
            if n_read == end - begin:
                state.ring_next[open_slot] += 1
                if state.ring_next[open_slot] == state.ring_last[open_slot]:
                    retire(work, state, rows.pages, max_rows)
                open_slot = -1
        n_rows = add_prefix_rows(work, state, rows, n_rows, max_rows, max_rows)
        if n_rows == 0:
            break
        forward(model, buffers, rows, n_rows, n_heads)
        for h in range(n_heads):
            texts.logits[reading.wanted[h]] = buffers.head[h, 0] + model.head_bias
        n_finished = n_open - 1 if open_slot >= 0 else n_open
        for i in range(n_finished):
            release(state, rows.pages[i], reading.n_pages[i])
        state.done[0] += n_finished
        if open_slot >= 0:
            copy(rows.pages[n_finished], rows.pages[0])
