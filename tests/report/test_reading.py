"""What is read of a study: one value of a strategy, however many names it has."""

from dataclasses import replace

import pandas as pd
import pytest

from helpers.planted_results import planted
from tts_lib.common.errors import StudyError
from tts_lib.common.strategy import COVERAGE, MAJORITY, Strategy
from tts_lib.report.reading import _share_runs
from tts_lib.report.results import NotMeasured
from tts_lib.strategies.strategy_table import Method


def test_searches_that_are_one_at_a_budget_have_the_mean_of_their_runs_there() -> None:
    options = {"beam_4": {"width": 4}, "beam_sqrt": {"width": "sqrt"}, "lookahead_3": {"width": 4, "depth": 3}}
    accuracy = {
        Strategy(name): pd.DataFrame({16: [float(i), 0.0], 64: [float(i), 1.0]}, index=["a", "b"])
        for i, name in enumerate(options)
    }
    accuracy[MAJORITY] = pd.DataFrame({16: [0.25, 0.5]}, index=["a", "b"])
    _share_runs(accuracy, {name: Method.of({"kind": name.split("_")[0], **of}) for name, of in options.items()})
    assert [frame[16].tolist() for frame in accuracy.values()] == [[0.5, 0.0], [0.5, 0.0], [2.0, 0.0], [0.25, 0.5]]
    assert [accuracy[Strategy(name)].loc["a", 64] for name in options] == [0.0, 1.0, 2.0]


def test_budgets_that_are_told_of_are_some_of_those_measured() -> None:
    measured = planted()
    frame = pd.DataFrame({"budget": [16, 64, 64], "gain": [0.1, 0.2, 0.3]})
    measured = replace(measured, tables={"gains": frame, "large": frame.drop(columns="budget")})
    told = measured.within([1, 64, 1024])
    assert told.budgets(COVERAGE) == [1] and told.budgets(MAJORITY) == [64]
    assert {*told.accuracy} == {*measured.accuracy}
    assert all(rows["budget"].eq(64).all() and len(rows) for rows in told.search.values())
    assert told.tables["gains"]["gain"].tolist() == [0.2, 0.3] and len(told.tables["large"]) == 3
    assert (told.of(MAJORITY, 64) == measured.of(MAJORITY, 64)).all()
    with pytest.raises(NotMeasured, match="N = 16"):
        told.of(MAJORITY, 16)
    with pytest.raises(StudyError, match=r"grid.budgets begins at 1024, but must hold one of those measured, \["):
        measured.within([1024])
