"""Choices on a planted world, their tidy tables, and the probe that is paid for: all against closed forms."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers.planted_study import BEAM, BUDGETS, METHODS, planted_outcomes
from tts_lib.common import tables
from tts_lib.common.strategy import BEST_FIXED, ORACLE, PREDICTED, RANDOM_CHOICE, SHUFFLED_BINS, WEIGHTED, Strategy
from tts_lib.estimators import intervals
from tts_lib.estimators.flops import Sizes
from tts_lib.estimators.per_question import PerQuestion
from tts_lib.strategies.bins import Bins, numbered
from tts_lib.strategies.curves import (
    CrossValidation,
    at_budget,
    cross_validated_curves,
    find,
    fit_frozen,
    frozen_curve,
    single_curves,
)
from tts_lib.strategies.frozen import Difficulty, frozen_anew
from tts_lib.strategies.tables.attained import accuracy_table, bin_table, contrast_table, cost_table
from tts_lib.strategies.tables.gains import baselines, gain_table, headline, iso_table
from tts_lib.strategies.tables.groups import everyone, groups_of
from tts_lib.strategies.tables.probes import Probed, probe_curve, probe_table
from tts_lib.strategies.tables.saved import read_csv
from tts_lib.strategies.tables.shares import share_table

OUTCOMES, IN_BINS, SCORE = planted_outcomes()
BINS = Bins("oracle", IN_BINS, numbered(2))
WEIGHTS = intervals.bootstrap_weights(len(IN_BINS), 200, np.random.default_rng(0))
SIZES = Sizes(10, 10)
EVERYONE = everyone(WEIGHTS)
OPTIMAL = [0.3, 0.5, 0.55]  # best-of-N in bin 1, the search (from 4 on) in bin 2
ORACLE_FROZEN, FIXED_FROZEN = replace(ORACLE, frozen=True), replace(BEST_FIXED, frozen=True)


def curves():
    def generator(purpose):
        return np.random.default_rng(len(purpose))

    found = single_curves(OUTCOMES)
    made = CrossValidation("paper", OUTCOMES, 5, generator, WEIGHTS)
    found += cross_validated_curves(made, [BINS, replace(BINS, binning="predicted")])
    for choice, n_bins in ((ORACLE, 2), (BEST_FIXED, 1)):
        table = fit_frozen(OUTCOMES, Difficulty("oracle", SCORE), n_bins, METHODS)
        binned = IN_BINS if n_bins > 1 else np.ones_like(IN_BINS)
        anew = frozen_anew(OUTCOMES.accuracy, binned, WEIGHTS, OUTCOMES.accuracy, binned, n_bins)
        found.append(frozen_curve("paper", choice, table, OUTCOMES, SCORE, anew))
    return found


CURVES = curves()


def of(strategy: Strategy):
    return find(CURVES, "paper", strategy)


def test_the_planted_choice_is_found_and_its_cost_follows_it():
    for choice in (ORACLE, PREDICTED, ORACLE_FROZEN):
        np.testing.assert_allclose(of(choice).accuracy.mean(axis=0), OPTIMAL)
        np.testing.assert_allclose(of(choice).policy_tokens.mean(axis=0), [2, 16, 64])  # 2 N, and 6 N for the search
    np.testing.assert_allclose(of(FIXED_FROZEN).accuracy.mean(axis=0), [0.3, 0.4, 0.5])
    np.testing.assert_allclose(of(RANDOM_CHOICE).accuracy.mean(axis=0), [0.3, 0.4, 0.45])
    np.testing.assert_allclose(of(RANDOM_CHOICE).policy_tokens.mean(axis=0), [2, 16, 64])
    assert (of(SHUFFLED_BINS).accuracy.mean(axis=0) < OPTIMAL)[1:].all()


def test_a_curve_has_the_budgets_at_which_its_strategy_is_known():
    assert of(WEIGHTED).budgets == BUDGETS and of(BEAM).budgets == (4, 16)
    assert of(ORACLE).budgets == BUDGETS and of(ORACLE).complete == (True, True, True)
    assert not any(np.isnan(array).any() for c in CURVES for array in (c.accuracy, c.policy_tokens, c.verifier_tokens))


def test_flops_count_the_verifier_on_request():
    curve = of(WEIGHTED)
    np.testing.assert_allclose(curve.flops(SIZES, False)[0], 2 * 10 * 2 * np.array(BUDGETS))
    np.testing.assert_allclose(curve.flops(SIZES, True), 2 * curve.flops(SIZES, False))


def test_tables_say_what_the_curves_hold():
    table = accuracy_table(CURVES, EVERYONE, SIZES).set_index(["strategy", "budget"])
    assert ("beam_4", 1) not in table.index
    assert table.loc[("compute_optimal_oracle", 4), "accuracy"] == pytest.approx(0.5)
    gains = gain_table(CURVES, EVERYONE)
    gains = gains[(gains["strategy"] == ORACLE.name) & (gains["baseline"] == WEIGHTED.name)]
    np.testing.assert_allclose(gains["gain"], [0, 0.1, 0.05], atol=1e-12)
    assert gains["questions_needed"].isna().tolist() == [True, False, False]
    pairs = [(BEAM, 16, WEIGHTED, 16), (BEAM, 1, WEIGHTED, 1)]
    contrasts = contrast_table(CURVES, pairs, groups_of(BINS, WEIGHTS))
    np.testing.assert_allclose(contrasts["difference"], [-0.3, 0.1])  # the pair that is not known is left out
    costs = cost_table(OUTCOMES, SIZES).set_index(["strategy", "budget"])
    assert len(costs) == 5 and costs.loc[("beam_4", 4), "flops_with_verifier"] == 2 * costs.loc[("beam_4", 4), "flops"]
    with pytest.raises(KeyError, match="no curve dvts"):
        of(Strategy("dvts"))


def test_a_row_carries_the_columns_of_its_strategy_also_after_a_trip_through_csv(tmp_path):
    tables.write_csv(accuracy_table(CURVES, EVERYONE, SIZES), tmp_path / "accuracy.csv")
    saved = read_csv(tmp_path / "accuracy.csv")
    assert {Strategy.of(row) for row in saved.to_dict("records")} == {curve.strategy for curve in CURVES}
    for row in saved.to_dict("records"):
        assert Strategy.of(row).name == row["strategy"]
    with pytest.raises(tables.TableError, match=r"none\.csv is missing"):
        read_csv(tmp_path / "none.csv")


def test_bins_and_shares_name_the_strategy_and_how_its_questions_are_binned():
    frozen = replace(BINS, frozen=True)
    binnings, sets = [BINS, frozen], {"paper": OUTCOMES.strategies}
    groups = [group for bins in binnings for group in groups_of(bins, WEIGHTS)]
    shares = share_table(CURVES, sets, binnings, groups)
    assert shares.groupby(["binning", "frozen"]).size().to_dict() == {
        ("all", False): 3 * 2,
        ("all", True): 3 * 2,
        ("oracle", False): 2 * 3 * 2,
        ("oracle", True): 2 * 3 * 2,
    }
    assert set(shares.loc[shares["binning"] == "oracle", "n_questions"]) == {20}
    of_all = shares[shares["binning"] == "all"]
    assert set(of_all["bin"]) == {"all"} and set(of_all["n_questions"]) == {40}
    assert of_all.groupby(["frozen", "budget"])["share"].sum().eq(1).all()
    for made in (False, True):
        part = shares[(shares["frozen"] == made) & (shares["budget"] == 16)]
        chosen = part.set_index(["bin", "strategy"])["share"]
        assert chosen["1", "weighted:prm_last"] == 1 and chosen["2", "beam_4"] == 1
    by_bin = bin_table(single_curves(OUTCOMES), groups)
    at = by_bin.set_index(["frozen", "bin", "rule", "score", "budget"])["accuracy"]
    assert at[True, "2", "weighted", "prm_last", 16] == pytest.approx(0.3)
    assert at[False, "1", "beam_4", "", 4] == pytest.approx(0.4)


def test_a_choice_is_held_against_its_own_kind_and_never_itself():
    assert ORACLE not in baselines(ORACLE) and ORACLE in baselines(PREDICTED)
    assert FIXED_FROZEN in baselines(ORACLE_FROZEN) and BEST_FIXED not in baselines(ORACLE_FROZEN)
    assert baselines(BEST_FIXED) == baselines(BEAM) == ()


def test_iso_accuracy_in_generations_and_flops():
    iso = iso_table([of(ORACLE)], [of(WEIGHTED)], [16], WEIGHTS, SIZES)
    ratio = iso.set_index("unit")["ratio"]
    assert ratio["generations"] == pytest.approx(4.0)  # 0.5 at N = 4 and at N = 16
    assert ratio["flops"] == pytest.approx(2.0)  # 16 tokens against 32
    assert set(iso["bound"]) == {"exact"}


def test_headline_quotes_the_tables_and_leaves_no_nan():
    accuracy, gains = accuracy_table(CURVES, EVERYONE, SIZES), gain_table(CURVES, EVERYONE)
    iso = iso_table([of(ORACLE)], [of(WEIGHTED)], [16], WEIGHTS, SIZES)
    found = headline(accuracy, gains, iso, [4, 16])
    assert found["sets"]["paper"]["compute_optimal_oracle"]["4"] == pytest.approx(0.5)
    assert found["sets"]["paper"].keys() == {c.strategy.name for c in CURVES if c.strategy_set == "paper"}
    assert found["iso"]["paper"]["compute_optimal_oracle"]["16"]["ratio"] == pytest.approx(4.0)
    assert found["gain_over_best_fixed"]["paper"]["oracle"].keys() == {"4", "16"}
    assert found["gap_predicted_minus_oracle"]["paper"]["4"]["questions_needed"] is None
    assert not pd.isna(found["gain_over_best_fixed"]["paper"]["oracle"]["16"]["gain"])


@pytest.mark.parametrize(
    ("n_probe", "reuse", "charged"),
    [
        (4, False, [5.0, 8.0, 20.0]),
        (4, True, [4.0, 6.0, 18.0]),  # bin 1: max(N, 4) of best-of-N; bin 2: N + 4 of the search, at N = 1 the pool
    ],
)
def test_a_probe_is_charged_and_only_the_pool_reuses_it(n_probe, reuse, charged):
    difficulty = Difficulty("probe", SCORE, n_probe)
    probed = Probed(difficulty, difficulty, np.full(len(IN_BINS), 7.0))
    curve = probe_curve(OUTCOMES, OUTCOMES, probed, 2, METHODS, reuse, WEIGHTS)
    np.testing.assert_allclose(curve.charged.mean(axis=0), charged)
    expected = [0.4, 0.5, 0.55] if reuse else OPTIMAL  # with reuse best-of-N of 1 is the one of 4
    np.testing.assert_allclose(curve.accuracy.mean(axis=0), expected)
    table = probe_table({"paper": [curve]}, CURVES, EVERYONE)
    assert table["charged_budget"].tolist() == charged
    assert table["gain"].isna().tolist() == [c > BUDGETS[-1] for c in charged]


def test_values_between_budgets_are_linear_in_log_budget():
    values = PerQuestion(np.array([[0.0, 1.0, 3.0]]))
    assert at_budget(values, BUDGETS, 2).each[0] == pytest.approx(0.5)
    assert at_budget(values, BUDGETS, 16).each[0] == 3.0
    assert np.isnan(at_budget(values, BUDGETS, 17).each[0])


@pytest.mark.parametrize(("n_bins", "expected"), [(5, [1, 1, 2, 3, 3]), (4, [1, 1, 3, 3])])
def test_coarse_bins(n_bins, expected):
    coarse = Bins("oracle", np.arange(1, n_bins + 1), numbered(n_bins)).coarse
    assert coarse.of_problem.tolist() == expected and coarse.labels[1] == "easy"
