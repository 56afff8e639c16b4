"""Branches: samples of one prefix whose tokens are equal so far.

One row of a step serves all samples of a branch; they part where they draw different tokens. Each sample draws with
its own random numbers, so it does not matter to it which others share its branch.
"""

from typing import NamedTuple

import numpy as np

from tts_lib.answers.protocols import FINISH_END, FINISH_LENGTH, FINISH_STEP
from tts_lib.engines.native.attention import PAGE
from tts_lib.engines.native.compiling import inlined
from tts_lib.engines.native.drawing import draw, log_normaliser, weigh
from tts_lib.engines.native.prefixes import RING_FIRST, RING_SIZE, fork, release, retire
from tts_lib.engines.native.stopping import CLOSES, ENDS


class Settings(NamedTuple):
    """What all samples of a call share."""

    temperature: float
    top_p: float
    max_tokens: int
    max_length: int
    vocab_size: int  # logits are padded beyond
    ending: np.ndarray  # uint8 (vocabulary,): ENDS, CLOSES or 0, of a token that does not end a sample
    matched: np.ndarray  # uint8 (state, vocabulary): see `stopping.moves`


class Drawn(NamedTuple):
    """Samples as they come out, one row each."""

    seeds: np.ndarray  # uint64 (sample,)
    tokens: np.ndarray  # int32 (sample, max_tokens)
    lengths: np.ndarray  # int32 (sample,)
    finish: np.ndarray  # uint8 (sample,)
    state: np.ndarray  # uint8 (sample,): how much of a text that ends samples is there
    logprobs: np.ndarray  # fp32 (sample, max_tokens), or (0, 0) if not asked for


class Branches(NamedTuple):
    """The branches of one worker; branch b finds its pages in row b of `Rows.pages`."""

    first: np.ndarray  # int64 (branch,): the first of its samples
    follower: np.ndarray  # int64 (sample,), one array for all workers: the next sample of the same branch, or -1
    position: np.ndarray  # int32 (branch,): of the token to be read next
    token: np.ndarray  # int32 (branch,)
    live: np.ndarray  # int32 (branch,): those under way, a stack; a step reads the last ones
    spare: np.ndarray  # int32 (branch,): the others, a stack
    heir: np.ndarray  # int32 (padded vocabulary,): while samples part, the branch of those that drew a token, or -1
    first_logits: np.ndarray  # fp32 (ring, padded vocabulary): what follows each prefix
    scratch: np.ndarray  # fp32 (2 * padded vocabulary + 17,): see `drawing.weigh`
    counts: np.ndarray  # int64 (3,): see the constants below


class Chain(NamedTuple):
    """Samples that are equal so far and draw their next token."""

    first: int  # of the samples; `Branches.follower` has the others
    source: int  # row of pages that holds the tokens before
    position: int  # of the token that is drawn
    logits: np.ndarray  # fp32 (padded vocabulary,)


N_LIVE, N_SPARE, N_SAMPLES = range(3)  # N_SAMPLES: under way; there are as many branches as may be


@inlined
def _emit(settings, drawn, sample, token, position):
    """Append a token, at `position`, to a sample; whether the sample goes on."""
    n = drawn.lengths[sample]
    drawn.tokens[sample, n] = token
    drawn.lengths[sample] = n + 1
    state = settings.matched[drawn.state[sample], token]
    drawn.state[sample] = state
    ending = settings.ending[token]
    if ending == ENDS or state == len(settings.matched):
        drawn.finish[sample] = FINISH_END
    elif ending == CLOSES:
        drawn.finish[sample] = FINISH_STEP
    elif n + 1 == settings.max_tokens or position + 1 == settings.max_length:
        drawn.finish[sample] = FINISH_LENGTH
    else:
        return True
    return False


@inlined
def part(memory, branches, settings, drawn, chain):
    """Draw the next token of a chain of samples; those that draw alike and go on are a branch from here.

    If the chain is a branch, one of the new ones takes over its pages.
    """
    rows, state = memory.rows, memory.state
    sample, source, position, logits = chain
    counts, n_before, scratch = branches.counts, branches.counts[N_LIVE], branches.scratch
    is_branch = source < len(branches.first)
    peak, log_total = np.float32(0), 0.0
    if len(drawn.logprobs) > 0:
        peak, log_total = log_normaliser(logits, scratch)
    weigh(logits, settings.temperature, settings.top_p, scratch)
    while sample >= 0:
        following = branches.follower[sample]
        n = drawn.lengths[sample]
        token = draw(logits, settings.vocab_size, settings.temperature, drawn.seeds[sample], np.uint64(n), scratch)
        if len(drawn.logprobs) > 0:
            drawn.logprobs[sample, n] = logits[token] - peak - log_total
        if _emit(settings, drawn, sample, token, position):
            branch = branches.heir[token]
            if branch < 0:
                if is_branch and counts[N_LIVE] == n_before:
                    branch = source
                else:
                    counts[N_SPARE] -= 1
                    branch = branches.spare[counts[N_SPARE]]
                    fork(state, rows, source, branch, position)
                branches.heir[token] = branch
                branches.first[branch], branches.position[branch], branches.token[branch] = -1, position, token
                branches.live[counts[N_LIVE]] = branch
                counts[N_LIVE] += 1
            branches.follower[sample] = branches.first[branch]
            branches.first[branch] = sample
        else:
            counts[N_SAMPLES] -= 1
            state.done[0] += 1
        sample = following
    for i in range(n_before, counts[N_LIVE]):
        branches.heir[branches.token[branches.live[i]]] = -1
    if is_branch and counts[N_LIVE] == n_before:
        release(state, rows.pages[source], (position + PAGE - 1) // PAGE)
        branches.spare[counts[N_SPARE]] = source
        counts[N_SPARE] += 1


@inlined
def advance(memory, work, branches, settings, drawn, n_read):
    """Draw the next token of the branches in the first n_read rows of the step before.

    Then start units whose prefix has been read, while a step has room and as many samples may be under way.
    """
    rows, state, head, first_logits = memory.rows, memory.state, memory.buffers.head, branches.first_logits
    counts, most, vocab = state.counts, len(branches.first), first_logits.shape[1]
    branches.counts[N_LIVE] -= n_read
    i = 0
    while True:  # one place to part, since it is compiled in where it is called
        if i < n_read:
            source, position = rows.sequence[i], rows.position[i] + 1
            first, logits = branches.first[source], head[i, :vocab]
        else:
            if branches.counts[N_LIVE] >= len(rows.token) or counts[RING_SIZE] == 0:
                return
            slot = counts[RING_FIRST]
            request = state.ring_request[slot]
            source, position = most + slot, work.starts[request + 1] - work.starts[request]
            first, last, logits = state.ring_next[slot], state.ring_last[slot], first_logits[slot]
            if state.ring_read[slot] < position or branches.counts[N_SAMPLES] + last - first > most:
                return
            branches.counts[N_SAMPLES] += last - first
            for sample in range(first, last - 1):
                branches.follower[sample] = sample + 1
            branches.follower[last - 1] = -1
        part(memory, branches, settings, drawn, Chain(first, source, position, logits))
        if i >= n_read:
            retire(work, state, rows.pages, most)
        i += 1
