"""The paper's values beside ours, and figures of what a study measured."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tts_lib.common.budgets import doublings
from tts_lib.common.strategy import COVERAGE, MAJORITY, PARALLEL, WEIGHTED, Strategy
from tts_lib.report.figures import paper_values
from tts_lib.report.figures.figure import CURVE_COLUMNS, HOLLOW, Drawing, strategy_curves, with_paper
from tts_lib.report.figures.paper_figures import FIGURES
from tts_lib.report.results import NotMeasured, Results

IDS = [f"q{i}" for i in range(20)]
NAMED = {strategy.name for strategy in (MAJORITY, WEIGHTED, PARALLEL)}


def results(*strategies: Strategy) -> Results:
    """Accuracy 0.5 of each strategy at 16 and 64, on questions without bins."""
    frame = pd.DataFrame({n: np.full(len(IDS), 0.5) for n in (16, 64)}, index=pd.Index(IDS, name="question_id"))
    known = {"oracle": 0.5, "oracle_bin": 1, "level": 1, "subject": "chain", "pass_at_1": 0.25}
    difficulty = pd.DataFrame(known, index=IDS)
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


def test_a_study_of_smaller_budgets_than_the_papers_is_drawn_alone() -> None:
    run = [PARALLEL, Strategy("sequential", "orm")]  # of which the paper gives values at 64
    small = results(*run)
    small = replace(small, accuracy={one: frame.set_axis([1, 2], axis=1) for one, frame in small.accuracy.items()})
    alone = with_paper(lambda found: strategy_curves(found, run), "6 right")(small)
    assert list(alone) == CURVE_COLUMNS and set(alone["budget"]) == {1, 2}


def available(found: Results) -> list[Drawing]:
    drawn = []
    for figure in FIGURES:
        with suppress(NotMeasured):
            drawn.append(figure.of(found))
    return drawn


def test_a_study_draws_what_it_measured_and_no_more() -> None:
    drawn = {figure.name: figure for figure in available(results(COVERAGE, MAJORITY, WEIGHTED))}
    assert list(drawn) == ["coverage_by_budget", "pass_at_1_spectrum"]
    assert "best-of-N weighted and majority make of the same samples" in drawn["coverage_by_budget"].caption
    assert set(drawn["pass_at_1_spectrum"].data["pass_at_1"]) == {0.25}  # of all samples, not of those that bin
    assert [figure.name for figure in available(results())] == ["pass_at_1_spectrum"]
    orm = Strategy("weighted", "orm")
    assert "accuracy_by_budget_prm_orm" in [figure.name for figure in available(results(WEIGHTED, orm))]


def captions(found: Results) -> dict[str, str]:
    return {figure.name: figure.caption for figure in available(found)}


def test_a_caption_speaks_of_what_was_run_and_of_the_paper_where_it_is_drawn() -> None:
    beam, ahead = Strategy("beam_4"), Strategy("lookahead_1")
    searched = replace(results(WEIGHTED, beam), search={"beam_4": pd.DataFrame()})
    said = captions(searched)["accuracy_by_budget_search"]
    assert "lookahead" not in said and said.endswith(HOLLOW)
    looked = replace(results(WEIGHTED, ahead), search={"lookahead_1": pd.DataFrame()}, lookaheads=["lookahead_1"])
    assert "lookahead charged for its rollouts" in captions(looked)["accuracy_by_budget_search"]
    assert HOLLOW not in captions(results(COVERAGE))["coverage_by_budget"]


@pytest.mark.parametrize(("n_bins", "words"), [(5, "quintiles"), (2, "halves"), (7, "7 bins"), (1, None)])
def test_bins_are_named_as_they_are(n_bins: int, words: str | None) -> None:
    row = WEIGHTED.columns | {"binning": "oracle", "frozen": False, "bin": "1", "budget": 16, "accuracy": 0.5}
    found = replace(results(WEIGHTED), tables={"compute_optimal/bins": pd.DataFrame([row])}, n_bins=n_bins)
    caption = captions(found).get("accuracy_by_bin_search")
    assert caption is None if words is None else f"Best-of-N weighted in {words} of oracle difficulty" in str(caption)
    assert caption is None or "so that some bins are empty" in caption
    rows = [row | {"bin": str(n)} for n in range(1, n_bins + 1)]
    full = replace(found, tables={"compute_optimal/bins": pd.DataFrame(rows)})
    assert "are empty" not in captions(full).get("accuracy_by_bin_search", "")


@pytest.mark.parametrize("n_bins", [1, 2, 3, 7])
def test_claims_on_single_bins_are_of_five(n_bins: int) -> None:
    assert results().in_bins([1, 2]).all()
    with pytest.raises(NotMeasured, match="are of 5"):
        replace(results(), n_bins=n_bins).in_bins([1, 2])


def revised(*budgets: int) -> pd.DataFrame:
    """Splits of a revision model: every question, selection, budget and length of a chain."""
    rows = [(q, by, n, length) for q in IDS for by in ("orm", "majority") for n in budgets for length in doublings(n)]
    return pd.DataFrame(rows, columns=["question_id", "selection", "budget", "length"]).assign(accuracy=0.5)


@pytest.mark.parametrize("budgets", [[1], [1, 2], [16], [64], [1, 4, 16], [16, 64]])
def test_whatever_is_drawn_a_figure_is_whole_or_left_out(budgets: list[int]) -> None:
    """Some are at budgets that others lack: none fails for that, or says what it does not show."""
    found = results(COVERAGE, MAJORITY, WEIGHTED, Strategy("beam_4"))
    pools = found.accuracy[COVERAGE].assign(**{str(n): 0.5 for n in (1, 2, 4)}).rename(columns=int)
    accuracy = {**found.accuracy, **dict.fromkeys((COVERAGE, MAJORITY, WEIGHTED), pools)}
    runs = pd.DataFrame({"question_id": IDS, "budget": 16})
    found = replace(found, accuracy=accuracy, search={"beam_4": runs}, n_bins=2)
    found = replace(found, splits={"edit_distance": revised(1, 2, 4, 8, 16, 32, 64), "rest_em": revised(1, 2, 4, 16)})
    found.difficulty["n_samples"], found.difficulty.loc["q0", "oracle_bin"] = 64, 2
    shown = {figure.name: figure for figure in available(found.within(budgets))}
    assert "pass_at_1_spectrum" in shown and ("accuracy_by_ratio" in shown) == (max(budgets) >= 4)
    assert ("accuracy_by_ratio_rest_em" in shown) == bool({4, 16} & {*budgets})
    if coverage := shown.get("coverage_by_budget"):
        assert ("forecasts" in coverage.caption) == coverage.data["law"].notna().any() == (max(budgets) >= 16)
    if by_bin := shown.get("accuracy_by_ratio_oracle_bins"):
        assert f"At N = {max(budgets)}," in by_bin.caption and by_bin.data["budget"].eq(max(budgets)).all()
    if search := shown.get("accuracy_by_budget_search"):
        assert ("beam_4" in set(search.data["strategy"])) == bool({16, 64} & {*budgets})
