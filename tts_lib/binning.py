"""Difficulty scores and bins of a split's questions as one table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tts_lib import difficulty, pools
from tts_lib.difficulty import Binning


def difficulty_scores(
    problems: pd.DataFrame, pool: pd.DataFrame, scores: pd.DataFrame, n_probe: Sequence[int]
) -> pd.DataFrame:
    """Oracle, predicted and cheap predicted difficulty of each question.

    Oracle and predicted use the first half of the pool, so that the other half is free of the binning. The cheap
    version uses the first n samples; probe_tokens_n are the policy tokens they took.
    """
    ids = problems["question_id"].tolist()
    correct, _ = pools.as_arrays(pool, ids)
    half = correct.shape[1] // 2
    pools.check_aligned(pool, scores)
    last = scores["prm_last"].to_numpy(dtype=float).reshape(correct.shape)
    n_tokens = pool["n_tokens"].to_numpy().reshape(correct.shape)
    table = problems[["question_id", "subject", "level"]].assign(
        oracle=difficulty.oracle(correct[:, :half]), predicted=difficulty.predicted(last[:, :half])
    )
    for n in n_probe:
        probe = difficulty.probe(last, n_tokens, n)
        table[f"probe_{n}"], table[f"probe_tokens_{n}"] = probe.score, probe.policy_tokens
    return table


def fit_edges(validation: pd.DataFrame, n_bins: int, n_probe: Sequence[int]) -> dict[str, Binning]:
    """Quantile edges of every difficulty score on validation questions, to be applied frozen."""
    names = ["oracle", "predicted", *(f"probe_{n}" for n in n_probe)]
    return {name: difficulty.quantile_binning(validation[name].to_numpy(dtype=float), n_bins) for name in names}


def assign_bins(
    table: pd.DataFrame, edges: dict[str, Binning], n_bins: int, absolute_edges: Sequence[float]
) -> pd.DataFrame:
    """Adds the bins (1 easiest): quantiles of these questions themselves (the paper's), frozen, and absolute."""
    table = table.copy()
    for name in ("oracle", "predicted"):
        score = table[name].to_numpy(dtype=float)
        table[f"{name}_bin"] = difficulty.quantile_binning(score, n_bins).assign(score)
    for name, binned in edges.items():
        table[f"{name}_frozen_bin"] = binned.assign(table[name].to_numpy(dtype=float))
    oracle = table["oracle"].to_numpy(dtype=float)
    table["absolute_bin"] = difficulty.absolute_binning(absolute_edges).assign(oracle)
    bins = table.filter(like="_bin").columns
    return table.astype(dict.fromkeys(bins, np.int64))
