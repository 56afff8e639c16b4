"""Policies on a planted world, their tidy tables, and the probe that is paid for: all against closed forms."""

import numpy as np
import pytest

from helpers.planted_study import BUDGETS, DESCRIBED, planted_outcomes
from tts_lib.estimators import intervals
from tts_lib.estimators.flops import Sizes
from tts_lib.strategies import curves as allocation_curves
from tts_lib.strategies.curves import Bins
from tts_lib.strategies.tables import gains as curve_tables
from tts_lib.strategies.tables import groups as question_groups
from tts_lib.strategies.tables.probes import Probed, probe_curve, probe_table

OUTCOMES, BINS, SCORE = planted_outcomes()
WEIGHTS = intervals.bootstrap_weights(len(BINS), 200, np.random.default_rng(0))
SIZES = Sizes(10, 10)
EVERYONE = question_groups.everyone(WEIGHTS)
OPTIMAL = [0.3, 0.5, 0.55]  # best-of-N in bin 1, the search (from 4 on) in bin 2


def curves():
    def generator(purpose):
        return np.random.default_rng(len(purpose))

    found = allocation_curves.single_curves(OUTCOMES)
    binnings = {"oracle": Bins(BINS, 2), "predicted": Bins(BINS, 2)}
    found += allocation_curves.cross_validated_curves("paper", OUTCOMES, binnings, 5, generator)
    for name, n_bins in (("compute_optimal_oracle_frozen", 2), ("best_fixed_frozen", 1)):
        table = allocation_curves.fit_frozen(OUTCOMES, SCORE, n_bins, DESCRIBED, "oracle", {})
        found.append(allocation_curves.frozen_curve("paper", name, table, OUTCOMES, SCORE))
    return found


CURVES = curves()


def of(name):
    return curve_tables.find(CURVES, "paper", name)


def test_the_planted_policy_is_found_and_its_cost_follows_the_choice():
    for name in ("compute_optimal_oracle", "compute_optimal_predicted", "compute_optimal_oracle_frozen"):
        np.testing.assert_allclose(of(name).accuracy.mean(axis=0), OPTIMAL)
        np.testing.assert_allclose(of(name).policy_tokens.mean(axis=0), [2, 16, 64])  # 2 N, and 6 N for the search
    np.testing.assert_allclose(of("best_fixed_frozen").accuracy.mean(axis=0), [0.3, 0.4, 0.5])
    np.testing.assert_allclose(of("random_choice").accuracy.mean(axis=0), [0.3, 0.4, 0.45])
    np.testing.assert_allclose(of("random_choice").policy_tokens.mean(axis=0), [2, 16, 64])
    assert (of("shuffled_bins").accuracy.mean(axis=0) < OPTIMAL)[1:].all()


def test_flops_count_the_verifier_on_request():
    curve = of("best_of_n_weighted")
    np.testing.assert_allclose(curve.flops(SIZES, False)[0], 2 * 10 * 2 * np.array(BUDGETS))
    np.testing.assert_allclose(curve.flops(SIZES, True), 2 * curve.flops(SIZES, False))


def test_tables_say_what_the_curves_hold():
    table = curve_tables.accuracy_table(CURVES, EVERYONE, SIZES).set_index(["curve", "budget"])
    assert ("beam_4", 1) not in table.index
    assert table.loc[("compute_optimal_oracle", 4), "accuracy"] == pytest.approx(0.5)
    gains = curve_tables.gain_table(CURVES, {"compute_optimal_oracle": ["best_of_n_weighted"]}, EVERYONE)
    np.testing.assert_allclose(gains["gain"], [0, 0.1, 0.05], atol=1e-12)
    assert gains["questions_needed"].isna().tolist() == [True, False, False]
    shares = curve_tables.share_table(CURVES, {"paper": OUTCOMES.strategies}, {"oracle": {1: "1", 2: "2"}}, [EVERYONE])
    chosen = shares[shares["budget"] == 16].set_index(["bin", "strategy"])["share"]
    assert chosen["1", "best_of_n_weighted"] == 1 and chosen["2", "beam_4"] == 1
    pairs = [("beam_4", 16, "best_of_n_weighted", 16), ("beam_4", 1, "best_of_n_weighted", 1)]
    groups = question_groups.groups_of("oracle", BINS, {1: "1", 2: "2"}, WEIGHTS)
    contrasts = curve_tables.contrast_table(CURVES, pairs, groups)
    np.testing.assert_allclose(contrasts["difference"], [-0.3, 0.1])  # the undefined pair is left out
    with pytest.raises(KeyError, match="no curve dvts"):
        of("dvts")


