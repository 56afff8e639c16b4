"""Exchange formulas against the paper's printed equivalences, FLOPs against a hand count, the matched comparison."""

import numpy as np
import pytest

from tts_lib.answers.cost import sampling_cost, scoring_cost
from tts_lib.answers.protocols import SampleRequest, Samples, ScoreRequest
from tts_lib.estimators.flops import Sizes, inference_flops, pretraining_flops
from tts_lib.estimators.intervals import bootstrap_weights
from tts_lib.estimators.per_question import PerQuestion
from tts_lib.strategies.exchange.matched import compare_matched, matched_budget, matched_ratio
from tts_lib.strategies.model_sizes import kept_of_a_position


@pytest.mark.parametrize(
    ("accounting", "r", "k"),
    [
        ("v1", 0.16, 257.75),
        ("v1", 0.79, 63.4),
        ("v1", 22, 15.8),
        ("iclr", 0.08, 257.75),
        ("iclr", 0.40, 62.75),
        ("iclr", 11, 15.8),
        ("small_only", 0.08, 250.75),
        ("small_only", 0.40, 55.75),
        ("small_only", 11, 8.8),
    ],
)
def test_paper_equivalences(accounting, r, k):
    assert matched_budget(14, r, accounting) == pytest.approx(k, abs=0.05)
    assert matched_ratio(14, matched_budget(14, r, accounting), accounting) == pytest.approx(r)


@pytest.mark.parametrize(("accounting", "c_small", "c_large"), [("v1", 1, 1), ("iclr", 2, 2), ("small_only", 2, 1)])
def test_matched_budget_equates_the_flops(accounting, c_small, c_large):
    """X + k Y_small = M X + g M Y_large, counted with the FLOPs functions themselves."""
    n, m, d_pre, d_inf, g = 2e5, 14, 1e7, 3e6, 4
    k = matched_budget(m, d_inf / d_pre, accounting, large_generations=g)
    small = pretraining_flops(n, d_pre) + k * c_small * inference_flops(n, d_inf)
    large = pretraining_flops(m * n, d_pre) + g * c_large * inference_flops(m * n, d_inf)
    assert small == pytest.approx(large)


def test_formula_bad_input():
    for arguments in ((0.5, 1.0), (14, 0.0), (14, 1.0, "v1", 0)):
        with pytest.raises(ValueError, match="m >= 1"):
            matched_budget(*arguments)
    with pytest.raises(ValueError, match="k must be above 14"):
        matched_ratio(14, 14.0)


def test_the_flops_of_an_answer_count_the_verifier_or_not():
    assert Sizes(10, 20).flops(100.0, 40.0, count_verifier=True) == 2 * 100 * 10 + 2 * 40 * 20
    assert Sizes(10, 20).flops(100.0, 40.0, count_verifier=False) == 2 * 100 * 10


def test_memory_traffic_is_the_weights_in_each_pass_and_what_is_kept_of_each_position():
    """Two samples of 3 and 5 tokens to a prompt of 4, then read by the verifier, of numbers of 2 bytes."""
    sizes = Sizes(1000, 500, policy_cache=16, verifier_cache=8, number_bytes=2)
    requests = [SampleRequest(np.zeros(4, np.int32), np.zeros(2, np.uint64))]
    texts = [np.zeros(n, np.int32) for n in (3, 5)]
    samples = [Samples(np.concatenate(texts), np.array([0, 3, 8]), np.zeros(2, np.uint8), None)]
    spent = sampling_cost(requests, samples, 2) + scoring_cost([ScoreRequest(requests[0].prefix, texts)])
    assert sizes.weight_bytes(spent.policy_passes, spent.verifier_passes) == 2 * (5 * 1000 + 500)
    read_by_policy = 4 + (5 + 6 + 7) + (5 + 6 + 7 + 8 + 9)
    read_by_verifier = spent.verifier_prefill_tokens + spent.verifier_tokens
    assert sizes.cache_bytes(spent.policy_cached, read_by_verifier) == 2 * (read_by_policy * 16 + (4 + 8) * 8)


@pytest.mark.parametrize(
    ("record", "kept"),
    [({"n_layers": 4, "width": 64}, 512), ({"n_layers": 30, "width": 576, "key_width": 192}, 11520), ({}, np.nan)],
)
def test_what_is_kept_of_a_position_are_the_keys_and_values_of_all_layers(record, kept):
    np.testing.assert_equal(kept_of_a_position(record), kept)


def world():
    """Bin 1: small rises from .4 to .8 per factor 4 in budget; bin 2: stays at .1; large .7 and .3."""
    bins = np.repeat([1, 2], 20)
    small = np.where(bins[:, None] == 1, [0.4, 0.6, 0.8], 0.1)
    return (
        PerQuestion(small),
        [4, 16, 64],
        np.where(bins == 1, 0.7, 0.3),
        bins,
        bootstrap_weights(40, 500, np.random.default_rng(0)),
    )


def test_compare_matched_by_group():
    rows = compare_matched(*world()[:4], [16, 32, 257.75], world()[4])
    assert [(row.k, row.group, row.n_questions, row.capped) for row in rows] == [
        (k, group, n, k > 64) for group, n in ((0, 40), (1, 20), (2, 20)) for k in (16, 32, 257.75)
    ]
    easy, hard = rows[4], rows[7]  # k = 32, half way from 16 to 64 in log budget
    assert (easy.small, easy.large) == pytest.approx((0.7, 0.7))
    assert easy.relative == pytest.approx(0, abs=1e-9)
    assert hard.low < hard.difference < hard.high and hard.difference == pytest.approx(-0.2)
    assert (hard.relative, hard.relative_low) == pytest.approx((-200 / 3, -200 / 3))
    assert rows[5].small == pytest.approx(0.8)  # easy, capped at the largest budget
    everything = rows[0]  # resampling moves questions between the bins, so its interval has a width
    assert everything.low < everything.difference < everything.high


def test_relative_difference_to_zero_is_undefined():
    small, budgets, large, bins, weights = world()
    rows = compare_matched(small, budgets, np.where(bins == 2, 0.0, large), bins, [16], weights)
    assert np.isnan([rows[2].relative, rows[2].relative_low, rows[2].relative_high]).all()
    assert rows[2].difference == pytest.approx(0.1)


def test_wider_level_wider_interval():
    arguments = (*world()[:4], [16], world()[4])
    assert compare_matched(*arguments, level=0.99)[0].high > compare_matched(*arguments, level=0.5)[0].high


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budgets": [4, 4, 16]}, "ascending"),
        ({"ks": [2.0, 16]}, "k = 2.0 is below 4"),
        ({"large": np.full(40, np.nan)}, "NaN"),
        ({"bins": np.zeros(40, dtype=int)}, "bins count from 1"),
    ],
)
def test_compare_bad_input(change, message):
    names = ("small", "budgets", "large", "bins", "weights")
    with pytest.raises(ValueError, match=message):
        compare_matched(**(dict(zip(names, world(), strict=True)) | {"ks": [16]} | change))
