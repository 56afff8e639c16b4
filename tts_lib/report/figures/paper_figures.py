"""The figures of the report: the paper's, redrawn from our data with its values as hollow markers, and some more."""

from functools import partial

import pandas as pd

from tts_lib.common.strategy import (
    BEST_FIXED,
    MAJORITY,
    ORACLE,
    PLAIN,
    PREDICTED,
    STRATEGY_COLUMNS,
    WEIGHTED,
    Strategy,
)
from tts_lib.plots import bars, curves, style
from tts_lib.report.figures import coverage, exchange, revisions
from tts_lib.report.figures.figure import (
    CURVE_COLUMNS,
    SHARE_COLUMNS,
    ReportFigure,
    draw_curves,
    strategy_curves,
    with_paper,
)
from tts_lib.report.results import NotMeasured, Results

_CHOICES = [choice.name for choice in (PREDICTED, ORACLE)]
_BY_STEPS = [Strategy("weighted", f"prm_{how}") for how in ("min", "prod", "mean", "last")]
_ORM, _MATCHED = (Strategy("weighted", score) for score in ("orm", "orm_matched"))
_PLAIN_ORM = Strategy("best_of_n", "orm")
_BEAM = Strategy("beam_4")
_SPOKEN = {_BEAM: "beam search"} | coverage.SPOKEN


def _search(results: Results) -> pd.DataFrame:
    if not results.search:
        raise NotMeasured("no search was run")
    return strategy_curves(results, [MAJORITY, WEIGHTED, *map(Strategy, results.search)])


def _of_search(results: Results) -> str:
    charged = ", lookahead charged for its rollouts" if results.lookaheads else ""
    return f"Each method at equal generations{charged}. {style.BAND_NOTE}"


def _in_bins(results: Results) -> list[Strategy]:
    """What is drawn inside the bins: beam search (or the first search there is), and what it is held against."""
    searches = [_BEAM, *map(Strategy, results.search)]
    return [strategy for strategy in searches if strategy.rule in results.search][:1] + coverage.selections(results)[:1]


def _by_bin(results: Results) -> pd.DataFrame:
    """Accuracy in the oracle bins, at the budgets at which all that is drawn is known."""
    shown = _in_bins(results)
    if results.n_bins == 1 or not shown:
        raise NotMeasured("there is one bin only, or no choice among samples")
    names = [strategy.name for strategy in shown]
    frame = results.rows("compute_optimal/bins", binning="oracle", frozen=False, strategy=names)
    frame = frame.loc[frame["budget"].isin(results.budgets(*shown))]
    return frame.drop(columns=["binning", "frozen"]).reset_index(drop=True)


def _of_bins(results: Results) -> str:
    named = " and ".join(_SPOKEN.get(strategy, strategy.label) for strategy in _in_bins(results))
    empty = {str(n) for n in range(1, results.n_bins + 1)} - set(_by_bin(results)["bin"].astype(str))
    shared = " Questions of equal difficulty share a bin, so that some bins are empty." if empty else ""
    words = f"{named} in {results.quantiles} of oracle difficulty, by budget.{shared} {style.BAND_NOTE}"
    return words[0].upper() + words[1:]


def _compute_optimal(results: Results) -> pd.DataFrame:
    among = results.strategy_set
    frame = results.rows("compute_optimal/accuracy", strategy_set=among, strategy=_CHOICES, complete=True)
    base = strategy_curves(results, [MAJORITY, _PLAIN_ORM, WEIGHTED])
    return pd.concat([base, frame.loc[:, CURVE_COLUMNS]], ignore_index=True)


def _of_choice(results: Results) -> str:
    among = "in the paper best-of-N weighted or beam search"
    if results.strategy_set == "all":
        frame = results.rows("compute_optimal/shares", strategy_set="all").drop_duplicates("strategy")
        among = "here " + ", ".join(Strategy(row["rule"], row["score"]).label for row in frame.to_dict("records"))
    return f"The strategy ({among}) chosen per bin and budget by two-fold cross-validation. {style.BAND_NOTE}"


def _gain(results: Results) -> pd.DataFrame:
    over_fixed = {"strategy": _CHOICES, "baseline": BEST_FIXED.name}
    frame = results.rows("compute_optimal/gains", strategy_set="all", complete=True, **over_fixed)
    return frame.loc[:, [*STRATEGY_COLUMNS, "budget", "gain", "low", "high"]].reset_index(drop=True)


def _shares(results: Results) -> pd.DataFrame:
    chosen = {"strategy_set": "all", "binning": "oracle", "frozen": False, "complete": True}
    return results.rows("compute_optimal/shares", **chosen).loc[:, SHARE_COLUMNS].reset_index(drop=True)


def _iso(results: Results) -> pd.DataFrame:
    shown = {choice.name: choice.short for choice in (ORACLE, PREDICTED, BEST_FIXED)}
    against = {"strategy_set": results.strategy_set, "baseline": WEIGHTED.name, "unit": "generations"}
    frame = results.rows("compute_optimal/iso", strategy=[*shown], **against)
    labels = [f"{shown[name]}, N = {at}" for name, at in zip(frame["strategy"], frame["budget"], strict=True)]
    columns = ["label", "ratio", "bound", "low", "low_bound", "high", "high_bound"]
    return frame.assign(label=labels).loc[:, columns].reset_index(drop=True)


