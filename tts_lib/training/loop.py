"""The training loop: data-parallel worker processes, Muon + AdamW, checkpoints that resume exactly.

`fit` starts `workers` processes with one thread each (faster than one process with as many threads),
splits every batch's rows between them and sums their gradients. The result depends on `workers` but not
on the machine's load, on interruptions or on where a checkpoint fell.
"""

import copy
import dataclasses
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.distributed as dist
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.multiprocessing import ProcessExitedException, ProcessRaisedException
from tqdm import tqdm

from tts_lib.common import rng
from tts_lib.common.errors import StudyError
from tts_lib.common.examples import Batch, Examples, batches
from tts_lib.common.processes import die_with_client
from tts_lib.models.llama import Llama
from tts_lib.models.scorer import Scorer
from tts_lib.training.muon import Muon

Keep = Literal["best", "last", "all"]  # weights: of the lowest validation loss, the last, or of every evaluation
N_PARTS = {"qkv": 3, "gate_up": 2}  # matrices that hold several projections


@dataclass(frozen=True)
class Training:
    """Settings of one run; learning rates are peaks, shares are of the whole run."""

    n_epochs: int
    batch_tokens: int
    lr_muon: float
    lr_adamw: float
    dropout: float
    workers: int
    seed: int
    warmup_steps: int = 50
    decay_share: float = 0.4
    n_evaluations: int = 20
    checkpoint_seconds: float = 60.0


@dataclass(frozen=True)
class Trained:
    """The best (or last) weights and the loss curve: tokens seen, training and validation loss at each evaluation."""

    state: dict[str, Tensor]
    curve: dict[str, list[float]]
    n_tokens: int
    kept: tuple[dict[str, Tensor], ...] = ()  # the weights at each evaluation, where all are kept

    def of(self, state: dict[str, Tensor]) -> "Trained":
        """The same run with other weights of it."""
        return dataclasses.replace(self, state=state)


def language_loss(model: Llama, batch: Batch, dropout: float) -> Tensor:
    """Summed cross-entropy (nats) of the tokens that have weight."""
    tokens, counts = torch.from_numpy(batch.tokens), torch.from_numpy(batch.weight)[:, 1:] > 0
    hidden = model(tokens[:, :-1], dropout)[counts]
    return F.cross_entropy(model.logits(hidden), tokens[:, 1:][counts], reduction="sum")


def score_loss(model: Scorer, batch: Batch, dropout: float) -> Tensor:
    """Summed binary cross-entropy against soft labels (paper App. D), weighted by position."""
    weight = torch.from_numpy(batch.weight)
    counts = weight > 0
    logits = model(torch.from_numpy(batch.tokens), dropout)[counts]
    target = torch.from_numpy(batch.target)[counts]
    return F.binary_cross_entropy_with_logits(logits, target, weight=weight[counts], reduction="sum")


def fit(
    model: Llama | Scorer,
    examples: Examples,
    training: Training,
    checkpoint: Path,
    validation: Examples,
    title: str,
    keep: Keep = "best",
) -> Trained:
    """Train `model` from its present weights; return those of the lowest validation loss, or else the last ones.

    With keep "all" those of every evaluation come along.

    `checkpoint` is a folder named for everything the run depends on: a run found there is taken up again.
    """
    if (checkpoint / "done.safetensors").exists():
        return _read(checkpoint)
    checkpoint.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        arguments = (
            model,
            examples,
            training,
            checkpoint,
            validation,
            title,
            keep,
            os.path.join(scratch, "rendezvous"),
        )
        try:
            # Forked from a process that has imported all this, and nothing else: a new one would take seconds to.
            multiprocessing.get_context("forkserver").set_forkserver_preload([__name__])
            torch.multiprocessing.start_processes(_work, arguments, nprocs=training.workers, start_method="forkserver")
        except (ProcessExitedException, ProcessRaisedException) as error:
            raise StudyError(f"{title}: a training process failed: {str(error).strip().splitlines()[-1]}") from error
    return _read(checkpoint)


