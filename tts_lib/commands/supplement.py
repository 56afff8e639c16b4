"""A supplement's studies beside a study: made, run one after the other, collected into the study's report."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.report.supplements import kinds, writing
from tts_lib.report.supplements.declared import PROFILES, Supplement, parameters
from tts_lib.study import folder


@dataclass(frozen=True)
class Beside:
    """A supplement of the study in `root`, and the folders of its studies."""

    name: str
    root: Path
    declared: Supplement
    studies: Mapping[str, Path]


def is_one(name: str) -> bool:
    """Whether a profile is that of a supplement."""
    return name in kinds.names(folder.project())


def make(name: str, root: Path) -> Beside:
    """Make the folders of its studies, ROOT/studies/NAME/..., or bring them up to date.

    Raises:
        StudyError: the profile is broken or does not fit the study, or settings of a folder were changed by hand.
    """
    profile = folder.project() / PROFILES / f"{name}.yaml"
    declared = kinds.load(profile)
    try:
        settings = declared.settings(parameters(root))
    except StudyError as error:
        raise StudyError(f"{profile}: {error}") from error
    studies = {study: root / "studies" / name / study for study in settings}
    for study, place in studies.items():
        text = f"# Made by {PROFILES / name}.yaml\n{yaml.safe_dump(settings[study], sort_keys=False)}"
        if "params.yaml" in folder.make(place, f"{PROFILES.name}/{name}", text, declared.seen_from(root)):
            raise StudyError(
                f"{place / 'params.yaml'} was changed by hand; the supplement's settings are in {profile}."
            )
    return Beside(name, root, declared, studies)


def unrun(root: Path) -> list[str]:
    """What keeps the study in `root` from having a supplement, in a sentence each; none where it has run."""
    absent = [path for path in (paths.SUMMARY, paths.accuracy("test")) if not (root / path).is_file()]
    return [f"{root / path} is missing: a supplement is collected beside a study; run that first." for path in absent]


def run(name: str, root: Path, run_study: Callable[[Path, list[str]], int], render: Callable[[Path], int]) -> int:
    """Run its studies and write ROOT/reports/supplements/NAME/; 0, or the status of what failed.

    Args:
        run_study: runs these stages, and what they need, of the study in a folder.
        render: writes the pages of the report in a folder anew.

    Raises:
        StudyError: the study in `root` has not run.
    """
    if missing := unrun(root):
        raise StudyError(missing[0])
    beside = make(name, root)
    for study, place in beside.studies.items():
        print(f"{name}, {study}:", flush=True)
        if status := run_study(place, beside.declared.stages):
            return status
    collected = beside.declared.collect(root, beside.studies)
    writing.write(root, name, collected)
    if status := render(root):
        return status
    print(f"Done: open {os.path.relpath(root / paths.SUPPLEMENTS / name / 'index.html')}")
    return 0
