"""All that a study needs, put together."""

from collections.abc import Collection, Mapping
from pathlib import Path

from tts_lib.common.errors import StudyError
from tts_lib.plan.known import Known
from tts_lib.plan.ledger import Work
from tts_lib.plan.needs import checkpoints, disk, files, memory, packages
from tts_lib.plan.work import total
from tts_lib.study import stages
from tts_lib.study.config.engine import Vllm
from tts_lib.study.config.study import Study

GB = 1e9
LOADERS = frozenset(  # groups of stages that load models
    "model-trained model-checkpoint model-longer generate verifier score search revisions revision_verifier".split()
)


def missing(study: Study, known: Known, folder: Path, left: Mapping[str, Work]) -> list[str]:
    """A sentence for each thing that is missing; what the study takes of this machine is noted in `known`.

    Args:
        folder: from which the study's files are seen.
        left: the stages that are left, with their work.
    """
    loaders = LOADERS & {stages.kind(name) for name in left}
    found = [*files.missing(study, folder), *packages.missing(study, loaders)]
    sizes: dict[str, float] = {}
    if loaders:
        found += checkpoints.missing(study, folder)
        try:
            for model, name in checkpoints.downloads(study, folder).items():
                sizes[name] = checkpoints.STORED * known.size(model).total
            found += memory.missing(study, known, loaders)
            known.notes |= _memory_notes(study, known, loaders)
        except StudyError as error:  # the size of a model is not known
            known.notes["numbers"] = str(error)
        if here := checkpoints.names(study) - set(sizes):
            known.notes["downloaded"] = ", ".join(sorted(here))
    if sizes:
        each = ", ".join(f"{name} {size / GB:.1f} GB" for name, size in sizes.items())
        known.notes["to download"] = f"{each}, into {checkpoints.cache()}"
    if gated := [name for name in sizes if name.startswith(checkpoints.GATED)]:
        known.notes["gated"] = f"{', '.join(gated)}: you must have accepted the licence"
    made = disk.needed(total(list(left.values())).storage) if left else 0.0
    known.notes["disk"] = f"about {made / GB:.1f} GB for what is to be made"
    return [*found, *disk.missing(folder, made, checkpoints.cache(), sum(sizes.values()))]


def _memory_notes(study: Study, known: Known, loaders: Collection[str]) -> dict[str, str]:
    if not (wanted := memory.wants(study, known, loaders)):
        return {}
    most = max(wanted, key=lambda want: want.total)
    notes = {"GPU memory": f"about {most.total / memory.GIB:.0f} GiB ({most.what})"}
    if isinstance(study.engine, Vllm):
        device = min(memory.gpus(), default=memory.USUAL)
        held = ", ".join(f"{memory.at_once(study, known, model, device):,} of {model}" for model in study.taken)
        notes["solutions at once"] = (
            f"{held} in {device / memory.GIB:.0f} GiB; engine.max_sequences is {study.engine.max_sequences}"
        )
    return notes