def _read(checkpoint: Path) -> Trained:
    tensors = load_file(checkpoint / "done.safetensors")
    curve = {k.removeprefix("curve."): tensors.pop(k).tolist() for k in list(tensors) if k.startswith("curve.")}
    kept: dict[int, dict[str, Tensor]] = {}
    for key in [key for key in tensors if key.startswith("kept.")]:
        _, number, name = key.split(".", 2)
        kept.setdefault(int(number), {})[name] = tensors.pop(key)
    losses = {k: v for k, v in curve.items() if k != "n_tokens"}
    return Trained(tensors, losses, int(curve["n_tokens"][0]), tuple(kept[i] for i in sorted(kept)))


def _work(
    rank: int,
    model: Llama | Scorer,
    examples: Examples,
    training: Training,
    checkpoint: Path,
    validation: Examples,
    title: str,
    keep: Keep,
    rendezvous: str,
) -> None:
    die_with_client()
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=training.workers)
    model = copy.deepcopy(model)  # what is passed to a process stays shared memory with the other workers
    run = _Run(rank, model, examples, training, checkpoint, validation, keep)
    bar = tqdm(total=run.n_total, unit="tok", unit_scale=True, desc=title, disable=rank > 0, mininterval=2)
    for batch in run.remaining():
        run.step(batch)
        bar.update(batch.n_tokens if bar.n else run.n_seen)
    run.finish()
    dist.destroy_process_group()


