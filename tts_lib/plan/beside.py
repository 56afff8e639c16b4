"""What a supplement takes that is made in the study itself: a row for each of its parts."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tts_lib.answers.expected import Expected, Means
from tts_lib.common.errors import StudyError
from tts_lib.plan import pace
from tts_lib.plan.ahead import Ahead, like
from tts_lib.plan.known import Known
from tts_lib.plan.ledger import Work, sampling, scoring, training
from tts_lib.plan.sizes import shaped
from tts_lib.plan.work import WHOLE
from tts_lib.study import folder as study_folder
from tts_lib.study.config import loading
from tts_lib.study.config.study import Study
from tts_lib.study.effort import NOTHING, Effort, Foreseen
from tts_lib.study.stages import Stage

Efforts = Callable[[Study, Foreseen], Sequence[Effort]]


def look(file: Path, efforts: Efforts, missing: list[str], tokens_per_second: float | None = None) -> Ahead:
    """Look at what stands beside the study of a params.yaml; nothing is fetched, loaded or written.

    Args:
        missing: what it lacks, in sentences.
        tokens_per_second: that the base model writes here; None: recorded paces tell.

    Raises:
        StudyError: the settings are broken, or the study cannot have it.
    """
    study, root = loading.load(file), file.parent
    if study.sampling is None:
        raise StudyError(NOTHING)
    known = Known(study, root, root, like(study, root, study_folder.project()))
    found = pace.recorded(study)
    asked = efforts(study, _Foreseen(study, known))
    if tokens_per_second and asked:
        found = pace.stated(found, tokens_per_second, known.size("base"), "stated")
    work = {effort.what: _work(effort, study, known) for effort in asked}
    seconds = {what: pace.seconds(what, part, found) for what, part in work.items()} if found else {}
    known.notes["pace"] = "unknown" if found is None else pace.in_words(found)
    known.notes["work"] = "upper limits: samples and scores that the study's store has are not asked for again"
    return Ahead([Stage(what, (), ()) for what in work], work, set(), seconds, found, known.notes, missing)


def _work(effort: Effort, study: Study, known: Known) -> Work:
    size = known.size(effort.model) if isinstance(effort.model, str) else shaped(study, effort.model)
    verifier = known.size("prm" if study.checkpoints else "base")
    trained = training(size, effort.learned, WHOLE * effort.n_models, effort.processes)
    return sampling(size, effort.asked) + scoring(verifier, effort.asked) + trained


class _Foreseen:
    """What an earlier run has told of the questions, or else upper limits."""

    def __init__(self, study: Study, known: Known):
        self._study, self._known, self._prompt = study, known, known.prompt_tokens()

    def n(self, split: str, at_most: int | None = None) -> int:
        (questions,) = (self._study.problems or self._study.questions).values()
        there = {"train": questions.n_train, "val": questions.n_val, "test": questions.n_test}[split]
        return there if at_most is None else min(there, at_most)

    def question(self, split: str, model: str = "base") -> Means:
        means = Means(self._prompt, self._known.solution_tokens(model, split))
        return replace(means, steps=self._known.steps()) if self._study.search else means

    def rolled_out(self, at_most: Expected, n_solutions: float) -> Expected:
        return self._known.rolled_out(at_most, n_solutions)
