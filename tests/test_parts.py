import numpy as np
import pytest

from crashing_run import SAMPLING, HashPolicy, requests_for
from tts_lib.engines.parts import gathered
from tts_lib.protocols import Part, Sampling
from tts_lib.rng import generator


def every_part(requests, sampling):
    """Two samples a part, shuffled within their request and among all."""
    rng, parts = generator("parts"), []
    for number, (request, samples) in enumerate(zip(requests, HashPolicy().sample(requests, sampling), strict=True)):
        order = rng.permutation(len(request.seeds))
        for start in range(0, len(order), 2):
            positions = order[start : start + 2]
            (part,) = HashPolicy().sample([type(request)(request.prefix, request.seeds[positions])], sampling)
            parts.append(Part(number, positions, part))
        assert len(samples) == len(order)
    return [parts[i] for i in rng.permutation(len(parts))]


@pytest.mark.parametrize("logprobs", [False, True])
def test_parts_find_their_places(logprobs):
    sampling = Sampling(1.0, 1.0, 16, "end", logprobs)
    requests = [*requests_for(5, 3), *requests_for(0, 1)]
    whole = HashPolicy().sample(requests, sampling)
    for one, other in zip(gathered(requests, every_part(requests, sampling), logprobs), whole, strict=True):
        for name in ("tokens", "offsets", "finish", "logprobs"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
            assert getattr(one, name) is None or getattr(one, name).dtype == getattr(other, name).dtype


def test_a_sample_must_come_once():
    requests = requests_for(3, 2)
    parts = every_part(requests, SAMPLING)
    with pytest.raises(RuntimeError, match="is missing"):
        gathered(requests, parts[1:], False)
    with pytest.raises(RuntimeError, match="came twice"):
        gathered(requests, [*parts, parts[0]], False)
