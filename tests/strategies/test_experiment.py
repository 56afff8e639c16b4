"""The experiment on a planted world: its binnings by name, what is fitted on validation, what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers.planted_study import BEAM, METHODS, planted_outcomes
from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.common.strategy import BEST_FIXED, ORACLE, PREDICTED, WEIGHTED
from tts_lib.estimators import intervals
from tts_lib.estimators.difficulty import quantile_binning
from tts_lib.strategies.experiment import Experiment, with_zero
from tts_lib.strategies.tables.groups import everyone
from tts_lib.strategies.tables.zero import Choosing, zero_table

OUTCOMES, IN_BINS, SCORE = planted_outcomes()
MEMBERS = (WEIGHTED, BEAM)
WEIGHTS = intervals.bootstrap_weights(len(IN_BINS), 50, np.random.default_rng(0))
EDGES = quantile_binning(SCORE, 2).edges


def experiment(**change) -> Experiment:
    """Every score tells the two planted bins apart; the subjects are two, the levels not known."""
    columns = {
        "question_id": OUTCOMES.question_ids,
        "level": np.nan,
        "subject": np.where(IN_BINS == 1, "sets", "algebra"),
    }
    columns |= dict.fromkeys(("oracle", "predicted", "probe_4"), SCORE) | {"probe_tokens_4": 8.0, "absolute_bin": 1}
    columns |= {f"{name}_bin": IN_BINS for name in ("oracle", "predicted")}
    columns |= {f"{name}_frozen_bin": IN_BINS for name in ("oracle", "predicted", "probe_4")}
    table = pd.DataFrame(columns)
    found = Experiment(table, table, OUTCOMES, OUTCOMES, 2, (4,), {"beam_4": METHODS[1]})
    return replace(found, **change)


def test_bins_say_how_they_were_binned() -> None:
    found = experiment()
    assert [bins.name for bins in found.quantile_bins] == ["oracle", "predicted"]
    assert [bins.name for bins in found.binnings] == ["oracle", "predicted", "absolute", "subject"]
    assert [(bins.name, bins.binning, bins.frozen) for bins in found.frozen_bins] == [
        ("oracle_frozen", "oracle", True),
        ("predicted_frozen", "predicted", True),
    ]
    subject = found.binnings[-1]
    assert subject.labels == {1: "algebra", 2: "sets"} and subject.of_problem.tolist() == (3 - IN_BINS).tolist()


def test_searches_are_reported_where_the_pools_suffice() -> None:
    assert experiment().reported([4, 16, 64]) == [4, 16]
    with pytest.raises(StudyError, match=r"grid.search_budgets begins at 32, but must .* suffice for, 16\."):
        experiment().reported([32, 64])


def test_choices_are_fitted_on_validation_and_applied_to_test() -> None:
    found = experiment()
    fitted = found.fit_tables(MEMBERS)
    assert {name: (table.difficulty, table.n_probe) for name, table in fitted.items()} == {
        "oracle": ("oracle", 0),
        "predicted": ("predicted", 0),
        "probe_4": ("probe", 4),
        "fixed": ("predicted", 0),
    }
    assert fitted["fixed"].edges == () and fitted["oracle"].edges == EDGES
    curves = found.frozen_curves("paper", MEMBERS, fitted, WEIGHTS)
    assert [curve.strategy for curve in curves] == [replace(s, frozen=True) for s in (ORACLE, PREDICTED, BEST_FIXED)]
    np.testing.assert_allclose(curves[0].accuracy.mean(axis=0), [0.3, 0.5, 0.55])
    np.testing.assert_allclose(curves[2].accuracy.mean(axis=0), [0.3, 0.4, 0.5])
    probes = found.probe_curves(MEMBERS, WEIGHTS)
    assert [(probe.n_probe, probe.reuse) for probe in probes] == [(4, False), (4, True)]


def test_frozen_bins_of_other_edges_are_refused() -> None:
    found = experiment()
    fitted = found.fit_tables(MEMBERS)
    other = experiment(questions=found.questions.assign(oracle_frozen_bin=1))
    with pytest.raises(StudyError, match="oracle_frozen_bin of the test questions has other edges"):
        other.frozen_curves("paper", MEMBERS, fitted, WEIGHTS)


def test_agreement_names_the_binnings_that_are_known() -> None:
    table = experiment().agreement()
    assert list(zip(table["a"], table["b"], strict=True)) == [
        ("oracle", "predicted"),
        ("oracle", "oracle_frozen"),
        ("predicted", "predicted_frozen"),
        ("oracle", "probe_4_frozen"),
    ]
    assert (table["same"] == 1).all() and np.allclose(table["score_rank_correlation"], 1)


def test_without_scores_there_is_the_oracle_alone() -> None:
    bare = experiment().questions.drop(columns=["predicted", "predicted_bin", "predicted_frozen_bin"])
    found = experiment(questions_fit=bare, questions=bare, n_probe=())
    assert found.scores == ("oracle",) and found.fit_tables(MEMBERS).keys() == {"oracle", "fixed"}
    assert found.probe_curves(MEMBERS, WEIGHTS) == []


def test_a_prediction_counts_beside_each_probe_as_it_suits_validation(tmp_path, monkeypatch) -> None:
    """On validation questions the truth lies halfway between prediction and probe of 4; the test's is not asked."""
    monkeypatch.chdir(tmp_path)
    ids, zero = list(OUTCOMES.question_ids), 1.0 - SCORE
    for split in ("val", "test"):
        tables.write_table(
            pd.DataFrame({"question_id": ids, "zero": zero, "zero_tokens": 6}).iloc[::-1].reset_index(drop=True),
            paths.predictors(split),
        )
        tables.write_table(pd.DataFrame({"question_id": ids, "mean_policy_tokens": 12.0}), paths.costs(split))
    bare = experiment()
    fit = bare.questions_fit.assign(oracle=(zero + SCORE) / 2)
    found = with_zero(replace(bare, questions_fit=fit))
    assert found.prior_worth == {4: pytest.approx(4.0)}
    for questions in (found.questions_fit, found.questions):
        np.testing.assert_allclose(questions["zero+probe_4"], (zero + SCORE) / 2)
        assert questions["zero_samples"].eq(0.5).all() and questions["zero_tokens"].eq(6).all()
    agreement = found.agreement().set_index(["a", "b"])
    assert agreement.loc[("oracle", "zero_frozen"), "score_rank_correlation"] == pytest.approx(-1)
    assert ("oracle", "zero+probe_4_frozen") in agreement.index and len(agreement) == len(bare.agreement()) + 2
    choices = [found.probe_curve(kind, 4, False, MEMBERS, WEIGHTS) for kind in ("probe", "zero+probe")]
    for choice, samples, tokens in zip(choices, (0.0, 0.5), (0.0, 6.0), strict=True):
        np.testing.assert_allclose(choice.charged - np.array(OUTCOMES.budgets), 4 + samples)
        assert (choice.policy_tokens >= 8 + tokens).all()


