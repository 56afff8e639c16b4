"""The results of a finished study, read from its tables."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from tts_lib.common import paths, tables
from tts_lib.common.strategy import Strategy
from tts_lib.grading.verdicts import CORRECT
from tts_lib.report.results import PAPER, REST_EM, Results, split_accuracy, wide
from tts_lib.revisions import ratios
from tts_lib.strategies import outcomes
from tts_lib.strategies.strategy_table import Method
from tts_lib.strategies.tables.saved import read_csv

ANALYSIS_TABLES = {  # stage -> those of its tables that are judged and drawn
    "compute_optimal": ("accuracy", "bins", "gains", "iso", "probe", "shares", "joint", "zero"),
    "flops_matched": ("stars", "lines", "large", "ladder"),
    "predictors": ("quality", "differences"),
    "stopping": ("targets", "risk"),
}
_SEARCH_COLUMNS = ["correct", "mean_steps", "repetition"]
_DIFFICULTY_COLUMNS = ["question_id", "level", "subject", "oracle", "oracle_bin"]
_REVISION_COLUMNS = [
    *("split", "question_id", "chain", "position", "answer", "verdict", "n_tokens", "n_prompt", "n_context"),
]


def read(methods: Mapping[str, Mapping[str, Any]], attempts: Mapping[str, int], seed: int, n_bootstrap: int) -> Results:
    """The results of the study in this folder, without the tables of a stage that has not run.

    Args:
        methods: searches that were run, with the options of each.
        attempts: revision models, and how many attempts a question were sampled from each.

    Raises:
        TableError: a table is missing or damaged.
    """
    columns = ["question_id", "strategy", "rule", "score", "at", "budget", "accuracy"]
    accuracy, searches = {}, {}
    for _, part in tables.read_table(paths.accuracy("test"), columns).groupby("strategy"):
        first = part.iloc[0]
        accuracy[Strategy(first["rule"], first["score"], at=first["at"])] = wide(part, "accuracy")
    for method in methods:
        searches[method] = outcomes.of_search(method, "test", _SEARCH_COLUMNS)
        accuracy[Strategy(method)] = wide(searches[method], "correct")
    _share_runs(accuracy, {method: Method.of(options) for method, options in methods.items()})
    n_bins = 1 + len(tables.read_json(paths.metrics("difficulty"), ["edges"])["edges"]["oracle"])
    lookaheads = [name for name, options in methods.items() if options.get("depth")]
    revisions = {name: _test(tables.read_table(paths.revisions(name), _REVISION_COLUMNS)) for name in attempts}
    splits = {}
    if REST_EM in attempts:
        splits[REST_EM] = ratios.accuracy(revisions[REST_EM], {}, attempts[REST_EM])
    if attempts:
        splits[PAPER] = _test(tables.read_table(paths.revision_verifier("ratios")))
        accuracy |= split_accuracy(splits[PAPER])
    checkpoints = tables.read_table(paths.checkpoints(PAPER)) if attempts else None
    return Results(
        accuracy=accuracy,
        search=searches,
        difficulty=_difficulty(),
        tables=_analysis(),
        revisions=revisions,
        seed=seed,
        n_bootstrap=n_bootstrap,
        splits=splits,
        checkpoints=checkpoints,
        n_bins=n_bins,
        lookaheads=lookaheads,
        guess_rate=_guess_rate(),
    )


def _share_runs(accuracy: Mapping[Strategy, pd.DataFrame], searches: Mapping[str, Method]) -> None:
    """Give searches that are one at a budget the mean of their runs there, in place."""
    for budget in sorted({budget for name in searches for budget in accuracy[Strategy(name)]}):
        known = {name: method for name, method in searches.items() if budget in accuracy[Strategy(name)]}
        for names in outcomes.alike(known, budget):
            runs = [accuracy[Strategy(name)] for name in names]
            mean = pd.concat([run[budget] for run in runs], axis=1).mean(axis=1)
            for run in runs:
                run[budget] = mean


def _analysis() -> dict[str, pd.DataFrame]:
    """STAGE/NAME of ANALYSIS_TABLES, of the stages that have run."""
    return {
        f"{stage}/{name}": read_csv(paths.results(stage) / f"{name}.csv")
        for stage, names in ANALYSIS_TABLES.items()
        if paths.results(stage).is_dir()
        for name in names
    }


def _difficulty() -> pd.DataFrame:
    """Of every test question, with predicted bins where there are scores, and how often samples of it are right."""
    found = tables.read_table(paths.difficulty("test"))
    kept = [*_DIFFICULTY_COLUMNS, *(name for name in ("predicted_bin",) if name in found)]
    found = found[kept].set_index("question_id")
    pool = tables.read_table(paths.pool("base", "test"), ["question_id", "verdict"])
    of_question = (pool["verdict"] == CORRECT).groupby(pool["question_id"])
    found["pass_at_1"], found["n_samples"] = of_question.mean(), of_question.size()
    if paths.greedy("base", "test").is_file():
        greedy = tables.read_table(paths.greedy("base", "test"), ["question_id", "verdict"]).set_index("question_id")
        found["greedy"] = (greedy["verdict"] == CORRECT).astype(float)
    return found


def _guess_rate() -> float:
    """Of the nano benchmark's questions, which ask for one of so many values; nobody guesses a free answer."""
    return 1 / tables.read_json(paths.RECIPE, ["n_values"])["n_values"] if paths.RECIPE.is_file() else 0.0


def _test(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.loc[rows["split"] == "test"].reset_index(drop=True)
