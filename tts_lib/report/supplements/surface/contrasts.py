"""What the claims on the exchange surface are judged by, and the tables behind its figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from tts_lib.estimators.bounded import Bounded, bounded
from tts_lib.estimators.intervals import difference_interval, in_words
from tts_lib.report.claims.findings import in_points
from tts_lib.report.results import NotMeasured
from tts_lib.report.supplements.surface import forecasts
from tts_lib.report.supplements.surface.models import BASE, Measured
from tts_lib.strategies.exchange import spending
from tts_lib.strategies.exchange.sized import COVERAGE, MAJORITY, WEIGHTED, Prices
from tts_lib.strategies.exchange.spending import crossed, options
from tts_lib.strategies.exchange.surface import Surface, TooFewSamplesError

N_REFITS = 200  # resamples in which the laws are fitted anew
_SIGNS = {"exact": "", "at_least": "≥ ", "at_most": "≤ "}


@dataclass(frozen=True, eq=False)
class Known:
    """All that was measured, and what it is judged at."""

    surface: Surface
    measured: Sequence[Measured]
    prices: Prices
    guess: float
    folds: Int[np.ndarray, " question"]
    questions_asked: tuple[int, int]  # few, many
    r_values: tuple[float, float]  # low, high
    levels: Sequence[float]


@dataclass(frozen=True)
class Found:
    """A figure with its interval, in words, and where it was taken."""

    estimate: float
    low: float
    high: float
    text: str
    at: str


def _coverage_rate(known: Known) -> Found:
    return _rate_change(known, COVERAGE)


def _weighted_rate(known: Known) -> Found:
    return _rate_change(known, WEIGHTED)


def _rate_change(known: Known, selector: str) -> Found:
    """ε at the highest accuracy where it is defined minus that at the lowest."""
    full = known.surface.full
    if selector not in full.selectors:
        raise NotMeasured(f"not every model knows {selector}")
    inside = full.rates(selector, known.levels)["accuracy"].tolist()
    if len(inside) < 2:
        raise NotMeasured("two models or more reach at most one level of accuracy within the samples")
    ends = [inside[0], inside[-1]]
    change = np.diff(full.log_rates(selector, ends), axis=1)[:, 0]
    low, high = np.nanquantile(change[1:], [0.025, 0.975])
    text = f"ε changes by {in_words(change[0], low, high, '+.2f')}"
    return Found(float(change[0]), float(low), float(high), text, f"from {ends[0]:.0%} to {ends[1]:.0%}")


def _few_questions(known: Known) -> Found:
    """The largest model minus the best of all others, where pretraining is all there is to pay and is paid."""
    few = known.questions_asked[0]
    every = options(known.surface, _chosen(known), few, known.prices)
    largest = max(option.model.n_params for option in every)
    top = [option for option in every if option.model.n_params == largest]
    rest = [option for option in every if option.model.n_params < largest]
    return _points(crossed(top, rest, known.folds), f"{few:,} questions")


def _many_questions(known: Known) -> Found:
    """The best smaller model that the FLOPs of the largest one's greedy answers buy, minus those answers."""
    many = known.questions_asked[1]
    every = options(known.surface, _chosen(known), many, known.prices)
    largest = max(option.model.n_params for option in every)
    top = [option for option in every if option.model.n_params == largest and option.samples == 1]
    answer = max(top, key=lambda option: option.model.n_tokens)
    rest = [option for option in every if option.model.n_params < largest and option.flops <= answer.flops]
    return _points(crossed(rest, [answer], known.folds), f"{many:,} questions")


def _own_prm(known: Known) -> Found:
    """What a PRM of its own solutions adds to a size, over that of the base's, with all samples; over such sizes."""
    if not (more := [difference[:, -1] for _, difference in _own(known)]):
        raise NotMeasured("no size but the base has a PRM of its own")
    return _points(np.mean(more, axis=0), f"N = {known.surface.budgets[-1]}")


