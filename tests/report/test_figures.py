"""The paper's values beside ours, and figures of what a study measured."""

import numpy as np
import pandas as pd
import pytest

from tts_lib.common.strategy import MAJORITY, PARALLEL, WEIGHTED, Strategy
from tts_lib.report.figures import paper_values
from tts_lib.report.figures.figure import CURVE_COLUMNS, strategy_curves, with_paper
from tts_lib.report.figures.paper_figures import available
from tts_lib.report.results import Results

IDS = [f"q{i}" for i in range(20)]
NAMED = {strategy.name for strategy in (MAJORITY, WEIGHTED, PARALLEL)}


def results(*strategies: Strategy) -> Results:
    """Accuracy 0.5 of each strategy at 16 and 64, on questions without bins."""
    frame = pd.DataFrame({n: np.full(len(IDS), 0.5) for n in (16, 64)}, index=pd.Index(IDS, name="question_id"))
    difficulty = pd.DataFrame({"oracle": 0.5, "oracle_bin": 1, "level": 1, "subject": "chain"}, index=IDS)
    difficulty.index.name = "question_id"
    return Results(dict.fromkeys(strategies, frame), {}, difficulty, {}, {}, seed=0, n_bootstrap=100)


def test_a_figure_the_paper_has_no_values_for_is_refused() -> None:
    with pytest.raises(ValueError, match="no values of figure '99'"):
        paper_values.values("99")


def test_the_papers_values_go_by_the_names_of_our_strategies() -> None:
    """A name that nobody bears would never be drawn."""
    searches = [Strategy(name) for name in ("beam_4", "beam_sqrt", "lookahead_1", "lookahead_3")]
    choices = [Strategy("compute_optimal", binning=name) for name in ("oracle", "predicted")]
    others = [Strategy("best_of_n", "orm"), *(Strategy("sequential", by) for by in ("orm", "prm"))]
    known = NAMED | {strategy.name for strategy in (*searches, *choices, *others)}
    for figure in ("3 left", "4", "6 right", "8", "15"):
        assert set(paper_values.values(figure)["series"]) <= known, figure


def test_the_papers_values_stand_beside_the_strategies_that_were_run() -> None:
    run = [MAJORITY, WEIGHTED]
    combined = with_paper(lambda found: strategy_curves(found, run), "3 left")(results(*run))
    assert list(combined) == [*CURVE_COLUMNS, "paper"]
    assert all(Strategy.of(row).name == row["strategy"] for row in combined.to_dict("records"))
    theirs = combined[combined["paper"].notna()].set_index(["strategy", "budget"])["paper"]
    assert theirs["weighted:prm_last", 16] == 0.29 and set(theirs.index.get_level_values(0)) == {s.name for s in run}
    assert (combined["paper"].isna() == combined["accuracy"].notna()).all()


def test_a_study_draws_what_it_measured_and_no_more() -> None:
    assert [figure.name for figure in available(results(MAJORITY, WEIGHTED))] == [
        *("accuracy_by_budget_search", "accuracy_by_budget_prm_orm", "pass_at_1_spectrum"),
    ]
    assert [figure.name for figure in available(results())] == ["pass_at_1_spectrum"]