class _Run:
    """One worker's model, optimizers and place in the data."""

    def __init__(self, rank, model, examples, training, checkpoint, validation, keep: Keep):
        self.rank, self.model, self.training, self.checkpoint = rank, model, training, checkpoint
        self.examples, self.validation, self.keep = examples, validation, keep
        self.loss = score_loss if isinstance(model, Scorer) else language_loss
        named = dict(model.named_parameters())
        matrices = {n: p for n, p in named.items() if "blocks." in n and p.ndim == 2}
        self.parameters = list(named.values())
        self.muon = Muon(matrices, lambda n: N_PARTS.get(n.rsplit(".", 1)[-1], 1), training.lr_muon)
        rest = [p for n, p in named.items() if n not in matrices]
        self.adamw = torch.optim.AdamW(rest, lr=training.lr_adamw, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
        self.n_total = training.n_epochs * len(examples.tokens)
        self.n_seen = self.n_steps = 0
        self.best = float("inf")
        self.best_state: dict[str, Tensor] = {}
        self.kept: dict[str, Tensor] = {}  # by number of the evaluation and name
        self.curve: dict[str, list[float]] = {"tokens": [], "loss": [], "validation": []}
        self.recent = [0.0, 0.0]  # summed loss and weight since the last evaluation
        self.saved_at = time.monotonic()
        self._resume()

    def remaining(self) -> Iterator[Batch]:
        stream = batches(
            self.examples,
            self.training.batch_tokens,
            self.training.n_epochs,
            rng.generator("batches", self.training.seed),
        )
        for i, batch in enumerate(stream):
            if i >= self.n_steps:
                yield batch

    def step(self, batch: Batch) -> None:
        t = self.training
        share_left = 1 - self.n_seen / self.n_total
        scale = min(1.0, (self.n_steps + 1) / t.warmup_steps) * min(1.0, share_left / t.decay_share)
        for p in self.parameters:
            p.grad = None
        if t.dropout:  # owned by the step, so that a resumed run drops the same
            torch.manual_seed(int(rng.derive_seed("dropout", t.seed, self.rank, self.n_steps)) % 2**63)
        mine, weight = batch.rows(slice(self.rank, None, t.workers)), float(batch.weight.sum())
        loss = self.loss(self.model, mine, t.dropout) if len(mine.tokens) else 0.0 * self.parameters[0].sum()
        (loss / weight).backward()
        loss = self._sum_over_workers(loss.detach())
        self.muon.step(scale)
        for group in self.adamw.param_groups:
            group["lr"] = t.lr_adamw * scale
        self.adamw.step()
        self.recent = [self.recent[0] + loss, self.recent[1] + weight]
        every = self.n_total / t.n_evaluations
        self.n_steps += 1
        due = int((self.n_seen + batch.n_tokens) / every) > int(self.n_seen / every)
        self.n_seen += batch.n_tokens
        if due:
            self._evaluate()
        if self.rank == 0 and time.monotonic() - self.saved_at > t.checkpoint_seconds:
            self._save()

    def _sum_over_workers(self, loss: Tensor) -> float:
        """Sums the gradients in place; returns the summed loss."""
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        flat = torch.cat([loss.view(1), *(g.flatten() for g in grads)])
        dist.all_reduce(flat)
        for p, piece in zip(self.parameters, flat[1:].split([p.numel() for p in self.parameters]), strict=True):
            p.grad = piece.view_as(p)
        return float(flat[0])

    @torch.no_grad()
    def _evaluate(self) -> None:
        sums = torch.zeros(2, dtype=torch.float64)
        stream = batches(self.validation, self.training.batch_tokens, 1, rng.generator("validation"))
        for i, batch in enumerate(stream):
            if i % self.training.workers == self.rank:
                sums[0] += self.loss(self.model, batch, 0.0)
                sums[1] += float(batch.weight.sum())
        dist.all_reduce(sums)
        self.curve["tokens"].append(float(self.n_seen))
        self.curve["loss"].append(self.recent[0] / self.recent[1])
        self.curve["validation"].append(float(sums[0] / sums[1]))
        self.recent = [0.0, 0.0]
        state = self.model.state_dict()
        if self.keep == "all":
            number = len(self.curve["validation"]) - 1
            self.kept |= {f"kept.{number}.{k}": v.clone() for k, v in state.items()}
        if self.keep == "best" and self.curve["validation"][-1] < self.best:
            self.best = self.curve["validation"][-1]
            self.best_state = {k: v.clone() for k, v in state.items()}

    def finish(self) -> None:
        if self.rank:
            return
        tensors = self.best_state or self.model.state_dict()
        curve = {f"curve.{k}": torch.tensor(v, dtype=torch.float64) for k, v in self.curve.items()}
        curve["curve.n_tokens"] = torch.tensor([self.n_seen], dtype=torch.float64)
        _write(tensors | self.kept | curve, self.checkpoint / "done.safetensors")
        (self.checkpoint / "resume.safetensors").unlink(missing_ok=True)

    def _save(self) -> None:
        state = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        state |= {f"best.{k}": v for k, v in self.best_state.items()} | self.kept | self.muon.state()
        for i, slots in self.adamw.state_dict()["state"].items():
            state |= {f"adamw.{i}.{k}": v for k, v in slots.items()}
        state |= {f"curve.{k}": torch.tensor(v, dtype=torch.float64) for k, v in self.curve.items()}
        place = [self.n_seen, self.n_steps, self.best, *self.recent]
        state["place"] = torch.tensor(place, dtype=torch.float64)
        _write(state, self.checkpoint / "resume.safetensors")
        self.saved_at = time.monotonic()

    def _resume(self) -> None:
        path = self.checkpoint / "resume.safetensors"
        if not path.exists():
            return
        saved = load_file(path)

        def under(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in saved.items() if k.startswith(prefix)}

        self.model.load_state_dict(under("model."))
        self.best_state = under("best.")
        self.kept = {k: v for k, v in saved.items() if k.startswith("kept.")}
        self.muon.velocity.update(under("muon."))
        slots: dict[int, dict[str, Tensor]] = {}
        for key, value in under("adamw.").items():
            i, name = key.split(".", 1)
            slots.setdefault(int(i), {})[name] = value
        self.adamw.load_state_dict(self.adamw.state_dict() | {"state": slots})
        self.curve = {k: v.tolist() for k, v in under("curve.").items()}
        n_seen, n_steps, self.best, loss, weight = saved["place"].tolist()
        self.n_seen, self.n_steps = int(n_seen), int(n_steps)
        self.recent = [loss, weight]


def _write(tensors: dict[str, Tensor], path: Path) -> None:
    partial = path.with_suffix(".partial")
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, partial)
    os.replace(partial, path)