def _own(known: Known) -> list[tuple[Measured, Float[np.ndarray, "question budget"]]]:
    """The sizes with a PRM of their own, the base apart, and how much more they attain by it; the first training."""
    others = [one for one in known.measured if one.own is not None and one.sized.name != BASE]
    return [(one, one.own - one.sized.accuracy[WEIGHTED][0]) for one in others if one.own is not None]


def own_table(known: Known) -> pd.DataFrame:
    """What each size with a PRM of its own attains by it and by the base's at each number of samples."""
    rows = []
    for one, more in _own(known):
        by_base = one.sized.accuracy[WEIGHTED][0].mean(axis=0)
        for column, budget in enumerate(known.surface.budgets[1:], 1):
            found = difference_interval(more[:, column])
            row = {"model": one.sized.name, "samples": budget, "by_the_base_prm": float(by_base[column])}
            row |= {"by_its_own_prm": float(by_base[column]) + found.estimate, "difference": found.estimate}
            rows.append(row | {"low": found.low, "high": found.high})
    return pd.DataFrame(rows)


def own_rates(known: Known) -> pd.DataFrame:
    """ε over the sizes with a PRM of their own, the base among them, read by the base's PRM and each by its own."""
    of_own, found = [one for one in known.measured if one.own is not None], []
    for read_by in ("the base's PRM", "its own PRM"):
        models = []
        for one in of_own:
            assert one.own is not None
            accuracy = one.sized.accuracy[WEIGHTED][:1] if read_by == "the base's PRM" else one.own[None]
            models.append(replace(one.sized, accuracy={WEIGHTED: accuracy}))
        models.sort(key=lambda model: model.n_params)
        once = np.ones((len(known.surface.weights), 1))
        part = replace(known.surface, models=models, shares=[once] * len(models))
        found.append(part.rates(WEIGHTED, known.levels).assign(read_by=read_by))
    return pd.concat(found, ignore_index=True)


def _majority_reaches(known: Known) -> Found:
    """The smallest model's majority with as many samples as suit it minus the largest model's greedy answer."""
    full = known.surface.full
    if MAJORITY not in full.selectors:
        raise NotMeasured("not every model has answers to vote with")
    every = options(full, MAJORITY, 1, known.prices)
    small = [option for option in every if option.model is full.models[0]]
    answer = [option for option in every if option.model is full.models[-1] and option.samples == 1]
    return _points(crossed(small, answer, known.folds), f"up to N = {full.budgets[-1]}")


def _log_multiple(known: Known, r: float) -> tuple[Float[np.ndarray, " resample"], tuple[float, float]]:
    """Of the base, by the verifier's vote."""
    try:
        return known.surface.full.log_multiple(_chosen(known), BASE, r, known.prices)
    except TooFewSamplesError as error:
        raise NotMeasured(str(error)) from error


def _break_even(known: Known) -> Found:
    """log2 M* of the base at the lowest R."""
    replicates, ends = _log_multiple(known, known.r_values[0])
    found = bounded(float(replicates[0]), replicates[1:], ends)
    if found.low_bound == "at_most":  # no lower end: it may be 1, or less
        raise NotMeasured(f"M* {multiple_text(found)}: what is below the next larger size is not known")
    low, high, estimate = (value / np.log(2) for value in (found.low, found.high, found.estimate))
    return Found(estimate, low, high, f"M* {multiple_text(found)}", f"R = {known.r_values[0]:g}")


def _break_even_falls(known: Known) -> Found:
    """log2 M* at the lowest R minus that at the highest, an end of the sizes standing for what lies beyond it."""
    first, last = (_log_multiple(known, r) for r in known.r_values)
    if np.isinf(first[0][0]) and first[0][0] == last[0][0]:
        raise NotMeasured("at both R it lies beyond the sizes")
    inside = [np.clip(each, *ends) for each, ends in (first, last)]
    change = (inside[0] - inside[1]) / np.log(2)
    low, high = np.quantile(change[1:], [0.025, 0.975])
    at = f"R = {known.r_values[0]:g} and {known.r_values[1]:g}"
    text = in_words(change[0], low, high, ".1f", " doublings")
    return Found(float(change[0]), float(low), float(high), text, at)


