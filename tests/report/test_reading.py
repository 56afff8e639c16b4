"""What is read of a study: one value of a strategy, however many names it has."""

import pandas as pd

from tts_lib.common.strategy import MAJORITY, Strategy
from tts_lib.report.reading import _share_runs
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
