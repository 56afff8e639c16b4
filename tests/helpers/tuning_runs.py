"""Short fine-tuning runs of tiny models, for tests that need PEFT."""

from pathlib import Path

import numpy as np

from helpers.model_folders import STEP
from tts_lib.common.examples import Examples
from tts_lib.training.lora import TunedAdapter, fine_tune_adapter, train_prm
from tts_lib.training.run import Curve
from tts_lib.training.settings import FineTuning, LoraAdapter
from tts_lib.training.tuning import Task

LORA = LoraAdapter(rank=4, alpha=8.0, layers="all")
QUICK = FineTuning(
    adapter=LORA, epochs=2, batch_size=16, micro_tokens=256, lr=0.01, warmup_share=0.1, schedule="cosine", dropout=0.1,
    clip_norm=1.0, gradient_checkpointing=False, checkpoints=2, checkpoint_seconds=0.0,
)  # fmt: skip


def changed(**values) -> FineTuning:
    return QUICK.model_copy(update=values)


def counting(n: int, seed: int) -> Examples:
    """Texts that count upwards from a random number, modulo 10; the first token is not learned."""
    rng = np.random.default_rng(seed)
    texts = [
        (np.arange(length) + first) % 10 + 2
        for length, first in zip(rng.integers(6, 14, n), rng.integers(10, size=n), strict=True)
    ]
    return Examples.language([t[:1].astype(np.int32) for t in texts], [t[1:].astype(np.int32) for t in texts])


def labelled(n: int, seed: int) -> Examples:
    """Texts of two steps, each labelled 0.9 after a low token and 0.2 after a high one."""
    tokens = np.random.default_rng(seed).integers(2, 10, (n, 8)).astype(np.int32)
    tokens[:, 3::4] = STEP
    closes = tokens == STEP
    target = np.where(np.roll(tokens, 1, axis=1) < 6, 0.9, 0.2) * closes
    return Examples(
        tokens.ravel(), np.arange(n + 1) * 8, closes.ravel().astype(np.float32), target.ravel().astype(np.float32)
    )


def tune_adapter(base: Path, runs: Path, settings: FineTuning = QUICK, seed: int = 0) -> TunedAdapter:
    return fine_tune_adapter(base, Task(counting(64, 0), counting(16, 1), settings, seed, "LoRA"), runs)


def tune_prm(base: Path, runs: Path, settings: FineTuning, n_examples: int = 64) -> Curve:
    return train_prm(base, Task(labelled(n_examples, 0), labelled(16, 1), settings, 0, "PRM"), runs, runs / "prm")


def same_files(a: Path, b: Path) -> bool:
    return a.read_bytes() == b.read_bytes()
