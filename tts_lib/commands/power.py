"""Say what each contrast of a finished study can decide, and what it takes to decide an effect of some points."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tts_lib.common import paths
from tts_lib.common.errors import StudyError, listed
from tts_lib.estimators.power import Components, Design, questions_for, smallest_effect, standard_error
from tts_lib.plan import pace
from tts_lib.plan.ahead import like
from tts_lib.plan.known import Known
from tts_lib.plan.work import works
from tts_lib.report.deciding import Decidable, decidable
from tts_lib.report.measured import results_of
from tts_lib.study import folder
from tts_lib.study.config import loading
from tts_lib.study.config.study import Study
from tts_lib.study.progress import in_words

# Stages that a contrast needs for every training, and those that a further training needs beside them.
_TESTED = ("generate@base-test", "score", "search")
_TRAINED = ("questions-nano", "model-trained@base", "generate@base-train", "generate@base-val", "verifier")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="of a study that has run")
    parser.add_argument("--contrast", metavar="NUMBER", help="of a claim; without it, all contrasts are listed")
    parser.add_argument("--effect", type=float, metavar="POINTS", help="of that contrast, to be found with power .8")


def run(given: argparse.Namespace) -> int:
    if (given.contrast is None) != (given.effect is None):
        raise StudyError("--contrast and --effect go together: which contrast, and how many points of it")
    if given.effect is not None and not 0 < given.effect <= 100:
        raise StudyError(f"--effect is {given.effect}: it must be above 0 and at most 100 points")
    root = paths.find_root(given.folder)
    found = {one.claim.number: one for one in decidable(root, results_of(root))}
    if given.contrast is None or given.effect is None:
        print("\n".join(_list(list(found.values()))))
        return 0
    if given.contrast not in found:
        raise StudyError(
            f"--contrast is {given.contrast!r}, but the study measured differences for {listed(given.contrast, found)}"
        )
    print("\n".join(_designs(root, found[given.contrast], given.effect / 100)))
    return 0


def _list(found: Sequence[Decidable]) -> list[str]:
    """A row a contrast: its error now, what that decides, what makes the error, what would halve it."""
    rows = [("claim", "at", "error", "decides", "question", "sample", "run", "half as wide")]
    for one in found:
        now = one.found.error
        each = _shares(one.parts, one.design)
        rows.append((one.claim.number, one.found.at, _points(now), _points(smallest_effect(now)), *each, _halved(one)))
    return [
        *_table(rows),
        "",
        "error: standard error in points, over questions. decides: the effect that is found with a power of .8.",
        "Then the parts of its variance where the draws are known; else all of it is counted with the questions.",
        _trainings_known(found),
    ]


def _halved(one: Decidable) -> str:
    """The questions at which the interval is half as wide, and how many times the draws, if these alone would do."""
    words = f"{4 * one.design.questions / one.share:,.0f} questions"
    within = standard_error(replace(one.parts, question=0.0, training=None), one.design) ** 2 * one.design.questions
    left = (one.parts.question + within) / 4 - one.parts.question
    return f"{words}, or {within / left:,.0f} times the draws" if left > 0 else words


def _designs(root: Path, one: Decidable, effect: float) -> list[str]:
    """Studies that find the effect: more samples, more runs, more trainings, each with the questions it needs."""
    parts, now, study = one.parts, one.design, loading.load(root / "params.yaml")
    deviations = {"between questions": parts.question, f"a draw of {one.budget} samples": parts.sample}
    deviations |= {"a run of each search": parts.run, "a training": parts.training}
    known = ", ".join(f"{name} {_points(math.sqrt(value))}" for name, value in deviations.items() if value is not None)
    lines = [
        f"Claim {one.claim.number}, {one.claim.claim} ({one.found.at}): {one.found.text}",
        f"Standard deviations, in points: {known}.",
        _trainings_known([one]),
        "",
        f"To find {_points(effect)} points with a power of .8:",
    ]
    rows = [("samples a question", "runs", "trainings", "questions", "time")]
    for design in _alternatives(parts, now):
        n = questions_for(parts, design, effect) / one.share
        samples = f"{design.draws * one.budget:,.0f}" if parts.sample is not None else "–"
        runs = str(design.runs) if parts.run is not None else "–"
        asked = replace(design, questions=math.ceil(n)) if n < math.inf else None
        time = "–" if asked is None else _time(study, root, one, asked)
        count = "more trainings are needed first" if asked is None else f"{asked.questions:,}"
        rows.append((samples, runs, str(design.trainings), count, time))
    return [*lines, *_table(rows)]


def _alternatives(parts: Components, now: Design) -> list[Design]:
    """Designs around that of the study: with half or twice the draws of each known part, with 3 and 10 trainings."""
    found = [now]
    if parts.sample is not None:
        found += [replace(now, draws=draws) for draws in (1.0, 2 * now.draws)]
    if parts.run is not None:
        found += [replace(now, runs=runs) for runs in (1, 2 * now.runs)]
    if parts.training is not None:
        found += [replace(now, trainings=n) for n in (3, 10)]
    return list(dict.fromkeys(found))


def _time(study: Study, root: Path, one: Decidable, design: Design) -> str:
    """How long this machine takes to sample, score and search that much; further trainings from the beginning."""
    asked = _asked(study, one, design)
    if asked is None or (rate := pace.recorded(asked)) is None:
        return "not known"
    known = Known(asked, root, like=like(asked, root, folder.project()))
    try:
        work = works(asked, known)
    except StudyError:
        return "not known"
    kinds = {name: name.startswith(_TESTED) or (design.trainings > 1 and name.startswith(_TRAINED)) for name in work}
    seconds = sum(pace.seconds(name, work[name], rate) for name, needed in kinds.items() if needed)
    return in_words(seconds * design.trainings)


def _asked(study: Study, one: Decidable, design: Design) -> Study | None:
    """The study with as many test questions, samples and runs, and no other searches; None if it samples nothing."""
    place = "problems" if study.problems else "questions"
    if study.replay or study.search is None or not one.budget:
        return None
    n_test = {"n_test": design.questions}
    questions = {name: part.model_copy(update=n_test) for name, part in getattr(study, place).items()}
    pool = study.generate["base-test"]
    n_samples = int(design.draws * one.budget) if one.parts.sample is not None else pool.n_samples
    generate = dict(study.generate) | {"base-test": pool.model_copy(update={"n_samples": n_samples, "beside": None})}
    search = study.search.model_copy(update={"replicates": design.runs, "replicated_budget": one.budget})
    grid = study.grid.model_copy(update={"methods": list(one.searches), "search_budgets": [one.budget]})
    return study.model_copy(update={place: questions, "generate": generate, "search": search, "grid": grid})


def _trainings_known(found: Sequence[Decidable]) -> str:
    if any(one.parts.training is not None for one in found):
        return "The difference between trainings is that of the supplement `trainings`."
    return "How far trainings differ is not known here (supplement `trainings`): all of this holds for these models."


def _shares(parts: Components, design: Design) -> tuple[str, str, str]:
    each = (parts.question, (parts.sample or 0.0) / design.draws, (parts.run or 0.0) / design.runs)
    whole, known = sum(each), (True, parts.sample is not None, parts.run is not None)
    shares = [f"{part / whole:.0%}" if is_known and whole else "–" for part, is_known in zip(each, known, strict=True)]
    return shares[0], shares[1], shares[2]


def _points(share: float) -> str:
    return f"{100 * share:.2f}" if share < 0.01 else f"{100 * share:.1f}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
