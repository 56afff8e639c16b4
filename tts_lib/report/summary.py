"""What was run and the numbers to quote: the content of reports/summary.json."""

import platform
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pandas as pd

from tts_lib.common import paths, tables
from tts_lib.common.strategy import COVERAGE, MAJORITY, PLAIN, WEIGHTED
from tts_lib.estimators import intervals
from tts_lib.report.figures.figure import Drawing, Shown
from tts_lib.report.results import NotMeasured, Results

PACKAGES = ("numpy", "scipy", "pandas", "torch", "transformers")
MIDDLE = 64  # generations
MODELS, POOLS = ("base", "large"), ("base-val", "base-test", "large-test")  # of every study
_BEST = {  # the first that is known of a pool is quoted
    WEIGHTED: "best-of-N weighted",
    PLAIN: "best-of-N",
    MAJORITY: "majority",
    COVERAGE: "any right",
}
_MODEL_FACTS = ["n_params_block", "n_params", "n_tokens", "flops", "validation_loss", "n_layers", "width"]
_POOL_FACTS = ["n_questions", "n_samples", "pass_at_1", "greedy_accuracy", "mean_tokens"]
_IMPORT_FACTS = [  # of imported pools
    "own_gold",
    "own_gold_by_chance",
    "order_of_samples",
    "duplicate_share",
    "shared_prefix_questions",
]


def study_facts(results: Results, **settings: Any) -> dict[str, Any]:
    """Models, questions, pools, settings and library versions of the study in this folder; None where unknown.

    Args:
        results: what was measured; `ran` says of which parts of the paper.
        settings: further facts, e.g. the seed and the budgets.

    Raises:
        TableError: a record is missing or damaged.
    """
    models = {name: tables.read_json(paths.metrics(f"model-{name}")) for name in MODELS}
    sampled = {name: tables.read_json(paths.metrics(f"generate-{name}"), _POOL_FACTS) for name in POOLS}
    questions = {split: len(tables.read_table(paths.problems(split), ["question_id"])) for split in ("val", "test")}
    return settings | {
        "models": {name: _facts(record, ["name", *_MODEL_FACTS]) for name, record in models.items() if record},
        "pools": {
            name: _facts(record, _POOL_FACTS + _IMPORT_FACTS)
            for name, record in sampled.items()
            if record["n_questions"]
        },
        "questions": questions,
        "ran": {
            "imported": "own_gold" in sampled["base-test"],
            "voted": MAJORITY in results.accuracy,
            "verified": PLAIN in results.accuracy,
            "searched": bool(results.search),
            "revised": bool(results.revisions),
            "compared": bool(sampled["large-test"]["n_questions"]),
        },
        "versions": {"python": platform.python_version()} | _versions(),
    }


def _versions() -> dict[str, str]:
    """Of the packages that are installed: a replay needs no torch."""
    found: dict[str, str] = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def headline(results: Results, claims: pd.DataFrame) -> list[dict[str, Any]]:
    """The numbers at the top, in order: label, text (value with its 95% interval), at, estimate, low, high, unit.

    Those of a model also say which ("small" or "large") and how it answered; those of a claim its verdict, after Holm
    among them.
    """
    weights = results.weights(results.n_questions)
    best = next(strategy for strategy in _BEST if strategy in results.accuracy)
    n = results.budget(MIDDLE, best)
    least = results.budget(1, COVERAGE)
    single, by_best = results.attained(COVERAGE, least), results.attained(best, n)
    rows = []
    if "greedy" in results.difficulty:
        right = results.difficulty.loc[results.question_ids, "greedy"].to_numpy(np.float64)
        interval = intervals.of_shares(intervals.mean_interval(right, weights), right)
        rows.append(_share("small", "", "greedy", interval))
    rows += [
        _share("small", "one sample" if least == 1 else "any right", f"pass@{least}", single),
        _share("small", _BEST[best], f"N = {n}", by_best),
    ]
    with suppress(NotMeasured):
        answer = results.large_answer
        where = {"large": answer, "grouping": "oracle", "group": "all"}
        (large,) = results.rows("flops_matched/large", **where).to_dict("records")
        interval = intervals.Interval(large["accuracy"], large["low"], large["high"], 0.95)
        rows.append(_share("large", "", answer.replace("_", " "), interval))
    # An interval without a width is one end of the grid, or a figure that nothing could move.
    told = claims["card"].ne("") & (claims["low"] < claims["high"])
    for claim in claims.loc[told].to_dict("records"):
        quoted = {name: claim[name] for name in ("estimate", "low", "high", "unit")}
        quoted |= {"label": claim["card"], "text": claim["ours"], "at": claim["contrast"]}
        rows.append(quoted | {"verdict": claim["verdict_of_cards"]})
    return rows


def figure_list(figures: Sequence[Drawing | Shown]) -> list[dict[str, str]]:
    """What the index page says about each figure."""
    return [{"name": figure.name, "title": figure.title, "caption": figure.caption} for figure in figures]


def _facts(record: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: record.get(name) for name in names}


def _share(model: str, how: str, at: str, interval: intervals.Interval) -> dict[str, Any]:
    label = f"{model} model, {how}" if how else f"{model} model"
    text = intervals.in_words(interval.estimate, interval.low, interval.high)
    numbers = {"estimate": float(interval.estimate), "low": float(interval.low), "high": float(interval.high)}
    return numbers | {"unit": "share", "label": label, "text": text, "at": at, "model": model, "how": how}
