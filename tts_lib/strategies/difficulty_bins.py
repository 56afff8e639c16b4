"""Difficulty scores and bins of a split's questions as one table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tts_lib.answers.grid import SampleGrid
from tts_lib.estimators import difficulty
from tts_lib.estimators.difficulty import Binning


def difficulty_scores(
    problems: pd.DataFrame,
    pool: SampleGrid,
    prm_last: np.ndarray | None,
    n_tokens: np.ndarray,
    n_samples: int,
    n_probe: Sequence[int],
) -> pd.DataFrame:
    """Oracle, predicted and cheap predicted difficulty of each question.

    Oracle and predicted use the first n_samples of each pool. The cheap version uses the first n samples;
    probe_tokens_n are the policy tokens they took.

    Args:
        problems: question_id, subject, level.
        pool: the samples of these questions, in their order.
        prm_last: last-step scores, (problem, sample); None where there are none, and then there is only the oracle.
        n_tokens: of each sample, (problem, sample).

    Raises:
        ValueError: a question has fewer samples than are to be used.
    """
    needed = max(n_samples, *n_probe) if prm_last is not None else n_samples
    if needed > pool.smallest:
        raise ValueError(f"difficulty needs {needed} samples of each question, but one has only {pool.smallest}")
    table = problems[["question_id", "subject", "level"]].assign(oracle=difficulty.oracle(pool.correct[:, :n_samples]))
    if prm_last is None:
        return table
    table["predicted"] = difficulty.predicted(prm_last[:, :n_samples])
    for n in n_probe:
        probe = difficulty.probe(prm_last, n_tokens, n)
        table[f"probe_{n}"], table[f"probe_tokens_{n}"] = probe.score, probe.policy_tokens
    return table


def fit_edges(validation: pd.DataFrame, n_bins: int, n_probe: Sequence[int]) -> dict[str, Binning]:
    """Quantile edges of every difficulty score on validation questions, to be applied frozen."""
    names = ["oracle", "predicted", *(f"probe_{n}" for n in n_probe)]
    known = [name for name in names if name in validation]
    return {name: difficulty.quantile_binning(validation[name].to_numpy(dtype=float), n_bins) for name in known}


def assign_bins(
    table: pd.DataFrame, edges: dict[str, Binning], n_bins: int, absolute_edges: Sequence[float]
) -> pd.DataFrame:
    """Adds the bins (1 easiest): quantiles of these questions themselves (the paper's), frozen, and absolute."""
    table = table.copy()
    for name in [name for name in ("oracle", "predicted") if name in table]:
        score = table[name].to_numpy(dtype=float)
        table[f"{name}_bin"] = difficulty.quantile_binning(score, n_bins).assign(score)
    for name, binned in edges.items():
        table[f"{name}_frozen_bin"] = binned.assign(table[name].to_numpy(dtype=float))
    oracle = table["oracle"].to_numpy(dtype=float)
    table["absolute_bin"] = difficulty.absolute_binning(absolute_edges).assign(oracle)
    bins = table.filter(like="_bin").columns
    return table.astype(dict.fromkeys(bins, np.int64))


def joined(
    fit: pd.DataFrame, test: pd.DataFrame, n_probe: Sequence[int]
) -> tuple[pd.DataFrame, pd.DataFrame, dict[int, float]]:
    """Questions with a prediction and each probe in one number, `zero+probe_n`, and what the prediction counts as.

    The latter, in samples, is fitted on validation questions (of whose pass@1 the probe's samples are a small part).

    Args:
        fit: validation questions: oracle, zero, probe_n.
        test: zero, probe_n.
    """
    worths = dict[int, float]()
    for n in n_probe:
        names = ["zero", f"probe_{n}"]
        (prior, probe), (prior_test, probe_test) = (each[names].to_numpy(np.float64).T for each in (fit, test))
        worths[n] = difficulty.prior_worth(prior, probe, n, fit["oracle"].to_numpy(np.float64))
        fit = fit.assign(**{f"zero+probe_{n}": difficulty.with_prior(prior, worths[n], probe, n)})
        test = test.assign(**{f"zero+probe_{n}": difficulty.with_prior(prior_test, worths[n], probe_test, n)})
    return fit, test, worths
