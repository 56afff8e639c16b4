"""A call in parts: cut into pieces for several workers, and put together from what is finished in any order."""

from collections.abc import Iterable, Sequence

import numpy as np

from tts_lib.answers.protocols import Part, SampleRequest, Samples

PIECES_PER_WORKER = 4  # so that the fast ones can take more of them
LEAST_PIECE = 32  # samples or continuations: below it, an engine has too little to compute together

Slice = tuple[int, int, int]  # (request, first, last): samples or continuations first..last-1 of a request


def split(sizes: Sequence[int], n_workers: int) -> list[list[Slice]]:
    """Pieces of about equal size, each a list of slices of requests with `sizes` samples.

    A request is cut only where it is larger than a piece: samples of one prefix stay together and share its prefill.
    """
    size = max(LEAST_PIECE, -(-sum(sizes) // (PIECES_PER_WORKER * n_workers)))
    pieces: list[list[Slice]] = []
    room = 0
    for request, n in enumerate(sizes):
        first = 0
        while first < n:
            if room < min(n - first, size):
                pieces.append([])
                room = size
            last = min(n, first + room)
            pieces[-1].append((request, first, last))
            room -= last - first
            first = last
    return pieces


def gathered(requests: Sequence[SampleRequest], parts: Iterable[Part], logprobs: bool) -> list[Samples]:
    """The samples of each request, whatever the order of the parts.

    Raises:
        RuntimeError: a sample is missing, or came twice.
    """
    places: list[list[tuple[Samples, int] | None]] = [[None] * len(request.seeds) for request in requests]
    for part in parts:
        mine = places[part.request]
        for i, position in enumerate(part.positions.tolist()):
            if mine[position] is not None:
                raise RuntimeError(f"sample {position} of request {part.request} came twice")
            mine[position] = (part.samples, i)
    return [_samples(number, mine, logprobs) for number, mine in enumerate(places)]


def _samples(request: int, places: Sequence[tuple[Samples, int] | None], logprobs: bool) -> Samples:
    tokens, finish, log_p = [np.zeros(0, np.int32)], [], [np.zeros(0, np.float32)]
    for position, place in enumerate(places):
        if place is None:
            raise RuntimeError(f"sample {position} of request {request} is missing")
        samples, i = place
        tokens.append(samples[i])
        finish.append(samples.finish[i])
        if logprobs and samples.logprobs is not None:
            log_p.append(samples.logprobs[samples.offsets[i] : samples.offsets[i + 1]])
    return Samples(
        tokens=np.concatenate(tokens),
        offsets=np.cumsum([0, *(len(each) for each in tokens[1:])], dtype=np.int64),
        finish=np.array(finish, np.uint8),
        logprobs=np.concatenate(log_p) if logprobs else None,
    )
