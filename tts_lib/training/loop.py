"""Training a small model on a CPU: data-parallel worker processes, Muon + AdamW.

Every batch's rows are cut into `shards`, whose gradients are summed in the order of a binary tree. `fit` starts as many
processes as there are cores for, each with one thread (faster than one process with as many threads) and a branch of
the tree. The result depends on the number of shards, but not on that of the processes, on the machine's load, on
interruptions or on where a checkpoint fell.
"""

import copy
import dataclasses
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any, Literal

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException, start_processes
from tqdm import tqdm

from tts_lib.common import rng
from tts_lib.common.errors import StudyError
from tts_lib.common.examples import Batch, Examples, batches
from tts_lib.common.lifetimes import die_with_client
from tts_lib.common.processes import cores
from tts_lib.models.llama import Llama
from tts_lib.models.scorer import Scorer
from tts_lib.training.muon import Muon
from tts_lib.training.run import Curve, Run, completed, damaged, read_tensors, write_tensors

DONE = "done.safetensors"
Keep = Literal["best", "last", "all"]  # weights: of the lowest validation loss, the last, or of every evaluation
N_PARTS = {"qkv": 3, "gate_up": 2}  # matrices that hold several projections
LOSSES = ("loss", "tokens", "validation")  # of a run's curve, what is kept of a finished one


@dataclass(frozen=True)
class Training:
    """Settings of one run; learning rates are peaks, shares are of the whole run."""

    n_epochs: int
    batch_tokens: int
    lr_muon: float
    lr_adamw: float
    dropout: float
    shards: int  # a power of two
    seed: int
    warmup_steps: int = 50
    decay_share: float = 0.4
    n_evaluations: int = 20
    checkpoint_seconds: float = 60.0


@dataclass(frozen=True)
class Trained:
    """The best (or last) weights and the loss curve: tokens seen, training and validation loss at each evaluation."""

    state: dict[str, Tensor]
    curve: Curve
    n_tokens: int
    kept: tuple[dict[str, Tensor], ...] = ()  # the weights at each evaluation, where all are kept

    def of(self, state: dict[str, Tensor]) -> "Trained":
        """The same run with other weights of it."""
        return dataclasses.replace(self, state=state)


@dataclass(frozen=True)
class Task:
    """What is learned, and how; `title` says in messages and on the progress bar what is trained.

    Runs that differ in where they end do not differ until the shorter one's rate falls: the state it has there is its
    stem, from which a longer one can go on.
    """

    examples: Examples
    validation: Examples
    training: Training
    title: str
    keep: Keep
    n_tokens: int | None = None  # where it ends, if before the examples do; then it leaves a stem
    stem: Path | None = None  # of a shorter run


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


def fit(model: Llama | Scorer, task: Task, folder: Path) -> Trained:
    """Train `model` from its present weights; return those of the lowest validation loss, or else the last ones.

    With keep "all" those of every evaluation come along.

    `folder` is named for everything the run depends on: a run found there is taken up again.

    Raises:
        StudyError: a loss is not finite, a worker failed, the disk is full, or a file of an earlier run is damaged.
    """
    return _read(completed(folder, DONE, task.title, lambda: _train(model, task, folder)))


def _read(done: Path) -> Trained:
    tensors = read_tensors(done)
    try:
        curve = {name: tensors.pop(f"curve.{name}").tolist() for name in LOSSES}
        (n_tokens,) = tensors.pop("curve.n_tokens").tolist()
    except (LookupError, ValueError) as error:
        raise damaged(done) from error
    kept: dict[int, dict[str, Tensor]] = {}
    for key in [key for key in tensors if key.startswith("kept.")]:
        _, number, name = key.split(".", 2)
        kept.setdefault(int(number), {})[name] = tensors.pop(key)
    return Trained(tensors, curve, int(n_tokens), tuple(kept[i] for i in sorted(kept)))


def _train(model: Llama | Scorer, task: Task, folder: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    # Forked from a process that has imported all this, and nothing else: a new one would take seconds to. An optimizer
    # imports torch._dynamo when it is made, which takes longer than many a training here.
    context.set_forkserver_preload([__name__, "torch._dynamo"])
    refusals = context.SimpleQueue()
    with tempfile.TemporaryDirectory() as scratch:
        n = n_processes(task.training.shards)
        arguments = (n, model, task, folder, os.path.join(scratch, "rendezvous"), refusals)
        try:
            start_processes(_work, arguments, nprocs=n, start_method="forkserver")
        except (ProcessExitedException, ProcessRaisedException) as error:
            if not refusals.empty():
                raise StudyError(refusals.get()) from error
            last_line = str(error).strip().splitlines()[-1]
            raise StudyError(f"{task.title}: a training process failed: {last_line}") from error


def _work(
    rank: int, n: int, model: Llama | Scorer, task: Task, folder: Path, rendezvous: str, refusals: "SimpleQueue[str]"
) -> None:
    die_with_client()
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=n)
    try:
        _Worker(rank, copy.deepcopy(model), task, folder).run_to_the_end()  # the one passed is memory shared by all
    except StudyError as error:
        refusals.put(str(error))
        raise
    dist.destroy_process_group()


def n_processes(shards: int) -> int:
    """How many train side by side: the largest power of two that cores and shards allow."""
    return 1 << (min(cores(), shards).bit_length() - 1)


