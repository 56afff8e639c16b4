"""Measure how long each strategy takes on this machine: a question alone, and many together.

Unlike everything else in a report a measurement is not the same twice. So no stage makes it: the command writes
reports/supplements/seconds/, which names the machine, and the report shows it beside what it belongs to.
"""

import argparse
import os
import platform
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import chdir
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from tts_lib.answers.cost import Cost
from tts_lib.answers.question_table import Question
from tts_lib.answers.scheduler import Scheduler
from tts_lib.commands import run as run_study
from tts_lib.commands import supplement
from tts_lib.commands.serving import loading
from tts_lib.commands.serving.answering import Choice
from tts_lib.commands.serving.building import build
from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.common.strategy import STRATEGY_COLUMNS
from tts_lib.estimators.flops import Sizes
from tts_lib.plots import curves
from tts_lib.report.columns import strategy_names
from tts_lib.report.figures.figure import Drawing
from tts_lib.report.supplements import writing
from tts_lib.report.supplements.declared import Collected
from tts_lib.strategies.fitted_choice import FittedChoice, search
from tts_lib.strategies.model_sizes import model_sizes
from tts_lib.strategies.strategy_table import Method
from tts_lib.strategies.tables.saved import read_csv
from tts_lib.study.config import loading as settings
from tts_lib.study.config.study import Study

NAME = "seconds"
ALONE = 15  # questions that are answered one by one


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="of a study that has run")
    parser.add_argument("--budgets", nargs="+", type=int, default=[4, 16, 64], help="generations (default: 4 16 64)")
    parser.add_argument("--questions", type=int, default=64, help="answered together (default: 64)")


def run(given: argparse.Namespace) -> int:
    if min(given.budgets) < 1 or given.questions < 1:
        raise StudyError("--budgets and --questions must be at least 1")
    root = paths.find_root(given.folder)
    if missing := supplement.unrun(root):
        raise StudyError(missing[0])
    with chdir(root), loading.load() as choice:
        study = settings.load()
        asked = tables.read_table(paths.problems("test"), ["question_id", "problem"]).head(given.questions)
        prompts, names = choice.readers["base"].codec.encode(asked["problem"].tolist()), asked["question_id"].tolist()
        questions = [Question(name, prompt) for name, prompt in zip(names, prompts, strict=True)]
        rows = measured(choice, with_searches(choice.table, study), questions, given.budgets, model_sizes())
        attained = read_csv(paths.results("compute_optimal") / "accuracy.csv")
        found = collected(pd.DataFrame(rows), attained, len(questions))
    writing.write(root, NAME, found)
    print(f"{found.lead}\nIn {root / paths.SUPPLEMENTS / NAME}")
    return run_study.pages(root)


def with_searches(table: FittedChoice, study: Study) -> FittedChoice:
    """The choice with the searches of the study that it never makes."""
    known = {way.name for way in table.strategies}
    methods = {name: Method.of(study.options[name].model_dump(exclude_none=True)) for name in study.grid.methods}
    more = [search(name, method) for name, method in methods.items() if name not in known]
    return table.model_copy(update={"strategies": (*table.strategies, *more)})


@dataclass(frozen=True)
class Took:
    """Seconds of the clock and of the processor that questions took, and what each of them cost."""

    clock: float
    processor: float
    costs: list[Cost]


def measured(
    choice: Choice, table: FittedChoice, questions: Sequence[Question], budgets: Sequence[int], sizes: Sizes
) -> Iterator[dict[str, str | int | float]]:
    """A row for each strategy of the table at each budget; sampling and scoring, without the reading of answers.

    Nothing is taken from a store. `seconds_alone` is the median over the first questions, with its quartiles.
    """
    for way in table.strategies:
        ready = build(table, way.name, choice.readers[way.policy])
        took = partial(_took, Scheduler(*choice.engines[way.policy]))
        for budget in (budget for budget in budgets if budget >= ready.least):

            def searches(asked: Sequence[Question], ready=ready, budget=budget):
                return {each.question_id: ready.search(each, budget, table.seed, None) for each in asked}

            took(searches(questions[:1]))  # what is made once, such as compiled code, is not counted
            alone = [took(searches([question])).clock for question in questions[:ALONE]]
            low, median, high = np.quantile(alone, [0.25, 0.5, 0.75]).tolist()
            together = took(searches(questions))
            n, spent = len(questions), sum(together.costs, Cost())
            policy = (spent.policy_prefill_tokens + spent.policy_decode_tokens) / n
            verifier = (spent.verifier_prefill_tokens + spent.verifier_tokens) / n
            weights = sizes.weight_bytes(spent.policy_passes / n, spent.verifier_passes / n)
            cache = sizes.cache_bytes(spent.policy_cached / n, verifier)
            yield {
                **{"strategy": way.name, "budget": budget},
                **{"seconds_alone": median, "quartile_low": low, "quartile_high": high},
                "seconds_together": together.clock / n,
                "processor_seconds_together": together.processor / n,
                **{"rounds": spent.rounds / n, "policy_passes": spent.policy_passes / n},
                "flops_with_verifier": sizes.flops(policy, verifier, True),
                **{"bytes_alone": weights + cache, "bytes_among_many": cache},
            }


def _took(scheduler: Scheduler, searches: dict) -> Took:
    clock, processor = time.perf_counter(), time.process_time()
    outcomes = scheduler.run(searches)
    seconds = time.perf_counter() - clock, time.process_time() - processor
    for question_id, outcome in outcomes.items():
        outcome.found(f"the answer to {question_id}")
    return Took(*seconds, [outcome.cost for outcome in outcomes.values()])


def collected(rows: pd.DataFrame, attained: pd.DataFrame, n_questions: int) -> Collected:
    """The supplement of these measurements, with what the study's strategies attain at the same budgets."""
    single = attained.loc[attained["strategy_set"] == "single", [*STRATEGY_COLUMNS, "budget", "accuracy"]]
    shown = single.merge(rows, on=["strategy", "budget"])
    largest, names = rows.loc[rows["budget"] == rows["budget"].max()], strategy_names({"": attained})
    ends = [
        " to ".join(
            f"{names.get(str(row['strategy']), row['strategy'])} ({_in_words(float(row[column]))})"
            for row in largest.sort_values(column, kind="stable").iloc[[0, -1]].to_dict("records")
        )
        for column in ("seconds_alone", "seconds_together")
    ]
    lead = (
        f"Measured on {machine()}, load {os.getloadavg()[0]:.1f}. At {largest['budget'].iloc[0]} generations a "
        f"question alone takes from {ends[0]}, median of {ALONE}; each of {n_questions} answered together takes from "
        f"{ends[1]}."
    )
    caption = (
        "The further left at one height, the sooner it is answered. Accuracy on all test questions at each budget; "
        "seconds of the clock, sampling and scoring, "
    )
    ways = {
        "alone": ("Latency: a question alone", f"median of {ALONE} questions, one by one."),
        "together": ("Throughput: many questions", f"{n_questions} questions in one run, divided by them."),
    }
    drawings = [
        Drawing(name, title, caption + words, shown, partial(curves.accuracy_by_budget, x=f"seconds_{name}"))
        for name, (title, words) in ways.items()
    ]
    return Collected(
        title="What each strategy takes in seconds",
        lead=lead,
        tables={NAME: rows},
        figures=drawings,
        facts={"machine": machine(), "questions": n_questions},
    )


def machine() -> str:
    """Cores and processor in words."""
    listed = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*:\s*(.+)", listed.read_text()) if listed.is_file() else []
    return f"{os.cpu_count()} cores of {names[0] if names else platform.machine()}"


def _in_words(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
