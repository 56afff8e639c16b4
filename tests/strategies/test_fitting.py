"""Fitting what is handed on, on planted worlds: what fits within a budget, what is charged, which table to use."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.planted_study import BEAM, BUDGETS, planted_outcomes
from tts_lib.common import paths, rng, tables
from tts_lib.common.strategy import REVISIONS, WEIGHTED, Strategy
from tts_lib.common.tables import TableError
from tts_lib.estimators.difficulty import with_prior
from tts_lib.estimators.flops import Sizes
from tts_lib.estimators.intervals import bootstrap_weights, difference_interval
from tts_lib.strategies.experiment import Experiment
from tts_lib.strategies.fitted_choice import FittedChoice
from tts_lib.strategies.fitting import Fitting, Known, MadeWith, fit, known, to_use
from tts_lib.strategies.outcomes import Outcomes
from tts_lib.strategies.prediction import ByLength
from tts_lib.strategies.strategy_table import Method
from tts_lib.strategies.within import Within, charged

OUTCOMES, IN_BINS, SCORE = planted_outcomes()
MEMBERS = (WEIGHTED, BEAM)
PREDICTOR = ByLength(kind="length", reads="tokens", weights=(0.0, 0.0), intercept=0.0)
SEARCHES = {"beam_4": Method("beam", {"width": 4, "depth": 0})}


def experiment(outcomes: Outcomes = OUTCOMES, probe: np.ndarray = SCORE, n_probe: tuple[int, ...] = (1, 4)):
    columns = {"question_id": outcomes.question_ids, "oracle": SCORE, "predicted": SCORE}
    for n in n_probe:
        columns |= {f"probe_{n}": probe, f"probe_tokens_{n}": np.full(len(SCORE), 8.0 * n)}
    table = pd.DataFrame(columns)
    return Experiment(table, table, outcomes, outcomes, 2, n_probe, SEARCHES)


def fitted(of: Experiment, members: tuple[Strategy, ...] = MEMBERS) -> FittedChoice:
    weights = bootstrap_weights(len(of.questions), 200, np.random.default_rng(0))
    fitting = Fitting(of, members, Sizes(10, 5), 256, weights, 4, lambda purpose: rng.generator(purpose))
    models = {
        role: {"folder": f"models/{role}", "sha256": role, "parameters": 10}
        for role in ("base", "prm", "revision", "revision_orm")
    }
    sampling = {"temperature": 0.8, "top_p": 1.0, "max_tokens": 9}
    steps = {"max_step_tokens": 3, "max_rounds": 2, "duplicates": "keep", "temperature": 0.5, "replicates": 2}
    return fit(fitting, 0, MadeWith(models, 4), sampling, steps, Known(zero=PREDICTOR))


def test_a_strategy_stands_where_it_was_measured_last() -> None:
    accuracy = OUTCOMES.accuracy.copy()
    accuracy[1, 2] = np.nan  # the search was not run at 16
    found = Within(Outcomes(OUTCOMES.question_ids, MEMBERS, BUDGETS, accuracy, OUTCOMES.ledger))
    assert found.own.tolist() == [[0, 1, 2], [-1, 1, 1]]
    np.testing.assert_array_equal(found.lifted.accuracy[1, 2], OUTCOMES.accuracy[1, 1])
    assert np.isnan(found.lifted.accuracy[1, 0]).all()


def test_a_probe_is_charged_unless_its_samples_are_used_again() -> None:
    assert [charged(WEIGHTED, n, 4) for n in (1, 4, 16)] == [4, 4, 16]
    assert [charged(BEAM, n, 4) for n in (4, 16)] == [8, 20]
    found = Within(OUTCOMES, 4)
    assert found.own.tolist() == [[-1, 1, 2], [-1, -1, 1]]  # of 16 in all, the search is left 12, and was run at 4
    assert found.lifted.budgets == (4, 16)


def test_the_planted_optimum_is_handed_on_with_its_price() -> None:
    found = fitted(experiment())
    fixed, given, probe = (found.tables[name] for name in ("fixed", "given", "probe"))
    assert [pick.strategy for pick in fixed.bins[0]] == [WEIGHTED.name, WEIGHTED.name, WEIGHTED.name]
    assert [[pick.strategy for pick in row] for row in given.bins] == [
        [WEIGHTED.name] * 3,
        [WEIGHTED.name, *["beam_4"] * 2],
    ]
    easy, hard = given.bins
    assert [pick.accuracy for pick in easy] == pytest.approx([0.5, 0.6, 0.7])
    assert [pick.accuracy for pick in hard] == pytest.approx([0.1, 0.4, 0.4])
    assert [pick.budget for pick in hard] == [1, 4, 4]  # 16 bring no more than 4: the smaller one stays
    assert (hard[1].n_questions, hard[1].expected) == (20, pytest.approx(0.4))
    assert hard[1].low == pytest.approx(difference_interval(np.full(20, 0.4)).low)  # all alike, but not known for sure
    price = hard[1].price  # the planted ledger: 12 of each entry
    assert (price.generations, price.policy_tokens, price.verifier_tokens, price.rounds) == (4, 24, 24, 12)
    assert price.flops == 2 * 10 * 24 + 2 * 5 * 24
    assert probe.n_scored == 1 and probe.budgets == (1, 4, 16)  # of equally good probes the smaller
    paid = probe.bins[1][2]
    assert (paid.strategy, paid.budget, paid.price.generations) == ("beam_4", 4, 5)
    assert (paid.price.policy_tokens, paid.price.verifier_tokens, paid.price.rounds) == (24 + 8, 24 + 8, 13)
    again = probe.bins[0][2]
    assert (again.strategy, again.price.generations, again.price.policy_tokens) == (WEIGHTED.name, 16, 32)
    assert again.price.rounds == 17  # one more: the rest is drawn when the probe has been read


def test_the_table_to_use_is_the_probe_only_where_it_pays() -> None:
    """In the planted world a probe gains .1 in half of the questions at 16, and loses nothing below."""
    found = fitted(experiment())
    assert found.use == "probe" and found.tables["probe"].cross_validated > found.tables["fixed"].cross_validated
    worse = OUTCOMES.accuracy.copy()
    worse[1, 1:] = 0.05  # best-of-N is best everywhere: nothing to know, and the probe gains nothing
    found = fitted(experiment(Outcomes(OUTCOMES.question_ids, MEMBERS, BUDGETS, worse, OUTCOMES.ledger)))
    assert found.use == "fixed" and found.tables["probe"].cross_validated == found.tables["fixed"].cross_validated


@pytest.mark.parametrize(("read", "used"), [(0.0, "zero"), (100.0, "fixed")])
def test_difficulty_without_a_sample_is_used_where_what_it_reads_pays(read: float, used: str) -> None:
    """It gains as much as a probe that is free would; a prompt as dear as many samples would buy more."""
    bare = experiment(n_probe=())
    known = bare.questions.assign(zero=SCORE, zero_tokens=7.0, zero_samples=read)
    found = fitted(Experiment(known, known, OUTCOMES, OUTCOMES, 2, (), SEARCHES))
    assert found.use == used and found.zero == PREDICTOR
    assert [pick.strategy for pick in found.tables["zero"].bins[1]] == [WEIGHTED.name, *["beam_4"] * 2]
    price = found.tables["zero"].bins[1][1].price
    assert (price.policy_tokens, price.verifier_tokens, price.generations) == (24 + 7, 24, 4)
    assert fitted(bare).zero is None  # a predictor that no table goes by


def test_a_probe_may_count_a_prediction_as_samples() -> None:
    """The probe alone tells nothing; with the prediction it does, and both are paid for."""
    blind = experiment(probe=np.full(40, 0.5), n_probe=(4,))
    known = blind.questions.assign(zero=SCORE, zero_tokens=7.0, zero_samples=0.0)
    known["zero+probe_4"] = with_prior(SCORE, 2.0, known["probe_4"].to_numpy(), 4)
    found = fitted(Experiment(known, known, OUTCOMES, OUTCOMES, 2, (4,), SEARCHES, {4: 2.0}))
    both, probe = found.tables["zero+probe"], found.tables["probe"]
    assert (both.n_scored, both.prior_worth, both.budgets) == (4, 2.0, (4, 16)) and probe.prior_worth is None
    assert both.edges == (pytest.approx((2 * 0.75 + 4 * 0.5) / 6),)
    easy, hard = (row[-1] for row in both.bins)
    assert [pick.strategy for pick in (easy, hard)] == [WEIGHTED.name, "beam_4"]
    paid = hard.price  # prompt, probe of 32 tokens and the search of 12 entries each
    assert (paid.policy_tokens, paid.verifier_tokens, paid.generations) == (24 + 7 + 32, 24 + 32, 8)
    assert found.use == "zero" and both.cross_validated > probe.cross_validated  # the same without a sample is cheaper


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        (paths.PREDICTOR, '{"kind": "magic"}', "kind is 'magic', but must be one of hidden, length, tokens, tuned"),
        (paths.PREDICTOR, '{"kind": "hidden", "layer": 0, "weights": [1.0], "intercept": 0.0}', "layer is 0, but must"),
        (paths.PREDICTOR, '{"kind": "length"', "is not readable JSON"),
        (paths.STOPPING, '[{"vote": "magic"}]', "0.vote is 'magic', but must be one of majority, weighted"),
        (paths.STOPPING, "{}", r"must be a list"),
    ],
)
def test_a_damaged_record_is_one_sentence(tmp_path, monkeypatch, file: Path, text: str, sentence: str) -> None:
    monkeypatch.chdir(tmp_path)
    tables.write_json(None, paths.PREDICTOR)
    tables.write_json([], paths.STOPPING)
    assert known() == Known()
    file.write_text(text)
    with pytest.raises(TableError, match=sentence) as refused:
        known()
    assert str(refused.value).startswith(f"{file} is ") and "\n" not in str(refused.value)
    assert str(refused.value).endswith("delete it and run `dvc repro`, which makes it again")


def test_no_pick_promises_less_than_a_smaller_budgets() -> None:
    noisy = OUTCOMES.accuracy + np.random.default_rng(1).normal(0, 0.2, OUTCOMES.accuracy.shape)
    torn = Outcomes(OUTCOMES.question_ids, MEMBERS, BUDGETS, np.clip(noisy, 0, 1), OUTCOMES.ledger)
    for table in fitted(experiment(torn)).tables.values():
        for row in table.bins:
            assert [pick.expected for pick in row] == sorted(pick.expected for pick in row)


def test_every_strategy_that_is_picked_says_how_it_is_run() -> None:
    chains = Strategy(REVISIONS, "orm", 4)
    best = np.concatenate([OUTCOMES.accuracy, np.full((1, 3, 40), 0.9)])
    best[2, 0] = np.nan
    ledger = np.concatenate([OUTCOMES.ledger, OUTCOMES.ledger[1:]])
    members = (*MEMBERS, chains)
    found = fitted(experiment(Outcomes(OUTCOMES.question_ids, members, BUDGETS, best, ledger)), members)
    assert found.strategy("revisions_4:orm").model_dump() == {
        "name": "revisions_4:orm",
        "kind": "revisions",
        "policy": "revision",
        "verifier": "revision_orm",
        "length": 4,
        "max_history": 4,
    }
    assert found.strategy(WEIGHTED.name).kind == "weighted"
    assert "beam_4" not in {strategy.name for strategy in found.strategies}  # never the best
    assert FittedChoice.model_validate_json(found.model_dump_json()) == found


def test_the_table_for_readers_has_a_row_for_each_bin_and_budget() -> None:
    table = to_use(fitted(experiment()))
    assert len(table) == 2 * 3 and table["generations_spent"].tolist()[-1] == 5


def test_without_scores_there_is_one_strategy_for_all() -> None:
    bare = experiment(n_probe=())
    frame = bare.questions.drop(columns=["predicted"])
    found = fitted(Experiment(frame, frame, OUTCOMES, OUTCOMES, 2, (), SEARCHES))
    assert set(found.tables) == {"fixed"} and found.use == "fixed"
