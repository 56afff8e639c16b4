"""The FLOPs-matched comparison on a planted world: budgets, groups, break-even points."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.planted_study import planted_outcomes
from tts_lib.common.strategy import FLIPPED, MAJORITY, ORACLE, PARALLEL, WEIGHTED
from tts_lib.estimators import intervals
from tts_lib.estimators.flops import Sizes
from tts_lib.strategies.bins import Bins, numbered
from tts_lib.strategies.curves import single_curves
from tts_lib.strategies.exchange import budgets, comparison
from tts_lib.strategies.exchange.budgets import LargeModel, Training, exact_settings, formula_settings, with_making
from tts_lib.strategies.exchange.comparison import Grouping

OUTCOMES, BINS, _ = planted_outcomes()
BEST_OF_N, BEAM = single_curves(OUTCOMES)
WEIGHTS = intervals.bootstrap_weights(len(BINS), 200, np.random.default_rng(0))
GROUPS = Grouping(Bins("oracle", BINS, numbered(2)), WEIGHTS)
# Right on 0.6 of bin 1, as best-of-N at 4, and on 0.9 of bin 2, which nothing reaches.
LARGE = LargeModel("greedy", 1, np.where(BINS == 1, 0.6, 0.9), np.full(len(BINS), 2.0), n_params=140)


def test_the_papers_three_ratios_give_its_three_budgets():
    found = {(s.accounting, s.r_source, s.r_label): s.k for s in formula_settings(14, [0.16, 0.79, 22], 1)}
    assert found["v1", "v1", "low"] == pytest.approx(257.75)
    assert found["iclr", "iclr", "low"] == found["v1", "v1", "low"]
    assert found["small_only", "iclr", "high"] == pytest.approx(7 + 1.5 * 13 / 11)
    assert len(found) == 15


def test_exact_budgets_reduce_to_the_formulas_where_all_answers_are_equally_long():
    """2 policy and 2 verifier tokens a generation, 2 tokens of the large model, no prompt: v1 and small_only."""
    small, large = Training(10, 1000, 6 * 10 * 1000), Training(140, 1000, 6 * 140 * 1000)
    for r in (5.0, 22.0):
        exact, without = exact_settings(BEST_OF_N, Sizes(10, 10), LARGE, small, large, [r])
        formulas = {s.accounting: s.k for s in formula_settings(14, [r], 1) if s.r == r}
        assert without.k == pytest.approx(formulas["v1"])
        assert exact.k == pytest.approx(formulas["small_only"])


def test_exact_budgets_count_attention_and_what_was_made_for_the_answers():
    """One FLOP saved is one less for samples: attention of the small model, its verifier, its revision model."""
    small, large = Training(10, 1000, 6 * 10 * 1000), Training(140, 1000, 6 * 140 * 1000)
    plain = exact_settings(BEST_OF_N, Sizes(10, 10), LARGE, small, large, [22.0])
    seen = exact_settings(BEST_OF_N, Sizes(10, 10, 2, 2), LARGE, small, large, [22.0])
    assert all(a.k < b.k for a, b in zip(seen, plain, strict=True))
    made = {"prm": 5000.0, "revision": 700.0, "revision_orm": 60.0}
    with_prm = with_making(small, made, (MAJORITY, WEIGHTED))
    assert (with_prm.verifier, with_prm.revision) == (5000.0, 0.0)
    exact, without = exact_settings(BEST_OF_N, Sizes(10, 10), LARGE, with_prm, large, [22.0])
    assert exact.k < plain[0].k and without.k == plain[1].k
    revised = with_making(small, made, (PARALLEL,))
    assert (revised.verifier, revised.revision) == (60.0, 700.0)
    assert with_making(small, made, (MAJORITY,)) == small
    assert Training(10, 1, 60.0, layers_by_width=2, attended=5).exact(True) == 60 + 3 * 4 * 2 * 5


def test_groups_are_compared_at_the_matched_budget():
    settings = formula_settings(14, [22.0], 1)
    table = comparison.setting_table(BEST_OF_N, LARGE, settings, GROUPS).set_index(["accounting", "r_source", "group"])
    row = table.loc[("v1", "v1", "1")]
    assert row["k"] == pytest.approx(14 + 39 / 22) and not row["capped"]
    assert row["small_accuracy"] == pytest.approx(0.6 + 0.1 * np.log(row["k"] / 4) / np.log(4))
    assert row["difference"] == pytest.approx(row["small_accuracy"] - 0.6)
    assert row["relative"] == pytest.approx(100 * row["difference"] / 0.6)
    assert table.loc[("v1", "v1", "hard"), "difference"] < 0
    assert set(table.index.get_level_values("group")) == {"all", "1", "2", "easy", "hard"}


def test_points_on_the_budget_grid_have_their_ratio():
    table = comparison.ratio_table(BEST_OF_N, LARGE, 14, GROUPS).set_index(["group", "k"])
    assert table.loc[("all", 16), "r_v1"] == pytest.approx(39 / 2)
    assert np.isnan(table.loc[("all", 4), "r_v1"])  # affordable at any R


def test_break_even():
    table = comparison.break_even_table(BEST_OF_N, LARGE, 3, GROUPS).set_index(["group", "accounting"])
    row = table.loc[("1", "v1")]
    assert (row["k"], row["k_bound"]) == (pytest.approx(4.0), "exact")
    assert row["r"] == pytest.approx(6.0)  # 4 = 3 + 6 / R
    assert not row["always_wins"] and not row["never_wins"]
    assert table.loc[("1", "small_only"), "r"] == pytest.approx(6.0 / 5.0)  # 4 = 1.5 + 3 / R
    hard = table.loc[("2", "v1")]
    assert hard["never_wins"] and hard["k_bound"] == "at_least" and np.isnan(hard["r"])
    free = comparison.break_even_table(BEST_OF_N, LARGE, 14, GROUPS).set_index(["group", "accounting"])
    assert free.loc[("1", "v1"), "always_wins"]


def test_ladder_lines_and_heights():
    steps = [replace(BEST_OF_N, strategy=step) for step in (MAJORITY, FLIPPED, WEIGHTED)]
    ladder = comparison.ladder_table(steps, GROUPS)
    assert (ladder["difference"] == 0).all() and list(dict.fromkeys(zip(ladder["a"], ladder["b"], strict=True))) == [
        ("weighted:prm_flipped", "majority"),
        ("weighted:prm_last", "majority"),
        ("weighted:prm_last", "weighted:prm_flipped"),
    ]
    lines = comparison.line_table(BEAM, Sizes(10, 10), GROUPS)
    assert sorted(set(lines["budget"])) == [4, 16]
    np.testing.assert_allclose(lines["flops_with_verifier"], 2 * lines["flops"])
    heights = comparison.large_table(LARGE, GROUPS).set_index("group")
    assert heights.loc["all", "accuracy"] == pytest.approx(0.75) and heights.loc["all", "flops"] == 560


def test_headline_has_none_for_what_is_undefined():
    curve = replace(BEST_OF_N, strategy_set="paper", strategy=ORACLE)
    settings = formula_settings(14, [1.0, 2.0, 22.0], 1)
    stars = comparison.setting_table(curve, LARGE, settings, GROUPS)
    even = comparison.break_even_table(curve, LARGE, 14, GROUPS)
    found = comparison.headline(stars, even, "greedy")
    assert found["relative"]["paper"]["v1"]["high"]["easy"]["k"] == pytest.approx(14 + 39 / 22)
    assert found["break_even_r"]["paper"] == {"all": None, "easy": None, "hard": None}


def test_a_larger_budget_that_costs_less_is_taken_instead():
    """A chain reads its attempts again: 32 in a chain may cost more than 64 in parallel."""
    grid, cost = np.array([8.0, 16.0, 32.0, 64.0]), np.array([1000.0, 2000.0, 20000.0, 8000.0])
    found = [budgets._budget_of(target, grid, cost) for target in (1000.0, 8000.0, 4000.0, 16000.0)]
    assert found == pytest.approx([8.0, 64.0, 32.0, 128.0])


@pytest.mark.parametrize(
    ("r_values", "labels"),
    [
        ([0.16, 0.79, 22.0], ["low", "one", "high"]),
        ([5.0, 10.0, 22.0], ["5", "10", "high"]),
        ([0.1], ["low"]),
        ([1.0, 2.0, 2.5], ["one", "2", "2.5"]),
        ([0.05, 0.1, 0.5, 2.0], ["low", "0.1", "one", "2"]),
    ],
)
def test_ratios_are_named_by_their_value(r_values: list[float], labels: list[str]) -> None:
    found = [one.r_label for one in formula_settings(14.0, r_values, 1) if one.accounting == "v1"]
    assert found == labels