def _prm_orm(results: Results) -> pd.DataFrame:
    if not {_ORM, _MATCHED} & results.accuracy.keys():
        raise NotMeasured("there is no ORM")
    return strategy_curves(results, [MAJORITY, _MATCHED, _ORM, WEIGHTED])


def _of_prm_orm(results: Results) -> str:
    matched = "; the label-matched ORM saw as many labels as the PRM" if _MATCHED in results.accuracy else ""
    return f"Best-of-N weighted{matched}. {style.BAND_NOTE}"


def _spectrum(results: Results) -> pd.DataFrame:
    return results.difficulty.reset_index().loc[:, ["question_id", "subject", "level", "pass_at_1"]]


FIGURES: tuple[ReportFigure, ...] = (
    ReportFigure(
        "coverage_by_budget",
        "What the samples hold: coverage (pass@k)",
        "How high the top line rises is what a perfect verifier could make of the samples; the gap below it "
        "is what choosing an answer loses.",
        coverage.caption,
        coverage.data,
        coverage.draw,
    ),
    ReportFigure(
        "accuracy_by_budget_search",
        "Search against best-of-N (Figure 3, left)",
        "Where a search leaves the line of best-of-N weighted, and where it falls back to it: the paper has "
        "searches ahead at small budgets only.",
        _of_search,
        with_paper(_search, "3 left"),
        draw_curves,
    ),
    ReportFigure(
        "accuracy_by_bin_search",
        lambda results: f"{'Search' if results.search else 'Selection'} inside difficulty bins (Figure 3, right)",
        "In each bin, which colour is higher and whether bars grow with the budget: the paper's searches win "
        "on harder questions and lose on easy ones as the budget grows.",
        _of_bins,
        _by_bin,
        bars.accuracy_by_bin,
    ),
    ReportFigure(
        "accuracy_by_budget_compute_optimal",
        "The compute-optimal strategy (Figure 4)",
        "How far left of best-of-N the choice reaches the same height: that distance is what choosing by "
        "difficulty saves.",
        _of_choice,
        with_paper(_compute_optimal, "4"),
        draw_curves,
    ),
    *exchange.FIGURES,
    ReportFigure(
        "accuracy_by_budget_aggregation",
        "From step scores to a solution's score (Figure 13)",
        "Whether any line leaves that of the last step's score, which the paper found best.",
        "Best-of-N weighted with the PRM's step scores reduced in four ways. " + style.BAND_NOTE,
        partial(strategy_curves, strategies=_BY_STEPS),
        draw_curves,
    ),
    ReportFigure(
        "accuracy_by_budget_prm_orm",
        "PRM against ORM (Figure 14)",
        "Whether the lines part as N grows: the paper's PRM pulls away from its ORM.",
        _of_prm_orm,
        _prm_orm,
        draw_curves,
    ),
    ReportFigure(
        "accuracy_by_budget_weighted_plain",
        "Weighted against plain best-of-N (ICLR Figure 13)",
        "Whether a dashed line turns down at large N: then the verifier is fooled by what it likes best.",
        "Full lines sum the scores over equal answers, dashed ones take the best single solution. " + style.BAND_NOTE,
        partial(strategy_curves, strategies=[_PLAIN_ORM, _ORM, PLAIN, WEIGHTED]),
        draw_curves,
    ),
    ReportFigure(
        "iso_ratio",
        "How many times cheaper",
        "How far right of 1 a mark lies, interval and all: so many times fewer generations buy the same accuracy.",
        "Generations that best-of-N weighted needs, divided by those of the choice, for the accuracy of best-of-N at N."
        " Arrows: the truth lies further that way, off the grid. Bars: 95% bootstrap over questions.",
        _iso,
        curves.iso_ratio,
    ),
    ReportFigure(
        "gain_over_best_fixed_by_budget",
        "What adapting to difficulty adds",
        "Where a band leaves zero: only there does adapting to difficulty add to one well-chosen strategy.",
        "Compute-optimal minus the best single strategy, both chosen on the other half of the questions, among all "
        f"strategies. {style.BAND_NOTE}",
        _gain,
        curves.gain_by_budget,
    ),
    ReportFigure(
        "strategy_shares",
        "Which strategy is compute-optimal",
        "Whether the colour changes from bin to bin: if not, there is nothing to adapt to; a small share is "
        "a choice by luck.",
        "The strategy chosen most often per oracle bin and budget, and the share of the splits that chose it.",
        _shares,
        bars.strategy_shares,
    ),
    *revisions.FIGURES,
    ReportFigure(
        "pass_at_1_spectrum",
        "How hard the questions are",
        "How many questions are always or never right: on those no strategy can differ from another.",
        "Share of right samples of the base model, question by question.",
        _spectrum,
        curves.spectrum,
    ),
)
