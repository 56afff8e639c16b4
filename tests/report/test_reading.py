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


def test_budgets_that_are_drawn_are_some_of_those_measured() -> None:
    gains = pd.DataFrame({"budget": [4, 16, 64], "gain": [0.1, 0.2, 0.3]})
    stars = pd.DataFrame({"k": [16.1, 31.0, 63.4], "relative": [0.1, 0.2, 0.3]})
    everything = planted()
    coverage = everything.accuracy[MAJORITY].assign(**{"1": 0.5}).rename(columns={"1": 1})
    accuracy = {**everything.accuracy, COVERAGE: coverage}
    measured = replace(everything, accuracy=accuracy, tables={"gains": gains, "stars": stars})
    drawn = measured.within([1, 16, 1024])
    assert drawn.budgets(COVERAGE) == [1, 16] and drawn.budgets(MAJORITY) == [16]
    assert all(rows["budget"].eq(16).all() and len(rows) for rows in drawn.search.values())
    assert drawn.tables["gains"]["gain"].tolist() == [0.2]
    assert drawn.tables["stars"]["k"].tolist() == [16.1, 31.0]  # both stand at 16
    assert (drawn.of(MAJORITY, 16) == measured.of(MAJORITY, 16)).all()
    with pytest.raises(NotMeasured, match="N = 64"):
        drawn.of(MAJORITY, 64)
    assert {*measured.within([1]).accuracy} == {COVERAGE}
    assert len(measured.within([256]).tables["stars"]) == 3  # up to the largest there is
    with pytest.raises(StudyError, match=r"grid.budgets holds none .* suffice for, \[1, 4"):
        measured.within([1024])
