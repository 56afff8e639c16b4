"""Whether the intervals cover and the choice never loses: `python benchmarks/interval_coverage.py` (300 studies a row).

A simulated study has test and validation questions of a wide spectrum of difficulty, a pool of 512 samples for
best-of-N and the large model's answer, and searches run once. Searches are as good as best-of-N on each question, but
for one, which differs from it by the scenario: `null` (nowhere), `real` (+10 points on hard, +2 on middle, -3 on easy
questions) or `planted` (+15 on hard, -10 on easy). Menus have 2, 8 or 19 strategies.

What an interval should cover is what the procedure attains on average over studies (of a ratio: at the mean curves);
so the `regret` column, which sets the attained mean beside the best choice of bins, says what choosing costs.
"""

import argparse
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from tts_lib.common import rng
from tts_lib.estimators import difficulty, intervals
from tts_lib.estimators.iso_accuracy import MeanCurve, iso_accuracy_ratio
from tts_lib.estimators.per_question import PerQuestion
from tts_lib.strategies import choice, rules
from tts_lib.strategies.bins import Bins, numbered
from tts_lib.strategies.curves import REMADE
from tts_lib.strategies.exchange.matched import compare_matched
from tts_lib.strategies.frozen import frozen_anew
from tts_lib.strategies.tables.groups import Group, everyone, groups_of

BUDGETS, AT, POOL, N_BINS, N_PROBE, N_SPLITS = (4, 16, 64, 256), 64, 512, 5, 8, 20
SCENARIOS: Mapping[str, tuple[float, ...]] = {  # accuracy of the one search minus best-of-N's, from easy to hard bins
    "null": (0.0, 0.0, 0.0, 0.0, 0.0),
    "real": (-0.03, -0.03, 0.02, 0.10, 0.10),
    "planted": (-0.10, -0.10, 0.0, 0.15, 0.15),
}
MENUS = (2, 8, 19)


@dataclass(frozen=True, eq=False)
class Questions:
    """Measured accuracy (strategy, budget, problem), bins by pass@1, and the score of a probe."""

    accuracy: np.ndarray
    truth: np.ndarray  # the accuracy expected of each
    bins: np.ndarray
    probe: np.ndarray
    large: np.ndarray


