"""The numbers at the top of the report."""

from dataclasses import replace

import numpy as np
import pandas as pd

from tts_lib.common.strategy import COVERAGE, WEIGHTED
from tts_lib.report import summary
from tts_lib.report.results import Results

IDS = [f"q{i:02d}" for i in range(20)]
NO_CLAIMS = pd.DataFrame({"card": [], "low": [], "high": []}, dtype=str)


def results() -> Results:
    frame = pd.DataFrame({1: np.full(20, 0.25), 64: np.full(20, 0.5)}, index=pd.Index(IDS, name="question_id"))
    difficulty = pd.DataFrame({"greedy": [1.0] * 8 + [0.0] * 12}, index=IDS)
    return Results({COVERAGE: frame, WEIGHTED: frame}, {}, difficulty, {}, {}, seed=0, n_bootstrap=200)


def test_a_greedy_answer_is_the_first_number_where_one_was_drawn() -> None:
    cards = summary.headline(results(), NO_CLAIMS)
    assert [(card["label"], card["at"]) for card in cards] == [
        ("small model", "greedy"),
        ("small model, one sample", "pass@1"),
        ("small model, best-of-N weighted", "N = 64"),
    ]
    assert cards[0]["text"].startswith("40.0% [") and cards[0]["low"] < 0.4 < cards[0]["high"]
    imported = replace(results(), difficulty=pd.DataFrame(index=IDS))
    assert summary.headline(imported, NO_CLAIMS)[0]["label"] == "small model, one sample"


def test_a_number_has_the_interval_of_the_analysis_where_it_has_one() -> None:
    """So has the explorer; and where every question is right the interval does not end where it begins."""
    row = {"strategy_set": "single", "strategy": WEIGHTED.name, "budget": 64, "accuracy": 0.5, "low": 0.41, "high": 0.6}
    known = replace(results(), tables={"compute_optimal/accuracy": pd.DataFrame([row])})
    assert summary.headline(known, NO_CLAIMS)[2]["text"] == "50.0% [41.0%, 60.0%]"
    right = pd.DataFrame(1.0, index=pd.Index(IDS, name="question_id"), columns=[1, 64])
    all_right = summary.headline(replace(results(), accuracy={COVERAGE: right, WEIGHTED: right}), NO_CLAIMS)[2]
    assert all_right["low"] < 0.95 and all_right["high"] == 1
