"""Tiny random models, for tests of engines and folders."""

from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers

from tts_lib.models.folder import ModelConfig, write

VOCAB, STEP, END, WINDOW = 131, 0, 1, 96
SHAPE = {"n_layers": 2, "width": 32, "n_heads": 2, "width_mlp": 72}


def tiny_tokenizer(vocab_size: int = VOCAB) -> Tokenizer:
    words = {"\n": STEP, "<end>": END} | {f"t{i}": i for i in range(2, vocab_size)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<end>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("\n", behavior="isolated")  # pyright: ignore[reportAttributeAccessIssue]
    return tokenizer


def random_folder(folder: Path, verifier: bool = False, scale: float = 0.2, window: int = WINDOW, **shape: Any) -> Path:
    """A model of normal(0, scale) matrices, whose text ends steps and solutions now and then.

    Args:
        shape: what is other than in `SHAPE`; n_groups and is_tied of `ModelConfig`.
    """
    own = SHAPE | shape
    config = ModelConfig(
        VOCAB, max_length=window, rope_theta=10_000.0, norm_eps=1e-5, end_token=END, has_score_head=verifier, **own
    )
    rng = np.random.default_rng(own["width"])
    state = {
        name: (rng.normal(1, 0.1, shape) if len(shape) == 1 else rng.normal(0, scale, shape)).astype(np.float32)
        for name, shape in config.tensor_shapes().items()
    }
    write(folder, config, state, tiny_tokenizer(), "# A random model\n")
    return folder
