import numpy as np

from tts_lib.answers.cost import Cost, attended, sampling_cost, scoring_cost
from tts_lib.answers.protocols import SampleRequest, Samples, ScoreRequest


def tokens(n: int) -> np.ndarray:
    return np.zeros(n, np.int32)


def test_costs_add_field_by_field():
    assert Cost(1, 2, 3, 4, 5, 6) + Cost(10, 20, 30, 40, 50, 60) == Cost(11, 22, 33, 44, 55, 66)
    assert sum([Cost(rounds=1), Cost(rounds=2)], Cost()) == Cost(rounds=3)


def test_sampling_counts_each_prefix_once_and_every_sampled_token():
    requests = [SampleRequest(tokens(5), np.zeros(2, np.uint64)), SampleRequest(tokens(7), np.zeros(1, np.uint64))]
    samples = [
        Samples(tokens(6), np.array([0, 2, 6]), np.zeros(2, np.uint8), None),
        Samples(tokens(3), np.array([0, 3]), np.zeros(1, np.uint8), None),
    ]
    assert sampling_cost(requests, samples, 3) == Cost(
        generations=3,
        policy_prefill_tokens=12,
        policy_decode_tokens=9,
        rounds=1,
        policy_attended=15 + 28 + 13 + 30 + 27,
        policy_passes=4,  # of the longest: the others are sampled beside it
        policy_cached=5 + 7 + 13 + 30 + 27,  # a prefix is read in one pass
    )


def test_tokens_attend_to_all_before_them_and_to_themselves():
    for before, n in ((0, 4), (3, 1), (5, 6)):
        assert attended(before, n) == sum(before + i + 1 for i in range(n))


def test_scoring_counts_the_prefix_once_and_each_continuation():
    cost = scoring_cost([ScoreRequest(tokens(4), [tokens(2), tokens(3)]), ScoreRequest(tokens(1), [tokens(1)])])
    assert cost == Cost(
        verifier_prefill_tokens=5, verifier_tokens=6, verifier_attended=10 + 11 + 18 + 1 + 2, verifier_passes=1
    )
