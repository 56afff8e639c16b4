"""How large the models of a study are, before they exist: the one place that counts parameters for the plan."""

from dataclasses import dataclass

from tts_lib.config import Study
from tts_lib.nano import World
from tts_lib.types import StudyError


@dataclass(frozen=True)
class Size:
    """Parameters of one model."""

    block: int  # without embeddings: what 2 N and 6 N D count
    total: int
    vocab_size: int


def size_of(study: Study, model: str) -> Size:
    """The size of a model that the study names; verifiers and revision models are as large as `base`.

    Raises:
        StudyError: the study has no such model.
    """
    if model not in study.models:
        raise StudyError(f"The study has no model {model!r}; models has {', '.join(study.models) or 'none'}.")
    shape, problems = study.models[model], study.problems["nano"]
    world = World.build(problems.n_maps, problems.n_values, problems.zipf_offset, study.seed)
    vocab_size = len(world.vocabulary)
    per_layer = 4 * shape.width**2 + 3 * shape.width * shape.width_mlp + 2 * shape.width
    block = shape.n_layers * per_layer + shape.width
    return Size(block, block + 2 * vocab_size * shape.width, vocab_size)
