import importlib
import sys
from collections import Counter

import numpy as np
import pytest

from helpers.crashing_run import SAMPLING, HashPolicy, requests_for
from tts_lib.answers.protocols import Part, Sampling
from tts_lib.common.errors import StudyError
from tts_lib.common.rng import generator
from tts_lib.engines.parts import LEAST_PIECE, PIECES_PER_WORKER, gathered, split


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


@pytest.mark.parametrize("n_workers", [1, 2, 7])
@pytest.mark.parametrize("sizes", [[], [0, 0], [1], [1000], [0, 150, 1, 7, 33, 64, 0, 2], [5] * 400, [64] * 10])
def test_pieces_hold_every_sample_once_and_are_about_equal(sizes, n_workers):
    pieces = split(sizes, n_workers)
    covered = Counter((r, i) for piece in pieces for r, first, last in piece for i in range(first, last))
    assert covered == Counter((r, i) for r, n in enumerate(sizes) for i in range(n))
    most = max(LEAST_PIECE, -(-sum(sizes) // (PIECES_PER_WORKER * n_workers)))
    lengths = [sum(last - first for _, first, last in piece) for piece in pieces]
    assert all(0 < length <= most for length in lengths)
    assert len(pieces) <= 2 * -(-sum(sizes) // most)
    assert not [r for piece in pieces for r, first, last in piece if last - first < sizes[r] <= most]


def test_many_pieces_keep_all_workers_busy():
    assert len(split([64] * 100, 2)) >= 2 * PIECES_PER_WORKER


def test_ray_that_is_not_installed_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "tts_lib.engines.ray.workers", raising=False)
    with pytest.raises(StudyError, match=r"Workers need Ray \(.*\): install it with `pip install 'tts-study"):
        importlib.import_module("tts_lib.engines.ray.workers")