def questions(scenario: str, n_strategies: int, n: int, random: np.random.Generator) -> Questions:
    """Best-of-N first, then the search that differs, then searches that do not."""
    ease = random.normal(0.0, 1.5, n)
    one, right = 1 / (1 + np.exp(1.2 - ease)), np.zeros((len(BUDGETS), n))
    for row, budget in enumerate(BUDGETS):
        right[row] = 0.1 + 0.8 / (1 + np.exp(0.9 - 0.35 * np.log(budget) / np.log(4) - ease))
    pass_at_1 = random.binomial(POOL // 2, one) / (POOL // 2)
    bins = difficulty.quantile_binning(pass_at_1, N_BINS).assign(pass_at_1)
    order = np.empty(n, dtype=int)
    order[np.argsort(-one, kind="stable")] = np.arange(n) * N_BINS // n  # the effect goes by the true difficulty
    truth = np.repeat(right[None], n_strategies, axis=0)
    truth[1] = np.clip(truth[1] + np.array(SCENARIOS[scenario])[order], 0, 1)
    accuracy = random.binomial(1, truth).astype(float)
    for row, budget in enumerate(BUDGETS):
        subsets = POOL // budget  # a pool holds about as many independent draws of N
        accuracy[0, row] = random.binomial(subsets, truth[0, row]) / subsets
    return Questions(
        accuracy, truth, bins, random.binomial(N_PROBE, one) / N_PROBE, random.binomial(1, 0.3 + 0.5 * one)
    )


def study(scenario: str, n_strategies: int, n_resamples: int, number: int) -> dict[str, tuple[float, float, float]]:
    """Contrast -> (estimate, low, high) of one simulated study; and what the best choice of bins would attain."""
    random = rng.generator("coverage", scenario, n_strategies, number)
    fit, test = (questions(scenario, n_strategies, n, random) for n in (200, 400))
    weights = intervals.bootstrap_weights(len(test.bins), n_resamples, random)
    weights_fit = intervals.bootstrap_weights(len(fit.bins), n_resamples, random)
    bins, whole, column = Bins("oracle", test.bins, numbered(N_BINS)), everyone(weights), BUDGETS.index(AT)
    folds, few = choice.split_folds(test.bins, N_SPLITS, random), max(1, n_strategies // 2)
    made = [
        choice.compute_optimal(test.accuracy, test.bins, N_BINS, folds, weights),
        choice.compute_optimal(test.accuracy, test.bins, N_BINS, folds, weights, rules.argmax),
        choice.best_fixed(test.accuracy, folds, weights),
        choice.compute_optimal(test.accuracy[:few], test.bins, N_BINS, folds, weights),
    ]
    chosen, paper, fixed, fewer = (PerQuestion.of(one.accuracy, one.remade) for one in made)
    pool, search = (PerQuestion(test.accuracy[row].T) for row in (0, 1))
    found: dict[str, tuple[float, float, float]] = {}

    def note(name: str, row: Mapping[str, Any]) -> None:
        found[name] = (float(row["difference"]), float(row["low"]), float(row["high"]))

    def contrast(name: str, a: PerQuestion, b: PerQuestion, group: Group = whole) -> None:
        note(name, group.difference(a.at(column), b.at(column)))

    hard = groups_of(bins, weights)[-1]
    contrast("search - best-of-N", search, pool)
    contrast("search - best-of-N, hardest bin", search, pool, hard)
    contrast("compute-optimal - best fixed", chosen, fixed)
    contrast("argmax - best fixed", paper, fixed)
    contrast("compute-optimal - best-of-N", chosen, pool)
    contrast("compute-optimal - best fixed, hardest bin", chosen, fixed, hard)
    contrast("joint: larger menu - smaller", chosen, fewer)
    whole_bins = [np.ones(len(q.bins), dtype=int) for q in (fit, test)]
    fixed_frozen = _frozen(fit, test, whole_bins[0], whole_bins[1], 1, weights_fit)
    frozen = _frozen(fit, test, fit.bins, test.bins, N_BINS, weights_fit)
    binning = difficulty.quantile_binning(fit.probe, N_BINS)
    probed = _frozen(fit, test, binning.assign(fit.probe), binning.assign(test.probe), N_BINS, weights_fit)
    contrast("frozen: compute-optimal - best fixed", frozen, fixed_frozen)
    contrast("probe: compute-optimal - best-of-N", probed, pool)
    matched = compare_matched(chosen, BUDGETS, test.large.astype(float), bins.coarse.of_problem, [50], weights)
    for row in matched:
        if row.group in (0, 3):
            note(f"matched: small - large, {'hard' if row.group else 'all'}", vars(row))
    ratio = iso_accuracy_ratio(MeanCurve.of(BUDGETS, chosen, weights), MeanCurve.of(BUDGETS, pool, weights), AT)
    low = 0.0 if ratio.low_bound == "at_most" else ratio.low
    found["iso-accuracy ratio"] = (ratio.estimate, low, np.inf if ratio.high_bound == "at_least" else ratio.high)
    for row, curve in enumerate((chosen, pool)):
        for i, budget in enumerate(BUDGETS):
            found[f"mean {row} {budget}"] = (float(curve.each[:, i].mean()), np.nan, np.nan)
    by_bin = [
        test.truth[:, column, test.bins == b].mean(axis=1) * (test.bins == b).mean() for b in range(1, N_BINS + 1)
    ]
    best = float(np.sum([of.max() for of in by_bin]) - np.sum(by_bin, axis=0).max())
    found["optimum"] = (best, np.nan, np.nan)
    return found


def _frozen(
    fit: Questions, test: Questions, bins_fit: np.ndarray, bins: np.ndarray, n_bins: int, weights_fit: np.ndarray
) -> PerQuestion:
    """A choice made on the validation questions, applied to the test questions."""
    once = np.full((1, len(fit.bins)), 1 / len(fit.bins))
    applied, anew = (
        frozen_anew(fit.accuracy, bins_fit, weights, test.accuracy, bins, n_bins)
        for weights in (once, weights_fit[:REMADE])
    )
    taken, budgets = applied.taken[0, 0, applied.cells[0]], np.arange(len(BUDGETS))
    return PerQuestion.of(test.accuracy[taken, budgets, np.arange(len(taken))[:, None]], anew)


def report(found: list[dict[str, tuple[float, float, float]]]) -> pd.DataFrame:
    """Per contrast: true and attained mean, coverage, share of false verdicts, median half-width."""
    rows = []
    optimum = float(np.mean([one["optimum"][0] for one in found]))
    for name in found[0]:
        if name.startswith("mean") or name == "optimum":
            continue
        estimate, low, high = np.array([one[name] for one in found]).T
        truth, scale = float(estimate.mean()), 100.0
        if name == "iso-accuracy ratio":
            of_choice, of_pool = (
                np.array([np.mean([one[f"mean {row} {budget}"][0] for one in found]) for budget in BUDGETS])
                for row in (0, 1)
            )
            at_means = (MeanCurve(BUDGETS, of_choice, of_choice[None]), MeanCurve(BUDGETS, of_pool, of_pool[None]))
            truth, scale = iso_accuracy_ratio(at_means[0], at_means[1], AT).estimate, 1.0
        width = float(np.median(high - low)) / 2
        rows.append(
            {
                "contrast": name,
                "truth": scale * truth,
                "coverage": float(((low <= truth) & (truth <= high)).mean()),
                "half-width": scale * width,
                "1.96 SD": scale * 1.96 * float(estimate.std(ddof=1)),
                "excludes none": float(((low > (scale == 1)) | (high < (scale == 1))).mean()),
                "optimum": 100 * optimum if name == "compute-optimal - best fixed" else np.nan,
            }
        )
    return pd.DataFrame(rows)


def run(scenario: str, n_strategies: int, n_studies: int, n_resamples: int, map_: Callable = map) -> pd.DataFrame:
    """The report of so many simulated studies of one scenario and menu."""
    return report(list(map_(partial(study, scenario, n_strategies, n_resamples), range(n_studies))))


def main() -> None:
    parser = argparse.ArgumentParser(description="coverage of the intervals of choices, in simulated studies")
    parser.add_argument("--studies", type=int, default=300)
    parser.add_argument("--resamples", type=int, default=REMADE)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--scenarios", nargs="+", default=list(SCENARIOS))
    parser.add_argument("--menus", nargs="+", type=int, default=list(MENUS))
    arguments = parser.parse_args()
    with ProcessPoolExecutor(arguments.workers) as pool:
        for scenario in arguments.scenarios:
            for n_strategies in arguments.menus:
                table = run(scenario, n_strategies, arguments.studies, arguments.resamples, pool.map)
                print(f"\n{scenario}, {n_strategies} strategies, {arguments.studies} studies", flush=True)
                print(table.round(3).to_string(index=False, na_rep=""), flush=True)


if __name__ == "__main__":
    main()
