"""Files that a study takes from outside: questions, and the samples of a replay."""

import os
from collections.abc import Iterator
from pathlib import Path

from tts_lib.common.errors import StudyError
from tts_lib.questions.files import questions
from tts_lib.study.config.questions import Questions
from tts_lib.study.config.replay import Replay
from tts_lib.study.config.study import Study

LAYOUT = (
    "each record of a file of questions (JSONL, Parquet, CSV, JSON or YAML) must have problem and answer, as in "
    "MATH-500; or problem and a solution with the gold in its last \\boxed{}, as in MATH; or question and an answer "
    "that is a number or ends in #### and one, as in GSM8K (or the gold as final)"
)
WHERE = (
    "MATH-500, and the rest of MATH with its answers: https://github.com/openai/prm800k, math_splits/test.jsonl and "
    "train.jsonl; GSM8K: https://github.com/openai/grade-school-math, grade_school_math/data/test.jsonl and train.jsonl"
)


def missing(study: Study, folder: Path) -> Iterator[str]:
    """A sentence for each file that is missing, broken or too short.

    Args:
        folder: from which the study's files are seen.
    """
    for name, asked in study.questions.items():
        yield from _questions(f"questions.{name}", asked, folder)
    for name, replay in study.replay.items():
        yield from _replay(f"replay.{name}", replay, folder)


def _questions(place: str, asked: Questions, folder: Path) -> Iterator[str]:
    absent = False
    wanted = {"test": ("n_test", asked.n_test), "train": ("n_train and n_val together", asked.n_train + asked.n_val)}
    for field, (what, n) in wanted.items():
        path = folder / asked.folder / getattr(asked, field)
        if not path.exists():
            absent = True
            yield f"{place}.{field}: there is no file {_shown(path)}."
            continue
        try:
            if (found := len(questions.load(path))) < n:
                yield f"{place}: {what} is {n}, but {_shown(path)} has only {found} questions."
        except StudyError as error:
            yield f"{place}.{field}: {error}; {LAYOUT}."
    if absent:
        yield f"{place}: {LAYOUT}. {WHERE}."


def _replay(place: str, replay: Replay, folder: Path) -> Iterator[str]:
    from tts_lib.imported import sources  # load what a study that samples has no use for
    from tts_lib.imported.study import Model

    here = folder / replay.folder
    if folder.resolve().is_relative_to(here.resolve()):  # all of it is an input, and no output may lie in an input
        yield f"{place}.folder is {replay.folder}, which holds this study itself; put the files into one of their own."
        return
    if not (path := here / replay.questions).exists():
        yield f"{place}.questions: there is no file {_shown(path)} with the questions that were answered; {LAYOUT}."
    for field, pool in (("base", replay.base), ("large", replay.large)):
        if pool is None:
            continue
        if not (path := here / pool.path).exists():
            yield f"{place}.{field}.path: there is no {_shown(path)} with samples of {pool.name} ({pool.format})."
            continue
        try:
            source = Model.declared(pool.model_dump(), str(here), replay.chars_per_token).source
            next(iter(sources.FORMATS[source.format](source)), None)  # the rest is read when it is imported
        except StudyError as error:
            yield f"{place}.{field}: {error}."


def _shown(path: Path) -> str:
    return os.path.normpath(path)
