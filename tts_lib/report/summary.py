"""What was run and the numbers to quote: the content of reports/summary.json."""

import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import pandas as pd

from tts_lib import paths, stats, tables
from tts_lib.report.figures import ReportFigure
from tts_lib.report.registry import MIDDLE
from tts_lib.report.results import Results

PACKAGES = ("numpy", "scipy", "pandas", "torch", "transformers")
# Claims whose measured values stand at the top of the report.
QUOTED = {
    "5": "best-of-N weighted by the PRM, over majority",
    "6": "beam search, over best-of-N weighted",
    "13a": "compute-optimal, times fewer generations (oracle bins)",
    "13c": "compute-optimal, times fewer generations (predicted bins)",
    "16": "compute-optimal, over the best fixed strategy",
    "17": "compute-optimal, over best-of-N, difficulty paid for",
}
_MODEL_FACTS = ["n_params_block", "n_params", "n_tokens", "flops", "validation_loss", "n_layers", "width"]
_POOL_FACTS = ["n_questions", "n_samples", "pass_at_1", "greedy_accuracy", "mean_tokens"]


def study_facts(models: Sequence[str], pools: Sequence[str], **settings: Any) -> dict[str, Any]:
    """Models, questions, pools, settings and library versions of the study in this folder.

    Args:
        models: names in models/ (with metrics of their pretraining).
        pools: MODEL-SPLIT of every pool.
        settings: further facts, e.g. the seed and the budgets.

    Raises:
        TableError: a record is missing or damaged.
    """
    pretrained = {name: tables.read_json(paths.metrics(f"pretrain-{name}"), _MODEL_FACTS) for name in models}
    sampled = {name: tables.read_json(paths.metrics(f"generate-{name}"), _POOL_FACTS) for name in pools}
    questions = {
        split: len(tables.read_table(paths.problems(split), ["question_id"])) for split in ("train", "val", "test")
    }
    return settings | {
        "models": {name: {fact: record[fact] for fact in _MODEL_FACTS} for name, record in pretrained.items()},
        "pools": {name: {fact: record[fact] for fact in _POOL_FACTS} for name, record in sampled.items()},
        "questions": questions,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
    }


def headline(results: Results, claims: pd.DataFrame) -> list[dict[str, Any]]:
    """The numbers at the top, in order: label, text (value with its 95% interval), at, estimate, low, high, unit."""
    weights = results.weights(results.n_questions)
    n = results.budget(MIDDLE, "weighted:prm_last")
    single = results.difficulty.loc[results.question_ids, "oracle"].to_numpy(dtype=float)
    best_of_n = results.of("weighted:prm_last", n)
    large = results.row("flops_matched_large", large="greedy", grouping="oracle", group="all")
    rows = [
        _share("small model, one sample", "pass@1", stats.mean_interval(single, weights)),
        _share("small model, best-of-N weighted", f"N = {n}", stats.mean_interval(best_of_n, weights)),
        _share("large model", "greedy", stats.Interval(large["accuracy"], large["low"], large["high"], 0.95)),
    ]
    for _, claim in claims[claims["number"].isin(QUOTED) & claims["estimate"].notna()].iterrows():
        quoted = {name: claim[name] for name in ("estimate", "low", "high", "unit")}
        rows.append(quoted | {"label": QUOTED[claim["number"]], "text": claim["ours"], "at": claim["contrast"]})
    return rows


def figure_list(figures: Sequence[ReportFigure]) -> list[dict[str, str]]:
    """What the index page says about each figure."""
    return [{"name": figure.name, "title": figure.title, "caption": figure.caption} for figure in figures]


def _share(label: str, at: str, interval: stats.Interval) -> dict[str, Any]:
    text = f"{interval.estimate:.1%} [{interval.low:.1%}, {interval.high:.1%}]"
    numbers = {"estimate": float(interval.estimate), "low": float(interval.low), "high": float(interval.high)}
    return numbers | {"unit": "share", "label": label, "text": text, "at": at}