def test_iso_accuracy_in_generations_and_flops():
    iso = curve_tables.iso_table([of("compute_optimal_oracle")], [of("best_of_n_weighted")], [16], WEIGHTS, SIZES)
    ratio = iso.set_index("unit")["ratio"]
    assert ratio["generations"] == pytest.approx(4.0)  # 0.5 at N = 4 and at N = 16
    assert ratio["flops"] == pytest.approx(2.0)  # 16 tokens against 32
    assert set(iso["bound"]) == {"exact"}


def test_headline_quotes_the_tables_and_leaves_no_nan():
    accuracy = curve_tables.accuracy_table(CURVES, EVERYONE, SIZES)
    baselines = {"compute_optimal_oracle": ["best_fixed"], "compute_optimal_predicted": ["compute_optimal_oracle"]}
    gains = curve_tables.gain_table(CURVES, baselines, EVERYONE)
    iso = curve_tables.iso_table([of("compute_optimal_oracle")], [of("best_of_n_weighted")], [16], WEIGHTS, SIZES)
    found = curve_tables.headline(accuracy, gains, iso, [4, 16])
    assert found["sets"]["paper"]["compute_optimal_oracle"]["4"] == pytest.approx(0.5)
    assert found["iso"]["paper"]["compute_optimal_oracle"]["16"]["ratio"] == pytest.approx(4.0)
    assert found["gap_predicted_minus_oracle"]["paper"]["4"]["questions_needed"] is None


@pytest.mark.parametrize(
    ("n_probe", "reuse", "charged"),
    [
        (4, False, [5.0, 8.0, 20.0]),
        (4, True, [4.0, 6.0, 18.0]),  # bin 1: max(N, 4) of best-of-N; bin 2: N + 4 of the search, at N = 1 the pool
    ],
)
def test_a_probe_is_charged_and_only_the_pool_reuses_it(n_probe, reuse, charged):
    probed = Probed(n_probe, SCORE, SCORE, np.full(len(BINS), 7.0))
    curve = probe_curve(OUTCOMES, OUTCOMES, probed, 2, DESCRIBED, reuse)
    np.testing.assert_allclose(curve.charged.mean(axis=0), charged)
    expected = [0.4, 0.5, 0.55] if reuse else OPTIMAL  # with reuse best-of-N of 1 is the one of 4
    np.testing.assert_allclose(curve.accuracy.mean(axis=0), expected)
    table = probe_table({"paper": [curve]}, CURVES, EVERYONE)
    assert table["charged_budget"].tolist() == charged
    assert table["gain"].isna().tolist() == [c > BUDGETS[-1] for c in charged]


def test_values_between_budgets_are_linear_in_log_budget():
    values = np.array([[0.0, 1.0, 3.0]])
    assert allocation_curves.at_budget(values, BUDGETS, 2)[0] == pytest.approx(0.5)
    assert allocation_curves.at_budget(values, BUDGETS, 16)[0] == 3.0
    assert np.isnan(allocation_curves.at_budget(values, BUDGETS, 17)[0])


def test_coarse_bins():
    assert question_groups.coarse_bins(np.arange(1, 6), 5).tolist() == [1, 1, 2, 3, 3]
    assert question_groups.coarse_bins(np.arange(1, 5), 4).tolist() == [1, 1, 3, 3]
