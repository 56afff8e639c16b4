"""The two loops of the native engine: sampling and scoring, with continuous batching.

Each worker fills every step with rows, first of what is under way, then of prefixes to read in;
finished sequences are replaced at once. Several workers share one Work and write disjoint results.
"""

from typing import NamedTuple

import numpy as np

from tts_lib.engines.native.attention import PAGE
from tts_lib.engines.native.branches import N_LIVE, advance
from tts_lib.engines.native.compiling import compiled, copy
from tts_lib.engines.native.forward import Buffers, Rows, forward
from tts_lib.engines.native.prefixes import (
    RING_FIRST,
    RING_SIZE,
    State,
    acquire,
    add_prefix_rows,
    fork,
    release,
    retire,
)


class Memory(NamedTuple):
    """What one worker has to itself."""

    buffers: Buffers
    rows: Rows
    state: State


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


@compiled
def sample_worker(model, memory, work, branches, settings, drawn):
    """Draw samples until no work is left."""
    buffers, rows, state = memory
    first_logits = branches.first_logits
    max_rows, n_branches, vocab = len(rows.token), len(branches.first), first_logits.shape[1]
    n_read = 0
    while work.control[1] == 0:
        advance(memory, work, branches, settings, drawn, n_read)
        n_live = branches.counts[N_LIVE]
        n_read = min(n_live, max_rows)
        for i in range(n_read):
            branch = branches.live[n_live - n_read + i]
            position = branches.position[branch]
            if position % PAGE == 0:
                rows.pages[branch, position // PAGE] = acquire(state)
            rows.token[i], rows.position[i], rows.sequence[i] = branches.token[branch], position, branch
            rows.wants_head[i] = i
        n_rows = add_prefix_rows(work, state, rows, n_read, max_rows, n_branches)
        if n_rows == 0:
            break
        n_heads = n_read
        for r in range(n_read, n_rows):
            request = state.ring_request[rows.sequence[r] - n_branches]
            if rows.position[r] == work.starts[request + 1] - work.starts[request] - 1:
                rows.wants_head[n_heads] = r
                n_heads += 1
        forward(model, buffers, rows, n_rows, n_heads)
        for h in range(n_read, n_heads):
            copy(buffers.head[h, :vocab], first_logits[rows.sequence[rows.wants_head[h]] - n_branches])


@compiled
def score_worker(model, memory, work, reading, texts):
    """Score continuations until no work is left."""
    buffers, rows, state = memory
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
                fork(state, rows, max_rows + slot, n_open, work.starts[request + 1] - work.starts[request])
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
