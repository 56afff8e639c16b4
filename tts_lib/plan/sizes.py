"""How large the models of a study are, before they exist: the one place that counts parameters for the plan."""

import re
from dataclasses import dataclass
from math import prod
from pathlib import Path

from tts_lib.common.errors import StudyError
from tts_lib.models import checkpoint
from tts_lib.models.pointer import EMBEDDINGS
from tts_lib.questions.nano.world import World
from tts_lib.study.config.nano import Shape
from tts_lib.study.config.study import Study

NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)([BM])(?![a-zA-Z])", re.IGNORECASE)
VOCABULARY = 2**17  # of a checkpoint that is not there yet: about that of today's language models


@dataclass(frozen=True)
class Size:
    """Parameters of one model."""

    block: int  # without embeddings: what 2 N and 6 N D count
    total: int
    vocab_size: int


def named_size(name: str) -> Size | None:
    """What a checkpoint's name says of its size, such as 0.5B or 135M; None where it says nothing."""
    if not (found := NUMBER.search(name)):
        return None
    total = round({"B": 1e9, "M": 1e6}[found[2].upper()] * float(found[1]))
    return Size(total, total, VOCABULARY)


def counted(folder: Path) -> Size:
    """The size of a checkpoint on this disk, from the headers of its weights.

    Raises:
        FolderError: they are missing or damaged.
    """
    sizes = {name: prod(shape) for name, shape in checkpoint.tensor_shapes(folder).items()}
    block = sum(n for name, n in sizes.items() if not name.endswith(EMBEDDINGS))
    return Size(block, sum(sizes.values()), VOCABULARY)


def size_of(study: Study, model: str) -> Size:
    """The size of a model that the study names; verifiers and revision models are as large as `base`.

    Raises:
        StudyError: the study has no such model.
    """
    if model not in study.models:
        raise StudyError(f"The study has no model {model!r}; models has {', '.join(study.models) or 'none'}.")
    return shaped(study, study.models[model])


def shaped(study: Study, shape: Shape) -> Size:
    """The size of a model of this shape for a nano study's texts."""
    problems = study.problems["nano"]
    world = World.build(problems.n_maps, problems.n_values, problems.zipf_offset, study.seed)
    vocab_size = len(world.vocabulary)
    per_layer = 4 * shape.width**2 + 3 * shape.width * shape.width_mlp + 2 * shape.width
    block = shape.n_layers * per_layer + shape.width
    return Size(block, block + 2 * vocab_size * shape.width, vocab_size)
