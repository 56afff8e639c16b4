"""Coverage of the pool, what is chosen from it, and the law that a few of its samples give."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes

from tts_lib.common.budgets import doublings
from tts_lib.common.strategy import COVERAGE, MAJORITY, PLAIN, WEIGHTED, Strategy
from tts_lib.estimators import coverage_law
from tts_lib.plots import curves, style
from tts_lib.report.figures.figure import strategy_curves
from tts_lib.report.results import Results

SEEN = 16  # samples that the laws are fitted on, or a quarter of a smaller pool
LEAST = 4  # that are worth a fit
LAWS = ("law", "power_law")
SPOKEN = {WEIGHTED: "best-of-N weighted", PLAIN: "best-of-N", MAJORITY: "majority"}


def data(results: Results) -> pd.DataFrame:
    """Coverage and selections by budget, and forecasts of coverage: rows with a name in the column `law`."""
    return pd.concat(
        [strategy_curves(results, [COVERAGE, *selections(results)], at_least=1), _forecasts(results)],
        ignore_index=True,
    )


def caption(results: Results) -> str:
    """What is drawn, by what there is."""
    chosen = " and ".join(SPOKEN[strategy] for strategy in selections(results))
    below = f" Below it what {chosen} make{'' if ' and ' in chosen else 's'} of the same samples." if chosen else ""
    words = f"Coverage: the chance that one of N samples is right, over all subsets of a pool.{below}"
    if seen := _seen(results):
        floor = f" with a floor of {results.guess_rate:.1%} for guesses" if results.guess_rate else ""
        law = f"by a beta-binomial law{floor}; dashed, a power law"
        words += f" Thin: forecasts from {seen} samples a question, {law}."
    return f"{words} {style.BAND_NOTE}"


def draw(df: pd.DataFrame, ax: Axes) -> None:
    """Lines as everywhere, forecasts thin over them."""
    curves.accuracy_by_budget(df.loc[df["law"].isna()], ax)
    curves.forecasts(df.loc[df["law"].notna()], ax)


def selections(results: Results) -> list[Strategy]:
    """How one answer is chosen among samples: by the best use of the PRM that the pool allows, and by majority."""
    by_score = [strategy for strategy in (WEIGHTED, PLAIN) if strategy in results.accuracy][:1]
    return [*by_score, *(strategy for strategy in (MAJORITY,) if strategy in results.accuracy)]


def _seen(results: Results) -> int:
    """Samples to forecast from; 0 where the pool is too small for it, or not known, or fewer are drawn."""
    known = results.difficulty
    if "n_samples" not in known or COVERAGE not in results.accuracy:
        return 0
    seen = min(SEEN, int(known["n_samples"].to_numpy().min()) // 4)
    return seen if LEAST <= seen <= max(results.budgets(COVERAGE)) else 0


def _forecasts(results: Results) -> pd.DataFrame:
    """Both laws, from the budgets that were seen to twice the largest one drawn."""
    if not (seen := _seen(results)):
        return pd.DataFrame({"law": pd.Series(dtype="str"), "budget": pd.Series(dtype="int64")})
    known, budgets = results.difficulty, doublings(seen)
    ahead = doublings(2 * max(results.budgets(COVERAGE)), seen)
    counts = np.sum([coverage_law.among_fewer(part, seen) for part in _counts(known)], axis=0)
    one, coverage = np.ones((1, 1)), _coverage(counts, budgets)
    laws = (coverage_law.fit(counts[None], results.guess_rate), coverage_law.fit_power(coverage[None], budgets))
    return pd.concat(
        [
            pd.DataFrame({"strategy": name, "law": name, "budget": ahead, "accuracy": law.coverage(one, ahead)[0]})
            for name, law in zip(LAWS, laws, strict=True)
        ],
        ignore_index=True,
    )


def _counts(known: pd.DataFrame) -> list[Float[np.ndarray, " right"]]:
    """How many questions have how many right samples, by the size of their pool."""
    sizes = known["n_samples"].to_numpy(int)
    right = np.rint(known["pass_at_1"].to_numpy(float) * sizes).astype(int)
    return [coverage_law.right_counts(right[sizes == size], int(size)) for size in np.unique(sizes)]


def _coverage(counts: Float[np.ndarray, " right"], budgets: Sequence[int]) -> Float[np.ndarray, " budget"]:
    """Coverage by these counts of right samples."""
    share = counts / counts.sum()
    return np.array([1 - (coverage_law.among_fewer(share, n))[0] for n in budgets])
