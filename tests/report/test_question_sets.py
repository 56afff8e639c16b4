"""More sets of questions: what is asked of the models is what the study asked, and claims are judged over the sets."""

import json
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from helpers.pipeline import ROOT
from helpers.tiny_study import N_TEST
from tts_lib.answers.grid import grid
from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.common.strategy import COVERAGE, PLAIN, WEIGHTED, Strategy
from tts_lib.estimators import difficulty, subsets
from tts_lib.report.results import Results
from tts_lib.report.supplements import kinds
from tts_lib.report.supplements.declared import PROFILES
from tts_lib.report.supplements.question_sets import supplement
from tts_lib.report.supplements.question_sets.answering import REVISION, REVISION_ORM, Answering, gains
from tts_lib.report.supplements.question_sets.supplement import OWN, QuestionSets
from tts_lib.strategies.experiment import Experiment
from tts_lib.strategies.outcomes import Outcomes
from tts_lib.strategies.strategy_table import Method
from tts_lib.study.asking import Asking
from tts_lib.study.config import loading
from tts_lib.study.config.study import Study

BUDGET = 4
NAMES = ["beam_4", "dvts", "greedy", *(f"revisions_{length}:orm" for length in (1, 2, 4))]


def shipped(**changes: int) -> QuestionSets:
    made = kinds.load(ROOT / PROFILES / "question_sets.yaml")
    assert isinstance(made, QuestionSets)
    return QuestionSets.model_validate(made.model_dump() | changes)


