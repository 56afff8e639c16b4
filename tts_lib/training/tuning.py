"""Fine-tuning the trainable weights of a Hugging Face model on one device, in steps that can be taken up again exactly.

A step takes the same number of examples whatever they weigh; what does not fit into memory at once is computed in
parts and added up. Order and dropout are drawn from the seed and the number of the step, so that a run that was
interrupted goes on to the weights it would have had.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from tts_lib.common import rng
from tts_lib.common.errors import StudyError
from tts_lib.common.examples import Batch, Examples, pad
from tts_lib.training import hf_models
from tts_lib.training.run import Curve, Run
from tts_lib.training.settings import FineTuning

BETAS = (0.9, 0.95)  # of AdamW (paper §6.1, App. D)

Loss = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]  # model; tokens, weight and target (rows, length)
OnCheckpoint = Callable[[int, bool], None]  # the step that has ended, and whether its validation loss is the lowest


def language_loss(model: nn.Module, tokens: Tensor, weight: Tensor, target: Tensor) -> Tensor:
    """Weighted sum of the cross-entropy (nats) of the tokens that have weight; `target` is not used."""
    counts = weight[:, 1:] > 0
    logits = model(input_ids=tokens[:, :-1], use_cache=False).logits[counts].float()
    return F.cross_entropy(logits, tokens[:, 1:][counts], reduction="none") @ weight[:, 1:][counts]


def score_loss(model: nn.Module, tokens: Tensor, weight: Tensor, target: Tensor) -> Tensor:
    """Weighted sum of the binary cross-entropy against soft labels (paper App. D) where there is weight."""
    counts = weight > 0
    logits = model(input_ids=tokens, use_cache=False).logits[..., 0][counts].float()
    return F.binary_cross_entropy_with_logits(logits, target[counts], weight=weight[counts], reduction="sum")


@dataclass(frozen=True)
class Task:
    """What is learned, and how.

    Attributes:
        seed: of the study, for the order of the examples and for dropout.
        title: says in messages and on the progress bar what is trained.
        device: cpu, cuda or cuda:N.
    """

    examples: Examples
    validation: Examples
    settings: FineTuning
    seed: int
    title: str
    device: str = "cpu"


def tune(model: nn.Module, loss: Loss, task: Task, folder: Path, on_checkpoint: OnCheckpoint) -> Curve:
    """Train the parameters that require gradients; they are left as they are after the last step.

    `on_checkpoint` is called after each validation, and may be called for the same step again by a later call that
    takes the run up.

    Args:
        folder: keeps the state to resume from; named for everything the run depends on.

    Returns:
        See `Run.curve`, one value for each checkpoint.

    Raises:
        StudyError: the memory does not suffice, a loss is not finite, or the state of an earlier run is damaged.
    """
    tuner = _Tuner(model, loss, task, folder, on_checkpoint)
    run, device = tuner.run, tuner.device
    bar = tqdm(total=tuner.n_total, initial=run.n_steps, unit="step", desc=task.title, mininterval=2)
    try:
        with bar, torch.random.fork_rng([device] if device.type == "cuda" else []):
            while run.n_steps < tuner.n_total:
                tuner.step()
                bar.update()
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        raise StudyError(
            f"{task.title}: memory of {device} does not suffice for step {run.n_steps + 1}; lower micro_tokens "
            f"(now {task.settings.micro_tokens}) or set gradient_checkpointing to true, and run again"
        ) from error
    return run.curve


class _Tuner:
    """A model and its optimizer."""

    def __init__(self, model: nn.Module, loss: Loss, task: Task, folder: Path, on_checkpoint: OnCheckpoint):
        self.model, self.loss, self.task, self.on_checkpoint = model, loss, task, on_checkpoint
        self.device, settings = torch.device(task.device), task.settings
        self.parameters = hf_models.trainable(model)
        self.adamw = torch.optim.AdamW(self.parameters.values(), lr=settings.lr, betas=BETAS, weight_decay=0.0)
        self.per_epoch = math.ceil(len(task.examples) / settings.batch_size)
        self.n_total = settings.epochs * self.per_epoch
        n = settings.checkpoints
        self.due = {math.ceil(self.n_total * (i + 1) / n) for i in range(n)}
        self.run = Run(folder, task.title, self.parameters, self.adamw, "lr")
        self.run.take_up()

    def step(self) -> None:
        settings, run = self.task.settings, self.run
        parts = list(parts_of(self.task.examples, self._chosen(), settings.micro_tokens))
        weight = sum(float(part.weight.sum()) for part in parts) or 1.0
        self.adamw.zero_grad(set_to_none=True)
        self.model.train()
        total = 0.0
        for i, part in enumerate(parts):
            torch.manual_seed(int(rng.derive_seed("dropout", self.task.seed, run.n_steps, i)) % 2**63)
            loss = self._loss(part)
            (loss / weight).backward()
            total += float(loss.detach())
        nn.utils.clip_grad_norm_(self.parameters.values(), settings.clip_norm)
        for group in self.adamw.param_groups:
            group["lr"] = settings.lr * rate(run.n_steps, self.n_total, settings)
        self.adamw.step()
        run.count(total, weight, sum(part.n_tokens for part in parts))
        if run.n_steps in self.due:
            self._checkpoint()
        if run.n_steps in self.due or run.is_due(settings.checkpoint_seconds):
            run.write()

    def _chosen(self) -> np.ndarray:
        """The examples of the present step."""
        epoch, i = divmod(self.run.n_steps, self.per_epoch)
        order = rng.generator("tuning order", self.task.seed, epoch).permutation(len(self.task.examples))
        return order[i * self.task.settings.batch_size :][: self.task.settings.batch_size]

    def _loss(self, part: Batch) -> Tensor:
        tensors = [torch.from_numpy(array).to(self.device) for array in (part.tokens, part.weight, part.target)]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=hf_models.half_precision(self.device)):
            return self.loss(self.model, *tensors)

    @torch.no_grad()
    def _checkpoint(self) -> None:
        self.model.eval()
        everything = np.arange(len(self.task.validation))
        parts = list(parts_of(self.task.validation, everything, self.task.settings.micro_tokens))
        loss, weight = sum(float(self._loss(part)) for part in parts), sum(float(part.weight.sum()) for part in parts)
        self.on_checkpoint(self.run.n_steps, self.run.evaluated(loss, weight))


def rate(step: int, n_total: int, settings: FineTuning) -> float:
    """Share of the peak learning rate at a step counted from 0: a linear rise, then constant or half a cosine to 0."""
    warmup = round(settings.warmup_share * n_total)
    if step < warmup:
        return (step + 1) / warmup
    if settings.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, n_total - warmup)))


def parts_of(examples: Examples, chosen: np.ndarray, micro_tokens: int) -> Iterator[Batch]:
    """The chosen examples in order of length, as many at once as padded take `micro_tokens`, but at least one."""
    lengths = np.diff(examples.offsets)
    chosen = chosen[np.argsort(lengths[chosen], kind="stable")]
    first = 0
    for i in range(1, len(chosen) + 1):
        if i == len(chosen) or (i + 1 - first) * lengths[chosen[i]] > micro_tokens:
            yield pad(examples, chosen[first:i])
            first = i
