"""`tts seconds`: what is measured is what was run; seconds themselves are held by nothing but their signs."""

from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.explored_study import write_results
from helpers.pipeline import ROOT
from helpers.served_choice import served
from tts_lib.answers.cost import Cost
from tts_lib.answers.question_table import Question
from tts_lib.answers.scheduler import Scheduler
from tts_lib.commands import run, seconds
from tts_lib.commands.__main__ import main
from tts_lib.common import paths, tables
from tts_lib.common.strategy import WEIGHTED, Strategy
from tts_lib.estimators.flops import Sizes
from tts_lib.report.claims import registered
from tts_lib.report.pages import supplements
from tts_lib.study.config import loading

SIZES = Sizes(1000, 100, policy_cache=16, verifier_cache=8)
QUESTIONS = [Question(f"q{i}", np.array([i, 3 + i], np.int32)) for i in range(4)]


def test_every_strategy_is_measured_at_each_budget_that_it_can_spend() -> None:
    with served() as choice:
        rows = list(seconds.measured(choice, choice.table, QUESTIONS, [1, 4], SIZES))
        least = {name: ready.least for name, ready in choice.strategies.items()}
        expected = [(name, n) for name in least for n in (1, 4) if n >= least[name]]
        assert [(row["strategy"], row["budget"]) for row in rows] == expected
        for row in rows:
            way = choice.strategies[str(row["strategy"])]
            asked = {q.question_id: way.search(q, int(row["budget"]), choice.table.seed, None) for q in QUESTIONS}
            outcomes = Scheduler(*choice.engines[way.policy]).run(asked).values()
            spent = sum((outcome.cost for outcome in outcomes), Cost())
            read = spent.verifier_prefill_tokens + spent.verifier_tokens
            weights = 4 * (1000 * spent.policy_passes + 100 * spent.verifier_passes)
            cache = 4 * (16 * spent.policy_cached + 8 * read)
            assert row["bytes_among_many"] == pytest.approx(cache / 4)
            assert row["bytes_alone"] == pytest.approx((weights + cache) / 4)
            assert row["rounds"] == spent.rounds / 4 and row["policy_passes"] == spent.policy_passes / 4
            assert 0 < row["quartile_low"] <= row["seconds_alone"] <= row["quartile_high"]
            assert row["seconds_together"] > 0


def test_searches_that_the_choice_never_makes_are_measured_too() -> None:
    study = loading.load(ROOT / "params.yaml")
    with served() as choice:
        one = choice.table.model_copy(update={"strategies": choice.table.strategies[:1]})
        ways = {way.name: way for way in seconds.with_searches(one, study).strategies}
        assert list(ways) == [one.strategies[0].name, *study.grid.methods]
        assert ways["beam_4"].model_dump().items() >= {"kind": "beam", "width": 4, "depth": 0}.items()
        assert ways["rebase"].model_dump()["temperature_of_values"] == 0.2


def test_the_supplement_names_the_machine_and_shows_accuracy_over_seconds() -> None:
    beam = Strategy("beam_4")
    rows = pd.DataFrame(
        {
            "strategy": [WEIGHTED.name, beam.name],
            "budget": [16, 16],
            "seconds_alone": [0.012, 1.5],
            "seconds_together": [0.002, 0.001],
        }
    )
    attained = pd.DataFrame(
        [
            one.columns | {"strategy_set": "single", "budget": n, "accuracy": 0.1 * n / 4}
            for one in (WEIGHTED, beam)
            for n in (4, 16)
        ]
    )
    found = seconds.collected(rows, attained, 9)
    assert seconds.machine() in found.lead and found.facts["machine"] == seconds.machine()
    assert f"from {WEIGHTED.label} (12 ms) to {beam.label} (1.5 s)" in found.lead
    assert f"from {beam.label} (1 ms) to {WEIGHTED.label} (2 ms)" in found.lead
    for drawing in found.figures:
        assert drawing.data["accuracy"].tolist() == [0.4, 0.4] and "seconds_alone" in drawing.data


def test_a_study_is_measured_and_its_report_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole command on a made study, whose models are simulated."""
    write_results(tmp_path / "reports")
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    few = served().table.strategies[:3]
    monkeypatch.setattr(seconds.loading, "load", lambda: served())
    monkeypatch.setattr(seconds, "with_searches", lambda table, _: table.model_copy(update={"strategies": few}))
    monkeypatch.setattr(run, "pages", lambda _: 0)
    asked = [str(tmp_path), "--budgets", "4", "--questions", "3"]
    assert main(["seconds", *asked]) == 1  # it has not run
    with chdir(tmp_path):
        tables.write_json({}, paths.SUMMARY)
        tables.write_table(pd.DataFrame({"a": [1]}), paths.accuracy("test"))
        questions = pd.DataFrame({"question_id": ["a", "b", "c", "d"], "problem": ["1 2", "2 3", "3 4", "4 5"]})
        tables.write_table(questions, paths.problems("test"))
        tables.write_json({"n_params_block": 1000, "n_layers": 2, "width": 8}, paths.metrics("model-base"))
        tables.write_json({"prm": {}}, paths.metrics("verifier"))
    assert main(["seconds", *asked]) == 0
    (one,) = supplements.read(tmp_path, registered.fingerprint())
    assert one.differs == [] and seconds.machine() in one.lead
    rows = pd.read_csv(tmp_path / "reports/supplements/seconds/seconds.csv")
    assert rows["strategy"].tolist() == [way.name for way in few] and (rows["bytes_alone"] > 0).all()


def test_budgets_of_nothing_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["seconds", "--budgets", "0"]) == 1
    assert "--budgets and --questions must be at least 1" in capsys.readouterr().err