@pytest.fixture(scope="module")
def study(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a pool at another temperature, and models of revisions that are its base and its PRM in a longer window."""
    root = Path(shutil.copytree(tiny, tmp_path_factory.mktemp("sets") / "study"))
    settings = yaml.safe_load((root / "params.yaml").read_text())
    for pool in ("base-val", "base-test"):
        settings["generate"][pool]["beside"] = {"temperatures": [1.0], "n_samples": 8}
    settings["compute_optimal"] |= {"fold_seeds": 2, "n_bootstrap": 100}
    (root / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    for made, of in ((REVISION, paths.model("base")), (REVISION_ORM, paths.verifier("prm"))):
        shutil.copytree(root / of, root / made)
        config = json.loads((root / made / "config.json").read_text())
        config["max_position_embeddings"] = settings["window"]["base_long"]["max_length"]
        (root / made / "config.json").write_text(json.dumps(config))
    return root


def unknown(study: Study) -> Experiment:
    """An experiment of which nothing but its searches is known."""
    nothing = Outcomes((), (), (), np.zeros((0, 0, 0)), np.zeros((0, 0, 0, 1)))
    searches = {name: Method.of(study.options[name].model_dump(mode="json")) for name in ("beam_4", "dvts")}
    return Experiment(pd.DataFrame(), pd.DataFrame(), nothing, nothing, study.difficulty.n_bins, (), searches)


def known(study: Study) -> Experiment:
    """The study's own, its validation questions asked like a set."""
    with ExitStack() as stack:
        tested, fitted = (tables.read_table(paths.problems(split)) for split in ("test", "val"))
        answering = Answering.of(Asking.open(study, stack), stack, BUDGET, [tested, fitted])
        test, fit = (answering.experiment(table, unknown(study), "own") for table in (tested, fitted))
    return Experiment(
        fit.questions, test.questions, fit.test, test.test, study.difficulty.n_bins, (), unknown(study).searches
    )


@pytest.fixture(scope="module")
def own(study: Path) -> Experiment:
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(study)
        return known(loading.load())


def test_the_studys_own_questions_are_answered_as_the_study_answered_them(study: Path, own: Experiment) -> None:
    """Its pool comes from the store, so that what is chosen of it, and how hard it is, is known."""
    pool, scores = (tables.read_table(study / path) for path in (paths.pool("base", "test"), paths.scores("test")))
    samples = grid(pool, own.questions["question_id"].tolist())
    prm, found = samples.spread(scores["prm_last"].to_numpy(np.float64)), own.test

    def attained(strategy: Strategy) -> np.ndarray:
        return found.accuracy[found.strategies.index(strategy), 0]

    np.testing.assert_allclose(attained(PLAIN), subsets.best_of_n(samples.correct, prm, [BUDGET])[:, 0])
    covered = subsets.coverage(samples.correct.sum(axis=1), samples.n_samples, [BUDGET])[:, 0]
    np.testing.assert_allclose(attained(COVERAGE), covered)
    np.testing.assert_allclose(own.questions["oracle"], difficulty.oracle(samples.correct))
    names = [strategy.name for strategy in found.strategies]
    assert set(NAMES) <= set(names) and "lookahead_3" not in names  # which takes 16 generations
    assert WEIGHTED.name in names and replace(WEIGHTED, at=1.0).name in names
    assert not np.isnan(found.accuracy).any() and not np.isnan(found.ledger).any()


def test_choices_are_made_anew_on_a_set_and_compared_with_the_best_fixed(study: Path, own: Experiment) -> None:
    table = gains(own, loading.load(study / "params.yaml"), "set_1")
    rows = table[(table["strategy"] == "compute_optimal_oracle") & (table["baseline"] == "best_fixed")]
    assert rows["strategy_set"].tolist() == ["paper", "all", "revisions", "both", "tuned"]
    assert (rows["low"] <= rows["gain"]).all() and (rows["gain"] <= rows["high"]).all()
    tuned = table[(table["strategy_set"] == "tuned") & (table["baseline"] == "weighted_tuned:prm_last")]
    assert len(tuned) > 0  # at the temperature that is best on validation questions


def planted(gain: Mapping[str, float], seed: int, budget: int = 64, n_questions: int = 100) -> Results:
    """Of a set: gains over the best fixed strategy of some menus, with noise of .2 points."""
    noise = np.random.default_rng(seed).normal(0, 0.002, len(gain))
    rows = [
        {"strategy_set": menu, "strategy": "compute_optimal_oracle", "baseline": "best_fixed", "budget": budget}
        | {"complete": True, "n_questions": n_questions, "gain": found, "low": found - 0.02, "high": found + 0.02}
        for menu, found in zip(gain, np.array(list(gain.values())) + noise, strict=True)
    ]
    questions = pd.DataFrame(index=pd.Index([f"q{i}" for i in range(n_questions)], name="question_id"))
    return Results({}, {}, questions, {"compute_optimal/gains": pd.DataFrame(rows)}, {}, 0, 100)


def test_a_loss_is_decided_over_sets_where_one_set_decides_nothing() -> None:
    gain = {"paper": 0.0, "all": -0.01, "tuned": 0.02}
    sets = {f"set_{i}": planted(gain, i) for i in range(1, 11)}
    found = shipped()._told(planted(gain | {"paper": 0.5}, 0), sets, pd.DataFrame({"set": [OWN, *sets]}))
    claims = found.tables["claims"].set_index("number")
    verdicts = {"16b": "supported", "16c": "contradicted", "16f": "supported"}  # no loss of more than .3 points
    assert claims.loc[list(verdicts), "verdict"].to_dict() == verdicts
    assert abs(claims.loc["16b", "mean"]) < 0.003  # the study's own set, at half, is not in it
    assert claims.loc["16c", "its verdict"] == "inconclusive" and claims["spread"].between(0.0005, 0.004).all()
    assert claims["reach"].round(6).eq(0.02).all() and "16d" in found.left_out
    assert found.claims["16c"]["by"] == "10 sets of questions" and "10 more sets" in found.lead
    assert len(found.tables["sets"]) == 11 * len(claims)


def test_the_interval_over_sets_covers() -> None:
    """Of 400 times ten sets with a true gain of 1 point; a rate of .95 has a standard error of .011."""
    claim = next(claim for claim in supplement.registered().claims if claim.number == "16b")
    one, drawn = claim.find(planted({"paper": 0.01}, 0)), np.random.default_rng(0).normal(0.01, 0.005, (400, 10))
    covered = []
    for estimates in drawn.tolist():
        findings = {f"set_{i}": replace(one, estimate=estimate) for i, estimate in enumerate(estimates)}
        row = supplement.over_sets(claim, findings | {OWN: one})
        covered.append(row["low"] <= 0.01 <= row["high"])
    assert 0.92 <= np.mean(covered) <= 0.98


def test_sets_are_drawn_asked_and_told(study: Path, own: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run takes all samples from the store and tells the same."""
    menus = dict.fromkeys(("paper", "all", "revisions", "both", "tuned"), 0.0)
    at_budget = [claim.model_copy(update={"budget": BUDGET}) for claim in supplement.registered().claims]
    monkeypatch.setattr(supplement, "registered", lambda: SimpleNamespace(claims=at_budget))
    monkeypatch.setattr(supplement, "results_of", lambda root: planted(menus, 0, BUDGET, N_TEST))
    monkeypatch.setattr(QuestionSets, "_known", lambda self, study: own)
    found = shipped(sets=3, budget=BUDGET).collect(study, {})
    described = found.tables["questions"]
    assert described["set"].tolist() == [OWN, "set_1", "set_2", "set_3"] and described["questions"].eq(N_TEST).all()
    assert described["learned_from"].between(0, 1).all() and described.loc[0, "learned_from"] == 0
    assert {"16b", "16c", "16d", "16e", "16f"} <= set(found.claims)
    shards = sorted((study / paths.STORE / "shards").iterdir())
    again = shipped(sets=3, budget=BUDGET).collect(study, {})
    assert sorted((study / paths.STORE / "shards").iterdir()) == shards
    for name, frame in found.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], frame)


def test_a_study_that_has_no_world_or_did_not_search_there_is_refused(study: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(supplement, "results_of", lambda root: None)
    with pytest.raises(StudyError, match=r"budget is 8, at which the study did not search \(grid.search_budgets\)"):
        shipped(budget=8).collect(study, {})
    shutil.copy(ROOT / "profiles/replay.yaml", tmp_path / "params.yaml")
    with pytest.raises(StudyError, match="question_sets needs a study of the nano world"):
        shipped().collect(tmp_path, {})
