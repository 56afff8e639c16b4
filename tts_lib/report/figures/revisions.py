"""The paper's figures on revisions (§6, App. H-J), and both mechanisms in one choice."""

from collections.abc import Callable
from functools import partial

import pandas as pd
from matplotlib.axes import Axes

from tts_lib.common.strategy import BEST_FIXED, ORACLE, PARALLEL, PREDICTED, REVISIONS, SEQUENTIAL, WEIGHTED, Strategy
from tts_lib.estimators import intervals
from tts_lib.plots import bars, curves, style
from tts_lib.report.figures.figure import (
    CURVE_COLUMNS,
    SHARE_COLUMNS,
    ReportFigure,
    draw_curves,
    strategy_curves,
    with_paper,
)
from tts_lib.report.results import PAPER, REST_EM, NotMeasured, Results

_SPLIT = 128  # generations at which bins are compared, or the next fewer that are known
_PARALLEL_VOTE = Strategy(REVISIONS, "majority", length=1)
_SEQUENTIAL = {score: Strategy(SEQUENTIAL, score) for score in ("majority", "prm", "orm_alone", "orm")}
_SPLITS = [_PARALLEL_VOTE, _SEQUENTIAL["majority"], PARALLEL, _SEQUENTIAL["orm"]]
_HISTORIES = {
    PAPER: "by edit distance (the paper's)",
    "random": "random",
    "shuffled": "that of other questions (shuffled)",
    "none": "none",
}
_SETS = {"all": "searches", "revisions": "revisions", "both": "both mechanisms"}


