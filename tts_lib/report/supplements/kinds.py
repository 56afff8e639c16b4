"""The kinds of supplements, by the name that a profile gives them, and how a profile is read."""

from pathlib import Path

from tts_lib.common.errors import StudyError, listed
from tts_lib.common.section import Section
from tts_lib.common.yaml_files import read
from tts_lib.report.supplements.combine.supplement import Combine
from tts_lib.report.supplements.declared import PROFILES, Supplement
from tts_lib.report.supplements.improve.supplement import Improve
from tts_lib.report.supplements.other_study import OtherStudy
from tts_lib.report.supplements.question_sets.supplement import QuestionSets
from tts_lib.report.supplements.searches.supplement import Searches
from tts_lib.report.supplements.surface.supplement import ExchangeSurface
from tts_lib.report.supplements.trainings import Trainings

KINDS: dict[str, type[Supplement]] = {
    "combine": Combine,
    "improve": Improve,
    "question_sets": QuestionSets,
    "searches": Searches,
    "study": OtherStudy,
    "surface": ExchangeSurface,
    "trainings": Trainings,
}


class _Kind(Section):
    model_config = Section.model_config | {"extra": "ignore"}

    kind: str


def names(project: Path) -> list[str]:
    """Those that the project has profiles of."""
    return sorted(path.stem for path in (project / PROFILES).glob("*.yaml"))


def load(path: Path) -> Supplement:
    """The supplement of a profile.

    Raises:
        StudyError: the file cannot be read, or a field is missing or out of its range; one sentence.
    """
    kind = read(path, _Kind).kind
    if kind not in KINDS:
        raise StudyError(f"{path}: kind is {kind!r}, but must be one of {listed(kind, KINDS)}.")
    return read(path, KINDS[kind])
