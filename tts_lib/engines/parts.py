"""Puts a call's samples together that were finished in parts, each at the place it was asked for."""

from collections.abc import Iterable, Sequence

import numpy as np

from tts_lib.protocols import Part, SampleRequest, Samples


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
