"""Fine-tuning the trainable weights of a Hugging Face model on one device, in steps that can be taken up again exactly.

A step takes the same number of examples whatever they weigh; what does not fit into memory at once is computed in
parts and added up. Order and dropout are drawn from the seed and the number of the step, so that a run that was
interrupted goes on to the weights it would have had.
"""

import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from tts_lib.common import rng
from tts_lib.common.errors import StudyError
from tts_lib.common.examples import Batch, Examples, pad
from tts_lib.common.files import WriteError, explain
from tts_lib.training import hf_models
from tts_lib.training.settings import FineTuning

BETAS = (0.9, 0.95)  # of AdamW (paper §6.1, App. D)
RESUME = "resume.safetensors"
CURVE = ("step", "tokens", "loss", "validation")

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
    """What is learned, and how: the arguments that every run shares.

    Attributes:
        folder: keeps the state to resume from; named for everything the run depends on.
        seed: of the study, for the order of the examples and for dropout.
        title: says in messages and on the progress bar what is trained.
    """

    examples: Examples
    validation: Examples
    settings: FineTuning
    folder: Path
    seed: int
    device: torch.device
    title: str


def tune(model: nn.Module, loss: Loss, task: Task, on_checkpoint: OnCheckpoint) -> dict[str, list[float]]:
    """Train the parameters that require gradients; they are left as they are after the last step.

    `on_checkpoint` is called after each validation, and may be called for the same step again by a later run that takes
    this one up. The state of the finished run stays in the task's folder (RESUME): a second call returns at once.

    Returns:
        CURVE, one value for each checkpoint: steps done, tokens seen, training loss since the last one, validation
        loss; losses in nats per unit of weight.

    Raises:
        StudyError: the memory does not suffice, the loss is no number, or the state of an earlier run is damaged.
    """
    run = _Run(model, loss, task, on_checkpoint)
    bar = tqdm(total=run.n_total, initial=run.n_steps, unit="step", desc=task.title, mininterval=2)
    try:
        with bar, torch.random.fork_rng([task.device] if task.device.type == "cuda" else []):
            while run.n_steps < run.n_total:
                run.step()
                bar.update()
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        raise StudyError(
            f"{task.title}: memory of {task.device} does not suffice for step {run.n_steps + 1}; lower micro_tokens "
            f"(now {task.settings.micro_tokens}) or set gradient_checkpointing to true, and run again"
        ) from error
    return run.curve