def _forecast(known: Known) -> Found:
    """Mean error over budgets of the power law minus that of the law with a floor, on the size left out."""
    resamples = known.surface.weights[:N_REFITS]
    rows = np.concatenate([np.full((1, resamples.shape[1]), 1 / resamples.shape[1]), resamples])
    left_out = [forecasts.left_out(known.measured, known.surface.budgets, known.guess, row) for row in rows]
    change = np.array([each.error("power_law") - each.error("law") for each in left_out])
    low, high = np.quantile(change[1:], [0.025, 0.975])
    text = in_points(change[0], low, high)
    return Found(float(change[0]), float(low), float(high), text, "the largest size, left out")


CONTRASTS: Mapping[str, Callable[[Known], Found]] = {
    "coverage_rate": _coverage_rate,
    "weighted_rate": _weighted_rate,
    "few_questions": _few_questions,
    "many_questions": _many_questions,
    "own_prm": _own_prm,
    "majority_reaches": _majority_reaches,
    "break_even": _break_even,
    "break_even_falls": _break_even_falls,
    "forecast": _forecast,
}


def _chosen(known: Known) -> str:
    """By the verifier, where every model has scores."""
    if WEIGHTED not in known.surface.selectors:
        raise NotMeasured("not every model's samples have scores")
    return WEIGHTED


def _points(differences: Float[np.ndarray, " question"], at: str) -> Found:
    found = difference_interval(differences)
    text = in_points(found.estimate, found.low, found.high)
    return Found(found.estimate, found.low, found.high, text, at)


def break_even_table(
    surface: Surface, prices: Prices, r_values: Sequence[float], groups: Mapping[str, Bool[np.ndarray, " question"]]
) -> pd.DataFrame:
    """M* of every size but the largest at each R: of the study's base in each group, of the others on all questions.

    Where a size has too few samples to say, there is no row.
    """
    rows = []
    for selector in (name for name in surface.selectors if name != COVERAGE):
        for model in surface.models[:-1]:
            for group, members in groups.items() if model.name == BASE else [("all", groups["all"])]:
                for r in r_values:
                    try:
                        replicates, ends = surface.log_multiple(selector, model.name, r, prices, members)
                    except TooFewSamplesError:
                        continue
                    found = bounded(float(replicates[0]), replicates[1:], ends)
                    row = {"selector": selector, "base": model.name, "group": group, "questions": int(members.sum())}
                    values = zip(("multiple", "low", "high"), (found.estimate, found.low, found.high), strict=True)
                    row |= {"r": r} | {name: float(np.exp(value)) for name, value in values}
                    row |= {"bound": found.bound, "low_bound": found.low_bound, "high_bound": found.high_bound}
                    rows.append(row | {"text": multiple_text(found)})
    return pd.DataFrame(rows)


def multiple_text(found: Bounded) -> str:
    """M* with its interval, if that says more."""
    ends = ((found.estimate, found.bound), (found.low, found.low_bound), (found.high, found.high_bound))
    value, low, high = (f"{_SIGNS[bound]}{np.exp(end):.1f}" for end, bound in ends)
    return value if value == low == high else f"{value} [{low}, {high}]"


def grid_table(
    surface: Surface, selector: str, asked: int, prices: Prices, folds: Int[np.ndarray, " question"]
) -> pd.DataFrame:
    """Accuracy and FLOPs of each model with each number of samples, and the cheapest path through them."""
    every = options(surface, selector, asked, prices)
    rows = [
        {"kind": "grid"} | option.columns | {"accuracy": float(option.accuracy.mean()), "flops": option.flops}
        for option in every
    ]
    path = spending.cheapest(surface, selector, asked, prices, folds)
    columns = ["model", "parameters", "tokens", "samples", "accuracy"]
    along = path.rename(columns={"total_flops": "flops"})[[*columns, "flops"]].assign(kind="path")
    return pd.concat([pd.DataFrame(rows), along], ignore_index=True)
