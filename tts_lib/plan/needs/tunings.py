"""The fine-tunings of a study, by the stages that run them."""

from typing import NamedTuple

from tts_lib.study.config.revisions import TunedRevisions, TunedRevisionVerifier
from tts_lib.study.config.study import Study
from tts_lib.training.settings import FineTuning


class Tuning(NamedTuple):
    """One fine-tuning of the base: what for, on which device, and how."""

    what: str
    device: str
    settings: FineTuning


def by_stage(study: Study) -> dict[str, Tuning]:
    """Group of stages -> its fine-tuning; one that trains every weight of a small model is none."""
    found: dict[str, Tuning] = {}
    if study.verifier and (tuned := study.verifier.tuned):
        found["verifier"] = Tuning("the PRM", tuned.device, tuned.tuning)
    if isinstance(study.revisions, TunedRevisions):
        found["revisions"] = Tuning("revisions", study.revisions.device, study.revisions.tuning)
    for settings in study.revision_verifier.values():
        if isinstance(settings, TunedRevisionVerifier):
            found["revision_verifier"] = Tuning("the verifier of revisions", settings.device, settings.tuning)
    return found