class _Run:
    """A model, its optimizer and its place in the data."""

    def __init__(self, model: nn.Module, loss: Loss, task: Task, on_checkpoint: OnCheckpoint):
        self.model, self.loss, self.task, self.on_checkpoint = model, loss, task, on_checkpoint
        settings = task.settings
        self.parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.adamw = torch.optim.AdamW(list(self.parameters.values()), lr=settings.lr, betas=BETAS, weight_decay=0.0)
        self.per_epoch = math.ceil(len(task.examples) / settings.batch_size)
        self.n_total = settings.epochs * self.per_epoch
        n = settings.checkpoints
        self.due = {math.ceil(self.n_total * (i + 1) / n) for i in range(n)}
        self.n_steps = self.n_tokens = 0
        self.recent = [0.0, 0.0]  # summed loss and weight since the last validation
        self.curve: dict[str, list[float]] = {name: [] for name in CURVE}
        self.saved_at = time.monotonic()
        task.folder.mkdir(parents=True, exist_ok=True)
        self._resume()

    def step(self) -> None:
        chosen = self._chosen()
        parts = list(parts_of(self.task.examples, chosen, self.task.settings.micro_tokens))
        weight = sum(float(part.weight.sum()) for part in parts) or 1.0
        self.adamw.zero_grad(set_to_none=True)
        self.model.train()
        total = 0.0
        for i, part in enumerate(parts):
            torch.manual_seed(int(rng.derive_seed("dropout", self.task.seed, self.n_steps, i)) % 2**63)
            loss = self._loss(part)
            (loss / weight).backward()
            total += float(loss.detach())
        self._must_be_number(f"the loss of step {self.n_steps + 1}", total)
        nn.utils.clip_grad_norm_(self.parameters.values(), self.task.settings.clip_norm)
        for group in self.adamw.param_groups:
            group["lr"] = self.task.settings.lr * rate(self.n_steps, self.n_total, self.task.settings)
        self.adamw.step()
        self.n_steps += 1
        self.n_tokens += sum(part.n_tokens for part in parts)
        self.recent = [self.recent[0] + total, self.recent[1] + weight]
        if self.n_steps in self.due:
            self._checkpoint()
        if self.n_steps in self.due or time.monotonic() - self.saved_at > self.task.settings.checkpoint_seconds:
            self._save()

    def _chosen(self) -> np.ndarray:
        """The examples of the present step."""
        epoch, i = divmod(self.n_steps, self.per_epoch)
        order = rng.generator("tuning order", self.task.seed, epoch).permutation(len(self.task.examples))
        return order[i * self.task.settings.batch_size :][: self.task.settings.batch_size]

    def _loss(self, part: Batch) -> Tensor:
        device = self.task.device
        tensors = [torch.from_numpy(array).to(device) for array in (part.tokens, part.weight, part.target)]
        with torch.autocast(device.type, torch.bfloat16, enabled=hf_models.half_precision(device)):
            return self.loss(self.model, *tensors)

    @torch.no_grad()
    def _checkpoint(self) -> None:
        self.model.eval()
        everything = np.arange(len(self.task.validation))
        parts = list(parts_of(self.task.validation, everything, self.task.settings.micro_tokens))
        loss = sum(float(self._loss(part)) for part in parts) / sum(float(part.weight.sum()) for part in parts)
        self._must_be_number(f"the validation loss after step {self.n_steps}", loss)
        best = loss < min(self.curve["validation"], default=math.inf)
        values = (self.n_steps, self.n_tokens, self.recent[0] / self.recent[1], loss)
        for name, value in zip(CURVE, values, strict=True):
            self.curve[name].append(float(value))
        self.recent = [0.0, 0.0]
        self.on_checkpoint(self.n_steps, best)

    def _must_be_number(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            raise StudyError(f"{self.task.title}: {what} is {value}; lower lr")

    def _save(self) -> None:
        state = {f"model.{name}": p for name, p in self.parameters.items()}
        for name, p in self.parameters.items():
            state |= {f"adamw.{key}.{name}": value for key, value in self.adamw.state[p].items()}
        state |= {f"curve.{name}": torch.tensor(values, dtype=torch.float64) for name, values in self.curve.items()}
        state["place"] = torch.tensor([self.n_steps, self.n_tokens, *self.recent], dtype=torch.float64)
        write_tensors(self.task.folder / RESUME, state)
        self.saved_at = time.monotonic()

    def _resume(self) -> None:
        path = self.task.folder / RESUME
        if not path.exists():
            return
        try:
            saved = load_file(path)
            with torch.no_grad():
                for name, p in self.parameters.items():
                    p.copy_(saved[f"model.{name}"])
            names = {f"adamw.{key}.": key for key in ("step", "exp_avg", "exp_avg_sq")}
            slots = {
                i: {key: saved[prefix + name] for prefix, key in names.items()}
                for i, name in enumerate(self.parameters)
            }
            self.adamw.load_state_dict(self.adamw.state_dict() | {"state": slots})
            self.curve = {name: saved[f"curve.{name}"].tolist() for name in CURVE}
            n_steps, n_tokens, *self.recent = saved["place"].tolist()
        except (SafetensorError, OSError, KeyError, RuntimeError, ValueError) as error:
            raise StudyError(f"{path} is damaged; delete it, and the run starts from the checkpoint again") from error
        self.n_steps, self.n_tokens = int(n_steps), int(n_tokens)


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


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write a safetensors file, whole or not at all.

    Raises:
        WriteError: disk full, no permission, ...
    """
    partial = path.with_suffix(".partial")
    try:
        save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, partial)
        os.replace(partial, path)
    except OSError as error:
        raise WriteError(explain(error, path)) from error
    except SafetensorError as error:  # what the file system said is in its text
        raise StudyError(f"cannot write {path}: {error}; free space on the disk, and run again") from error