def _tree_sum(parts: Sequence[Tensor]) -> Tensor:
    """The sum of a power of two of tensors: of neighbours, then of neighbouring sums, and so on."""
    while len(parts) > 1:
        parts = [a + b for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


class _Worker:
    """One process's model and optimizers; what it computes of every step is its branch of the shards."""

    def __init__(self, rank: int, model: Llama | Scorer, task: Task, folder: Path):
        self.rank, self.model, self.task, self.folder = rank, model, task, folder
        self.loss: Callable[[Any, Batch, float], Tensor] = score_loss if isinstance(model, Scorer) else language_loss
        self.parameters = dict(model.named_parameters())
        matrices = {n: p for n, p in self.parameters.items() if "blocks." in n and p.ndim == 2}
        self.muon = Muon(matrices, lambda n: N_PARTS.get(n.rsplit(".", 1)[-1], 1), task.training.lr_muon)
        rest = [p for n, p in self.parameters.items() if n not in matrices]
        self.adamw = torch.optim.AdamW(rest, lr=task.training.lr_adamw, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
        self.n_total = task.n_tokens or task.training.n_epochs * len(task.examples.tokens)
        share = task.training.shards // dist.get_world_size()
        self.shards = range(rank * share, (rank + 1) * share)
        self.run = Run(folder, task.title, self.parameters, self.adamw, "lr_muon and lr_adamw")
        earlier = self.run.take_up(task.stem)
        self.muon.velocity |= earlier["muon"]
        self.best, self.kept = earlier["best"], earlier["kept"]  # by name; by number of the evaluation and name

    def run_to_the_end(self) -> None:
        t = self.task.training
        stream = batches(self.task.examples, t.batch_tokens, t.n_epochs, rng.generator("batches", t.seed))
        bar = tqdm(
            total=self.n_total, initial=self.run.n_tokens, unit="tok", unit_scale=True, desc=self.task.title,
            disable=self.rank > 0, mininterval=2,
        )  # fmt: skip
        with bar:
            for batch in islice(stream, self.run.n_steps, None):
                if self.run.n_tokens >= self.n_total:
                    break
                self._step(batch)
                bar.update(batch.n_tokens)
        if self.rank == 0:
            self._finish()

    def _step(self, batch: Batch) -> None:
        t, run = self.task.training, self.run
        share_left = 1 - run.n_tokens / self.n_total
        if self.rank == 0 and self.task.n_tokens and share_left < t.decay_share:
            run.leave_stem(muon=self.muon.velocity, best=self.best, kept=self.kept)
        scale = min(1.0, (run.n_steps + 1) / t.warmup_steps) * min(1.0, share_left / t.decay_share)
        weight = float(batch.weight.sum()) or 1.0
        loss = self._put_gradients(self._sum([self._gradients(batch, shard, weight) for shard in self.shards]))
        self.muon.step(scale)
        for group in self.adamw.param_groups:
            group["lr"] = t.lr_adamw * scale
        self.adamw.step()
        every = self.n_total / t.n_evaluations
        n_before = run.n_tokens
        run.count(loss, weight, batch.n_tokens)
        if int(run.n_tokens / every) > int(n_before / every):
            self._evaluate()
        if self.rank == 0 and run.is_due(t.checkpoint_seconds):
            run.write(muon=self.muon.velocity, best=self.best, kept=self.kept)

    def _gradients(self, batch: Batch, shard: int, weight: float) -> Tensor:
        """The loss of a shard's rows, and behind it the gradients of all parameters, flat."""
        t, parameters = self.task.training, list(self.parameters.values())
        if t.dropout:  # owned by the step, so that a resumed run drops the same
            torch.manual_seed(int(rng.derive_seed("dropout", t.seed, shard, self.run.n_steps)) % 2**63)
        rows = batch.rows(slice(shard, None, t.shards))
        for p in parameters:
            p.grad = None
        loss = self.loss(self.model, rows, t.dropout) if len(rows.tokens) else torch.zeros((), requires_grad=True)
        (loss / weight).backward()
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        return torch.cat([loss.detach().view(1), *(g.flatten() for g in grads)])

    def _put_gradients(self, flat: Tensor) -> float:
        """Gives the parameters their summed gradients; returns the loss."""
        parameters = list(self.parameters.values())
        for p, piece in zip(parameters, flat[1:].split([p.numel() for p in parameters]), strict=True):
            p.grad = piece.view_as(p)
        return float(flat[0])

    def _sum(self, mine: Sequence[Tensor]) -> Tensor:
        """The sum over all shards of all processes, given what this one has of its own."""
        branch = _tree_sum(mine)
        branches = [torch.empty_like(branch) for _ in range(dist.get_world_size())]
        dist.all_gather(branches, branch)
        return _tree_sum(branches)

    @torch.no_grad()
    def _evaluate(self) -> None:
        t = self.task.training
        sums = {shard: torch.zeros(2, dtype=torch.float64) for shard in self.shards}
        stream = batches(self.task.validation, t.batch_tokens, 1, rng.generator("validation"))
        for number, batch in enumerate(stream):
            if (of_shard := sums.get(number % t.shards)) is not None:
                of_shard[0] += self.loss(self.model, batch, 0.0)
                of_shard[1] += float(batch.weight.sum())
        is_lowest = self.run.evaluated(*self._sum(list(sums.values())).tolist())
        weights = self.model.state_dict()
        if self.task.keep == "all":
            number = len(self.run.curve["validation"]) - 1
            self.kept |= {f"{number}.{name}": tensor.clone() for name, tensor in weights.items()}
        if self.task.keep == "best" and is_lowest:
            self.best = {name: tensor.clone() for name, tensor in weights.items()}

    def _finish(self) -> None:
        curve = {name: self.run.curve[name] for name in LOSSES} | {"n_tokens": [float(self.run.n_tokens)]}
        tensors = dict(self.best or self.model.state_dict())
        tensors |= {f"kept.{name}": tensor for name, tensor in self.kept.items()}
        tensors |= {f"curve.{name}": torch.tensor(values, dtype=torch.float64) for name, values in curve.items()}
        write_tensors(self.folder / DONE, tensors)
