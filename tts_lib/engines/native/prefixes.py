"""Pages and prefixes of one worker: which pages are free, and which prefixes are being read in.

Prefixes wait in a ring, first in, first out: read in (prefilled) row by row, then started from until
nothing more is to start. Pages are counted; a full page is shared by everything that begins with its
tokens: the samples or continuations of a prefix, and a next prefix that starts alike.
"""

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import int64, types

from tts_lib.engines.native.attention import PAGE
from tts_lib.engines.native.compiling import compiled, copy
from tts_lib.engines.native.simd import intrinsic


class Work(NamedTuple):
    """Everything asked of one call; read by all workers."""

    tokens: np.ndarray  # int32: all prefixes, one after another
    starts: np.ndarray  # int64 (request + 1,)
    unit_request: np.ndarray  # int64 (unit,): a unit is some of one request's children
    unit_first: np.ndarray  # int64 (unit,): its first sample or continuation, counted over all requests
    unit_last: np.ndarray  # int64 (unit,): one after its last
    job_starts: np.ndarray  # int64 (job + 1,): a job is a run of units that one worker takes at once
    control: np.ndarray  # int64: [next job to take, stop if not 0]


class State(NamedTuple):
    """What one worker remembers between steps."""

    free: np.ndarray  # int32: numbers of free pages, a stack
    uses: np.ndarray  # int32 (page,)
    ring_request: np.ndarray  # int64 (ring,)
    ring_next: np.ndarray  # int64 (ring,): the next child to start
    ring_last: np.ndarray  # int64 (ring,)
    ring_read: np.ndarray  # int64 (ring,): tokens whose rows have been run
    counts: np.ndarray  # int64: see the constants below
    done: np.ndarray  # int64 (1,): children finished, for the progress bar


N_FREE, RING_FIRST, RING_SIZE, RING_HELD, UNIT, UNIT_END, N_COUNTS = range(7)
# RING_FIRST: oldest prefix held; RING_SIZE: prefixes with children still to start;
# RING_HELD: 1 if the newest prefix keeps its pages although all its children have started


@intrinsic
def take_job(typingctx, control):
    """The number of the next job, and count it as taken: safe between threads."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.atomic_rmw("add", data, ir.IntType(64)(1), "monotonic")

    return types.int64(control), codegen


@compiled
def acquire(state):
    """A free page."""
    state.counts[N_FREE] -= 1
    page = state.free[state.counts[N_FREE]]
    state.uses[page] = 1
    return page


@compiled
def release(state, pages, n_pages):
    """Give up the first n_pages pages of a sequence."""
    for i in range(n_pages):
        page = pages[i]
        state.uses[page] -= 1
        if state.uses[page] == 0:
            state.free[state.counts[N_FREE]] = page
            state.counts[N_FREE] += 1


@compiled
def claim(work, state, pages, first_row):
    """Take the next unit into the ring; its pages are row first_row + slot of `pages`. False: no work is left."""
    counts = state.counts
    if counts[UNIT] == counts[UNIT_END]:
        job = take_job(work.control)
        if job >= len(work.job_starts) - 1 or work.control[1] != 0:
            return False
        counts[UNIT], counts[UNIT_END] = work.job_starts[job], work.job_starts[job + 1]
    unit = counts[UNIT]
    counts[UNIT] += 1
    size = len(state.ring_request)
    request = work.unit_request[unit]
    slot = (counts[RING_FIRST] + counts[RING_SIZE] + counts[RING_HELD]) % size
    begin, end = work.starts[request], work.starts[request + 1]
    shared = 0
    if counts[RING_SIZE] + counts[RING_HELD] > 0:
        before = (slot - 1) % size
        other = work.starts[state.ring_request[before]]
        limit = min(work.starts[state.ring_request[before] + 1] - other, end - begin - 1)
        while shared < limit and work.tokens[other + shared] == work.tokens[begin + shared]:
            shared += 1
        shared //= PAGE
        for i in range(shared):
            page = pages[first_row + before, i]
            pages[first_row + slot, i] = page
            state.uses[page] += 1
        if counts[RING_HELD] == 1:
            _drop_oldest(work, state, pages, first_row)
    for i in range(shared, (end - begin + PAGE - 1) // PAGE):
        pages[first_row + slot, i] = acquire(state)
    state.ring_request[slot] = request
    state.ring_next[slot], state.ring_last[slot] = work.unit_first[unit], work.unit_last[unit]
    state.ring_read[slot] = shared * PAGE
    counts[RING_SIZE] += 1
    return True


@compiled
def retire(work, state, pages, first_row):
    """The oldest prefix has started all its children: free its pages, unless it is also the newest."""
    counts = state.counts
    counts[RING_SIZE] -= 1
    counts[RING_HELD] += 1
    if counts[RING_SIZE] > 0:
        _drop_oldest(work, state, pages, first_row)


@compiled
def _drop_oldest(work, state, pages, first_row):
    slot = state.counts[RING_FIRST]
    request = state.ring_request[slot]
    length = work.starts[request + 1] - work.starts[request]
    release(state, pages[first_row + slot], (length + PAGE - 1) // PAGE)
    state.counts[RING_FIRST] = (slot + 1) % len(state.ring_request)
    state.counts[RING_HELD] = 0


@compiled
def add_prefix_rows(work, state, rows, n_rows, max_rows, first_row):
    """Fill the step with rows of prefixes, claiming units as needed.

    Returns the new number of rows. A prefix's last row is marked in rows.wants_head by the caller.
    """
    counts, size = state.counts, len(state.ring_request)
    while n_rows < max_rows:
        slot, found = int64(0), False
        for i in range(counts[RING_SIZE]):
            slot = (counts[RING_FIRST] + i) % size
            request = state.ring_request[slot]
            if state.ring_read[slot] < work.starts[request + 1] - work.starts[request]:
                found = True
                break
        if not found:
            if counts[RING_SIZE] + counts[RING_HELD] == size or not claim(work, state, rows.pages, first_row):
                break
            continue
        request = state.ring_request[slot]
        begin, end = work.starts[request], work.starts[request + 1]
        while n_rows < max_rows and state.ring_read[slot] < end - begin:
            rows.token[n_rows] = work.tokens[begin + state.ring_read[slot]]
            rows.position[n_rows] = state.ring_read[slot]
            rows.sequence[n_rows] = first_row + slot
            state.ring_read[slot] += 1
            n_rows += 1
    return n_rows


@compiled
def fork(state, rows, source, target, length):
    """Give row `target` of the pages the first `length` tokens of `source`: full pages shared, the last one copied."""
    n_full = length // PAGE
    for i in range(n_full):
        page = rows.pages[source, i]
        rows.pages[target, i] = page
        state.uses[page] += 1
    if length % PAGE:
        page = acquire(state)
        rows.pages[target, n_full] = page
        for layer in range(len(rows.kv)):
            copy(rows.kv[layer, rows.pages[source, n_full]], rows.kv[layer, page])