def _chains(results: Results) -> pd.DataFrame:
    """Accuracy of each attempt of a chain, for every revision model: strategy, position, accuracy, low, high."""
    weights = results.weights(results.n_questions)
    rows = []
    for model, attempts in results.revisions.items():
        for position in range(1, int(attempts["position"].to_numpy().max()) // 4 + 1):
            mean = intervals.mean_interval(results.attempt(model, position), weights)
            rows.append((model, position, mean.estimate, mean.low, mean.high))
    return pd.DataFrame(rows, columns=["strategy", "position", "accuracy", "low", "high"])


def _of_chains(results: Results) -> str:
    known = [words for name, words in _HISTORIES.items() if name in results.revisions]
    histories = ", ".join(known[:-1]) + ", or " + known[-1] if len(known) > 1 else known[0]
    after = "; or ReST-EM" if REST_EM in results.revisions else ""
    return (
        "Each attempt sees up to four earlier ones. The history a model was trained with: "
        f"{histories}{after}. {style.BAND_NOTE}"
    )


def _by_ratio(results: Results, selection: str, model: str = PAPER) -> pd.DataFrame:
    """Accuracy of every split of every budget from 4 on: budget, length, accuracy."""
    frame = _ratios(results, selection, model)
    frame = frame.loc[frame["budget"] >= 4, ["budget", "length", "accuracy"]]
    return frame.groupby(["budget", "length"], as_index=False).mean()


def _by_ratio_and_bin(results: Results, selection: str, difficulty: str) -> pd.DataFrame:
    """The splits of one budget in difficulty bins: bin, budget, length, accuracy, low, high."""
    if f"{difficulty}_bin" not in results.difficulty or results.n_bins == 1:
        raise NotMeasured(f"there are no {difficulty} bins, or one only")
    frame, budget = _ratios(results, selection), _split_budget(results)
    frame = frame.loc[frame["budget"] == budget]
    bins = results.difficulty.loc[frame["question_id"], f"{difficulty}_bin"]
    rows = []
    for _, part in frame.assign(bin=bins.to_numpy()).groupby(["bin", "length"]):
        if len(part) > 1:
            first = part.iloc[0]
            mean = intervals.mean_interval(part["accuracy"].to_numpy(), results.weights(len(part)))
            rows.append((f"bin {first['bin']}", budget, first["length"], mean.estimate, mean.low, mean.high))
    return pd.DataFrame(rows, columns=["bin", "budget", "length", "accuracy", "low", "high"])


def _split_budget(results: Results) -> int:
    """The largest at which splits are known, up to _SPLIT."""
    known = [n for n in set(_ratios(results, "majority")["budget"].tolist()) if n <= _SPLIT]
    if not known:
        raise NotMeasured(f"no split of {_SPLIT} generations or fewer is known")
    return max(known)


def _ablation(results: Results) -> pd.DataFrame:
    """The splits of the largest budget both models have, by majority: model, budget, length, accuracy."""
    parts = {"paper's": _by_ratio(results, "majority"), "after ReST-EM": _by_ratio(results, "majority", REST_EM)}
    if not (common := set.intersection(*(set(part["budget"]) for part in parts.values()))):
        raise NotMeasured("both revision models have no budget in common")
    found = [part.loc[part["budget"] == max(common)].assign(model=name) for name, part in parts.items()]
    return pd.concat(found, ignore_index=True)


def _ratios(results: Results, selection: str, model: str = PAPER) -> pd.DataFrame:
    if model not in results.splits:
        raise NotMeasured(f"there is no revision model {model}")
    frame = results.splits[model]
    return frame.loc[frame["selection"] == selection]


def _compute_optimal(results: Results) -> pd.DataFrame:
    shown = [choice.name for choice in (PREDICTED, ORACLE, BEST_FIXED)]
    frame = results.rows("compute_optimal/accuracy", strategy_set="revisions", strategy=shown, complete=True)
    base = strategy_curves(results, [PARALLEL, _PARALLEL_VOTE, WEIGHTED])
    return pd.concat([base, frame.loc[:, CURVE_COLUMNS]], ignore_index=True)


def _shares(results: Results) -> pd.DataFrame:
    frame = results.rows("compute_optimal/shares", strategy_set="revisions", binning="oracle", frozen=False)
    few = frame.loc[frame["budget"].isin([4, 16, 64, 128])]
    return (frame if few.empty else few).loc[:, SHARE_COLUMNS].reset_index(drop=True)


def _joint(results: Results) -> pd.DataFrame:
    """Compute-optimal accuracy of each mechanism and of both: axis, mechanism, budget, accuracy, low, high."""
    frame = results.rows("compute_optimal/joint", strategy=ORACLE.name)
    frame = frame.assign(mechanism=[_SETS[name] for name in frame["strategy_set"]])
    return frame.loc[:, ["axis", "mechanism", "budget", "accuracy", "low", "high"]].reset_index(drop=True)


def _draw_joint(data: pd.DataFrame, ax: Axes) -> None:
    curves.accuracy_by_budget(data.loc[data["axis"] == "flops"], ax, by="mechanism")
    ax.set_xlabel("FLOPs, as those of best-of-N weighted at N")


def _quantiles(words: str) -> Callable[[Results], str]:
    """A caption in which {bins} are those of the study and {n} the budget whose splits are shown."""
    return lambda results: f"{words.format(bins=results.quantiles, n=_split_budget(results))} {style.BAND_NOTE}"


def _draw_ratio(by: str) -> Callable[[pd.DataFrame, Axes], None]:
    return partial(curves.accuracy_by_ratio, by=by)


FIGURES: tuple[ReportFigure, ...] = (
    ReportFigure(
        "accuracy_by_position",
        "Along a chain of revisions (Figure 6, left)",
        "Whether a line rises beyond the first attempt, and past the fifth, the last one trained on.",
        _of_chains,
        _chains,
        curves.accuracy_by_position,
    ),
    ReportFigure(
        "accuracy_by_budget_sequential",
        "Sequential against parallel (Figure 6, right)",
        "Which of two lines of one verifier is higher: one chain, or as many independent attempts.",
        f"One chain of N attempts against N first attempts of the same model. {style.BAND_NOTE}",
        with_paper(partial(strategy_curves, strategies=_SPLITS), "6 right"),
        draw_curves,
    ),
    ReportFigure(
        "accuracy_by_ratio",
        "Every way to split a budget (Figure 7, left)",
        "Where along the axis each line is highest: at the left all attempts are parallel, at the right they "
        "are one chain.",
        "N attempts as chains of equal length, the answer chosen by the revision verifier within and across chains.",
        partial(_by_ratio, selection="orm"),
        _draw_ratio("budget"),
    ),
    ReportFigure(
        "accuracy_by_ratio_oracle_bins",
        "The same by difficulty (Figure 7, right)",
        "Whether the highest point moves from bin to bin: the paper's easy questions want one chain, its "
        "hard ones a mixture.",
        _quantiles("At N = {n}, in {bins} of oracle difficulty."),
        partial(_by_ratio_and_bin, selection="orm", difficulty="oracle"),
        _draw_ratio("bin"),
    ),
    ReportFigure(
        "accuracy_by_budget_compute_optimal_revisions",
        "The compute-optimal ratio (Figure 8)",
        "How far the choice lies above parallel attempts, and above any one ratio.",
        f"The length of the chains chosen per bin and budget by two-fold cross-validation. {style.BAND_NOTE}",
        with_paper(_compute_optimal, "8"),
        draw_curves,
    ),
    ReportFigure(
        "strategy_shares_revisions",
        "Which ratio is compute-optimal",
        "Whether the length changes from bin to bin: if not, there is nothing to adapt to; a small share is "
        "a choice by luck.",
        "The chain length chosen most often per oracle bin and budget, and the share of the splits that chose it.",
        _shares,
        bars.strategy_shares,
    ),
    ReportFigure(
        "accuracy_by_ratio_majority",
        "Every way to split a budget, by majority (Figure 10, left)",
        "Where each line is highest when answers vote and no verifier helps.",
        "As Figure 7, without a verifier.",
        partial(_by_ratio, selection="majority"),
        _draw_ratio("budget"),
    ),
    ReportFigure(
        "accuracy_by_ratio_majority_bins",
        "The same by difficulty, by majority (Figure 10, right)",
        "Whether the highest point moves from bin to bin when answers vote.",
        _quantiles("At N = {n}, in {bins} of oracle difficulty."),
        partial(_by_ratio_and_bin, selection="majority", difficulty="oracle"),
        _draw_ratio("bin"),
    ),
    ReportFigure(
        "accuracy_by_ratio_predicted_bins",
        "By predicted difficulty (Figure 11)",
        "Whether the picture by oracle difficulty stays when difficulty is predicted.",
        _quantiles("As Figure 7, right, in {bins} of the PRM's mean score."),
        partial(_by_ratio_and_bin, selection="orm", difficulty="predicted"),
        _draw_ratio("bin"),
    ),
    ReportFigure(
        "accuracy_by_budget_revision_verifiers",
        "Verifiers of revisions (Figure 15)",
        "Whether an ORM trained on revisions lies above the base's PRM, and whether seeing the earlier "
        "attempts helps it.",
        "One chain of N attempts, chosen by an ORM trained on revisions with or without the earlier attempts in its "
        f"context, or by the base model's PRM. {style.BAND_NOTE}",
        with_paper(partial(strategy_curves, strategies=[PARALLEL, *_SEQUENTIAL.values()]), "15"),
        draw_curves,
    ),
    ReportFigure(
        "accuracy_by_ratio_rest_em",
        "ReST-EM (Figure 16)",
        "Whether the line after ReST-EM falls towards long chains, as the paper's does.",
        "Splits of one budget by majority, for the paper's revision model and for one trained on that model's chains.",
        _ablation,
        _draw_ratio("model"),
    ),
    ReportFigure(
        "accuracy_by_budget_joint",
        "Searches, revisions, or both",
        "Where the line of both lies above the better of the other two: only there do the mechanisms add to "
        "each other.",
        "The compute-optimal strategy among searches, among splits into revisions and among all of them, oracle bins, "
        f"at equal FLOPs, the verifier's included. {style.BAND_NOTE}",
        _joint,
        _draw_joint,
    ),
)
