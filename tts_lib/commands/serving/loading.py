"""Opens a study's fitted choice: its table, the models that this names, the study's engine and judge.

choice = loading.load("reports/strategy.json")
choice.answer("?h=26a", budget=64)
"""

from contextlib import ExitStack
from pathlib import Path

from tts_lib.answers.protocols import Policy, Verifier
from tts_lib.commands.serving.answering import Choice
from tts_lib.commands.serving.building import Reader
from tts_lib.commands.serving.foreknown import Foreknown
from tts_lib.commands.serving.prompts import Prompts
from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.engines import opening
from tts_lib.grading.judging import Judge, open_judge
from tts_lib.models import adapter, checkpoint, pointer, vocabulary
from tts_lib.models import folder as model_folder
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.models.vocabulary import Vocabulary
from tts_lib.strategies import fitted_choice
from tts_lib.strategies.fitted_choice import FORESEEN, FittedChoice
from tts_lib.study.config import loading
from tts_lib.study.config.study import Study


def load(path: Path | str = paths.STRATEGY_TABLE) -> Choice:
    """The choice in a study's strategy table, with the models that it names, opened behind the study's engine.

    Raises:
        StudyError: the table is missing or damaged, a model is not the one it was fitted with, or cannot be served.
    """
    path = Path(path)
    table, root = fitted_choice.load(path), paths.find_root(path.parent)
    study = loading.load(root / "params.yaml")
    if table.sampling is None or study.engine is None or study.grading is None:
        raise StudyError(f"{path} comes from samples that existed already: there are no models to serve")
    with ExitStack() as stack:
        found = _opened(table, root, study, stack)
        zero = None
        if table.zero is not None and table.use in FORESEEN:
            zero = Foreknown(table.zero, root, root / table.models["base"].folder).score
        return Choice(*found, zero, resources=stack.pop_all())


def _opened(
    table: FittedChoice, root: Path, study: Study, stack: ExitStack
) -> tuple[FittedChoice, dict[str, tuple[Policy, Verifier]], dict[str, Reader], Prompts, Judge]:
    assert study.engine is not None and study.grading is not None
    engine = study.engine.model_dump(mode="json")
    folders = {role: root / model.folder for role, model in table.models.items()}
    for role, model in table.models.items():
        if (found := identity(folders[role])) != model.sha256:
            raise StudyError(
                f"the strategy table was fitted with another {role} than the one in {folders[role]} "
                f"({model.sha256[:12]}, not {found[:12]}): run `dvc repro compute_optimal`, or take these models' table"
            )
    engines: dict[str, tuple[Policy, Verifier]] = {}
    readers: dict[str, Reader] = {}
    for role, verifier in {"base": "prm", "revision": "revision_orm"}.items():
        if role in folders:
            if pointer.resolve(folders[verifier]).prm is not None:
                raise StudyError(
                    "the PRM is a declared one, which reads the study's own questions alone: it cannot be served"
                )
            policy = stack.enter_context(opening.serving(folders[role], engine))
            engines[role] = (policy, opening.open_verifier(folders[verifier], engine))
            readers[role] = reader_of(folders[role])
    judge = stack.enter_context(open_judge(study.grading.model_dump(mode="json"), root / paths.JUDGEMENTS))
    return table, engines, readers, Prompts.of(study, folders["base"]), judge


def reader_of(folder: Path) -> Reader:
    """How the texts of a policy's folder are read."""
    target = pointer.resolve(folder)
    assert target.step is not None
    known = Vocabulary.of(target.weights, target.step)
    ends = () if target.weights == folder else vocabulary.end_tokens(target.weights, known)
    return Reader(
        TokenCodec.from_folder(target.weights), (*known.step_tokens, *known.end_tokens), tuple(ends), known.window
    )


def identity(folder: Path) -> str:
    """The hash by which a strategy table names the model in a folder of `models/`."""
    target = pointer.resolve(folder)
    if target.adapter is not None:
        return adapter.read(folder).hash
    is_own = target.weights == folder
    return model_folder.weights_hash(folder) if is_own else checkpoint.checkpoint_hash(target.weights)
