"""A study before it runs: what each stage takes, how long it will, and what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError, listed
from tts_lib.plan import pace
from tts_lib.plan.known import Known, Like, called
from tts_lib.plan.ledger import Work
from tts_lib.plan.lock import Lock
from tts_lib.plan.needs import checkpoints, everything
from tts_lib.plan.pace import Pace
from tts_lib.plan.work import works
from tts_lib.study import folder as study_folder
from tts_lib.study import progress
from tts_lib.study.config import loading
from tts_lib.study.config.study import Study
from tts_lib.study.stages import Stage, feeds, ordered

EXECUTED = Path("reports/executed")


@dataclass(frozen=True)
class Ahead:
    """What can be said of a study before it runs.

    Attributes:
        stages: in the order in which they can run.
        work: by name of the stage; one that is not there computes on tables alone.
        made: names of the stages that need not run.
        seconds: of each other stage, where that is known.
        pace: what the seconds rest on beside earlier runs; None: nothing is known.
        notes: what the numbers rest on, and what the study takes from this machine.
        missing: sentences.
    """

    stages: list[Stage]
    work: dict[str, Work]
    made: set[str]
    seconds: dict[str, float]
    pace: Pace | None
    notes: dict[str, str]
    missing: list[str]


def look(file: Path, tokens_per_second: float | None = None, source: str = "stated", only: Sequence[str] = ()) -> Ahead:
    """Look at the study of a file of settings; nothing is fetched, loaded or written.

    Args:
        file: a params.yaml, or a profile, which is seen from the project's folder.
        tokens_per_second: that the base model writes here; None: earlier runs here tell how long a stage takes, if
            what it samples and trains has not changed since, and recorded paces tell the rest.
        source: of this number, in a word.
        only: names of stages or of their groups; then of these and what they need. None: all.

    Raises:
        StudyError: the settings are broken, or there is no such stage.
    """
    study, root, project = loading.load(file), file.parent, study_folder.project()
    folder = project if root == project / "profiles" else root
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    pipeline = folder / "dvc.yaml"
    ordering = ordered(pipeline if pipeline.is_file() else project / "dvc.yaml", settings)
    stages = _chosen([stage for stage in ordering if stage.outs], only)  # the check of the settings makes nothing
    lock = Lock(root, settings)
    made = lock.made(stages)
    todo = [stage.name for stage in stages if stage.name not in made]
    known, found = Known(study, root, folder, like(study, root, project)), pace.recorded(study)
    try:
        work = works(study, known)
        if tokens_per_second and work:
            found = pace.stated(found, tokens_per_second, known.size("base"), source)
    except StudyError as error:  # a study is not held up by what cannot be said of it
        work, found, known.notes["numbers"] = dict.fromkeys(todo, Work()), None, str(error)
    work = {stage.name: work[stage.name] for stage in stages if stage.name in work}
    missing = everything.missing(study, known, folder, {name: work.get(name, Work()) for name in todo})
    before = {} if tokens_per_second else _before(stages, root)
    before = {name: taken for name, taken in before.items() if name not in work or not lock.changed(name)}
    expected = {name: before.get(name, _paced(name, work, found)) for name in todo}
    seconds = {name: taken for name, taken in expected.items() if taken is not None}
    known.notes["pace"] = "unknown" if found is None else pace.in_words(found)
    if taken_before := [name for name in todo if name in before]:
        known.notes["earlier runs here"] = f"the time of {len(taken_before)} of {len(todo)} stages"
    return Ahead(stages, work, made, seconds, found, known.notes, missing)


def _chosen(stages: list[Stage], only: Sequence[str]) -> list[Stage]:
    """The stages of these names or groups, and those that they need; all where none is named."""
    for name in only:
        if not any(name in (stage.name, stage.kind) for stage in stages):
            raise StudyError(f"There is no stage {name!r}; there are {listed(name, [stage.name for stage in stages])}.")
    chosen: list[Stage] = []
    for stage in reversed(stages):
        named = not only or stage.name in only or stage.kind in only
        if named or any(feeds(stage, later) for later in chosen):
            chosen.insert(0, stage)
    return chosen


def like(study: Study, root: Path, project: Path) -> Like | None:
    """Another study of this kind: the project's own, or with the same checkpoint the one of a supplement to it."""
    base = checkpoints.sources(study).get("base")
    try:
        if study.problems and root != project and loading.load(project / "params.yaml").problems:
            return Like(project / paths.METRICS, "the default study")
        for metrics in sorted((project / paths.SUPPLEMENTS).glob("*/metrics")):
            if base is not None and tables.read_json(metrics / "model-base.json", ["name"])["name"] == called(base):
                return Like(metrics, f"the supplement {metrics.parent.name}")
    except (StudyError, OSError):  # then none is known
        pass
    return None


def _before(stages: Sequence[Stage], root: Path) -> dict[str, float]:
    """How long each stage took when it was last made here."""
    last = progress.last_seconds(root)
    names = {stage.name: Path(out).stem for stage in stages for out in stage.outs if Path(out).parent == EXECUTED}
    return {stage: last[name] for stage, name in names.items() if name in last}


def _paced(stage: str, work: Mapping[str, Work], found: Pace | None) -> float | None:
    if found is None:
        return None if stage in work else pace.seconds(stage, Work(), pace.CORE)
    return pace.seconds(stage, work.get(stage, Work()), found)