def test_what_takes_no_sample_stands_beside_probes_at_equal_total_cost() -> None:
    """Best-of-N gains .1 over the search in bin 1 at 4 generations and loses .2 in bin 2, which the prediction tells
    and the best fixed strategy, the search, does not; what a probe costs buys more of both.
    """
    found = experiment()
    probes = {"probe": found.probe_curve("probe", 4, True, MEMBERS, WEIGHTS)}
    choosing = Choosing(OUTCOMES, OUTCOMES, METHODS, 2, WEIGHTS)
    known = dict.fromkeys(("oracle", "zero"), (SCORE, SCORE))
    table = zero_table("paper", choosing, known, np.full(len(SCORE), 0.5), probes, everyone(WEIGHTS))
    rows = table.set_index(["predictor", "budget"])
    assert [rows.loc[(name, 4), "charged_budget"] for name in known] == [4.0, 4.5]
    assert rows.loc[("probe", 4), "charged_budget"] == pytest.approx((4 + 8) / 2)  # a search draws its own samples
    assert rows.loc[("probe", 4), "accuracy"] == rows.loc[("zero", 4), "accuracy"] == pytest.approx(0.5)
    assert rows.loc[("zero", 4), "gain_fixed"] > rows.loc[("probe", 4), "gain_fixed"]
    assert rows["over_probe"].notna().groupby("predictor").any().to_dict() == {
        "oracle": True,
        "probe": False,
        "zero": True,
    }
