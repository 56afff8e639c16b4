"""Models of other sizes than the study's own, from the same corpus by the same recipe."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from tts_lib.common.examples import Examples
from tts_lib.models.llama import LlamaShape
from tts_lib.training import policies
from tts_lib.training.loop import Trained, Training


@dataclass(frozen=True, eq=False)
class Material:
    """What every size learns from."""

    corpus: Examples
    validation: Examples
    tokenizer: Tokenizer
    end_token: int  # of a solution
    max_length: int  # window, tokens

    def shape(self, size: Mapping[str, int]) -> LlamaShape:
        """A model of n_layers, width, n_heads, width_mlp for these texts."""
        return LlamaShape(vocab_size=self.tokenizer.get_vocab_size(), max_length=self.max_length, **size)


def make(
    material: Material,
    size: Mapping[str, int],
    training: Training,
    folders: Mapping[int, Path],
    checkpoints: Path,
    title: str,
) -> list[Trained]:
    """Train a model of this size on each number of tokens and save it in its folder.

    Args:
        size: see `Material.shape`.
        folders: number of tokens, ascending -> where the model goes, whose name it bears.
        title: says in messages what is trained.

    Raises:
        StudyError, WriteError: see `loop.fit`.
    """
    shape = material.shape(size)
    corpus, validation = material.corpus, material.validation
    made = policies.pretrain_lengths(shape, corpus, validation, training, checkpoints, title, list(folders))
    for folder, trained in zip(folders.values(), made, strict=True):
        policies.save_policy(folder, trained, shape, material.tokenizer, material.end_token, f"{folder.name}\n")
    return made
