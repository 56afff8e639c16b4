"""Fine-tuning Hugging Face checkpoints: LoRA adapters for policies, process reward models with or without an adapter.

A run has a folder of its own in `runs`, named by all that its result depends on: a call with the same arguments goes
on with what was interrupted and gives back what was finished. What is trained has 32 bits. On a CPU all is computed in
them; on a GPU that can, products are in bfloat16, and what an adapter leaves alone stays as it is stored.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from tts_lib.common.errors import StudyError
from tts_lib.common.examples import Examples
from tts_lib.common.files import write_atomically
from tts_lib.models import adapter
from tts_lib.models.checkpoint import checkpoint_hash
from tts_lib.training import hf_models
from tts_lib.training.run import Curve, completed, damaged, read_tensors, write_tensors
from tts_lib.training.tuning import Loss, OnCheckpoint, Task, language_loss, score_loss, tune

CURVE_FILE, BEST_FILE = "curve.json", "best.safetensors"

Start = Callable[[], tuple[nn.Module, OnCheckpoint]]  # the model as it is before the run, and what a checkpoint keeps


@dataclass(frozen=True)
class TunedAdapter:
    """The folder of a policy's adapter after each checkpoint; `curve` (see `tune`) has an entry for each."""

    folders: list[Path]
    curve: Curve


def fine_tune_adapter(checkpoint: Path, task: Task, runs: Path) -> TunedAdapter:
    """Train a LoRA adapter of a causal language model on the tokens that have weight (`Examples.language`).

    Every checkpoint is kept, as a folder that PEFT and vLLM load, so that one can be chosen by what it samples: for
    revision models validation loss is a poor guide (paper §6.1).

    Raises:
        StudyError: settings without an adapter, missing or damaged weights, an example that the model cannot read,
            too little memory, a device that is not there, a loss that is not finite, or PEFT is not installed.
    """
    lora = task.settings.adapter
    if lora is None:
        raise StudyError(f"{task.title}: the settings have no adapter; give its rank, alpha and layers")
    base_hash = checkpoint_hash(checkpoint)
    run = _folder(("adapter", base_hash), checkpoint, task, runs)

    def folder(step: float) -> Path:
        return run / f"checkpoint-{int(step):06d}"

    def start() -> tuple[nn.Module, OnCheckpoint]:
        model = hf_models.load_policy(checkpoint, task.settings, torch.device(task.device), task.seed)

        def keep(step: int, is_lowest: bool) -> None:
            adapter.write(folder(step), hf_models.adapter_tensors(model), lora.rank, lora.alpha, base_hash)

        return model, keep

    curve = _curve(task, language_loss, run, start)
    return TunedAdapter([folder(step) for step in curve["step"]], curve)


def train_prm(checkpoint: Path, task: Task, runs: Path, folder: Path) -> Curve:
    """Train a process reward model on the body of a language model, and write it as the model folder `folder`.

    A linear head, zero at first, gives every token a logit; its sigmoid at the token that closes a step is the step's
    score. It learns soft labels where there is weight (`labels` and `placed` of `tts_lib.verifiers`). Kept are the
    weights of the lowest validation loss (paper App. D), an adapter merged into them: a folder for
    `AutoModelForTokenClassification` with one label, which needs no PEFT.

    Returns:
        The loss curve, see `tts_lib.training.run.Run`.

    Raises:
        StudyError: see `fine_tune_adapter`; settings without an adapter train every weight.
    """
    run = _folder(("prm", checkpoint_hash(checkpoint)), checkpoint, task, runs)

    def start() -> tuple[nn.Module, OnCheckpoint]:
        model = hf_models.load_scorer(checkpoint, task.settings, torch.device(task.device), task.seed)

        def keep(step: int, is_lowest: bool) -> None:
            if is_lowest:
                write_tensors(run / BEST_FILE, hf_models.trainable(model))

        return model, keep

    curve = _curve(task, score_loss, run, start)
    model, _ = start()
    hf_models.save_scorer(model, read_tensors(run / BEST_FILE), checkpoint, folder)
    return curve


def _folder(start: tuple[str, ...], checkpoint: Path, task: Task, runs: Path) -> Path:
    """The folder of the task's run, once it is certain that the model can read every example."""
    for name, part in (("training", task.examples), ("validation", task.validation)):
        _check(part, f"{task.title}: {name}", checkpoint)
    names = (start, task.seed, _device(task.device).type, task.settings.model_dump(exclude={"checkpoint_seconds"}))
    digest = hashlib.sha256(repr(names).encode())
    for array in (*vars(task.examples).values(), *vars(task.validation).values()):
        digest.update(np.ascontiguousarray(array).data)
    return runs / digest.hexdigest()[:32]


def _check(examples: Examples, name: str, checkpoint: Path) -> None:
    config = hf_models.read_config(checkpoint).get_text_config()
    window = getattr(config, "max_position_embeddings", None)
    if not examples.weight.any():
        raise StudyError(f"{name} has no token with weight; give more examples")
    lengths = np.diff(examples.offsets)
    longest = int(lengths.argmax())
    if window is not None and lengths[longest] > window:
        raise StudyError(
            f"{name} example {longest} has {lengths[longest]} tokens, but the window of {checkpoint} is {window}; "
            "leave such examples out or shorten their history"
        )
    if not 0 <= examples.tokens.min() <= examples.tokens.max() < config.vocab_size:
        raise StudyError(f"{name} has tokens outside the vocabulary of {checkpoint}, 0 to {config.vocab_size - 1}")


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # a build without CUDA asserts
        raise StudyError(f"device {name} is not there; give cpu, or cuda on a machine with a GPU") from error
    return device


def _curve(task: Task, loss: Loss, run: Path, start: Start) -> Curve:
    """The curve of the task's run, which is trained to its end unless it has come there before."""

    def train() -> None:
        model, keep = start()
        curve = tune(model, loss, task, run, keep)
        del model, keep
        torch.cuda.empty_cache()  # what samples next finds the memory free; does nothing without a GPU
        write_atomically(run / CURVE_FILE, (json.dumps(curve, indent=2) + "\n").encode())

    done = completed(run, CURVE_FILE, task.title, train)
    try:
        return json.loads(done.read_text())
    except ValueError as error:
        raise damaged(done) from error
