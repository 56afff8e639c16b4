"""The run that both training loops share: what it counts, refuses, writes, and goes on from."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from helpers.full_disk import file_size_limit
from helpers.model_folders import random_folder
from helpers.tuning_runs import changed, counting, labelled, tune_prm
from tts_lib.common import rng
from tts_lib.common.errors import StudyError
from tts_lib.common.examples import Examples
from tts_lib.common.files import WriteError
from tts_lib.models.llama import Llama, LlamaShape
from tts_lib.training import loop, run
from tts_lib.training.lora import train_prm
from tts_lib.training.run import LOCK, RESUME, Run, completed, write_tensors
from tts_lib.training.tuning import Task

WHOLE = changed(adapter=None, dropout=0.0)  # every weight is trained: needs no PEFT
QUICK = loop.Training(
    n_epochs=2, batch_tokens=256, lr_muon=0.02, lr_adamw=0.01, dropout=0.0, shards=2, seed=0, n_evaluations=2
)  # fmt: skip


class Learner:
    """Two parameters and their optimizer, whose gradients are drawn from the number of the step; a third has none."""

    def __init__(self, folder: Path):
        self.parameters = {"a": torch.zeros(3, 2), "b": torch.zeros(4), "idle": torch.zeros(1)}
        self.adamw = torch.optim.AdamW(self.parameters.values(), lr=0.1)
        self.run = Run(folder, "test", self.parameters, self.adamw, "lr")
        self.velocity = torch.zeros(2)

    def step(self) -> None:
        generator = torch.Generator().manual_seed(self.run.n_steps)
        for name in ("a", "b"):
            self.parameters[name].grad = torch.randn(self.parameters[name].shape, generator=generator)
        self.adamw.step()
        self.velocity += self.run.n_steps
        self.run.count(loss=3.0 + self.run.n_steps, weight=2.0, n_tokens=10)

    def write(self) -> None:
        self.run.write(muon={"block.0": self.velocity}, best={})

    def state(self) -> dict[str, Tensor]:
        slots = {f"{name}.{i}": t for i, s in self.adamw.state_dict()["state"].items() for name, t in s.items()}
        return {name: t.clone() for name, t in (self.parameters | slots).items()}


def learner(folder: Path, n_steps: int) -> Learner:
    made = Learner(folder)
    for _ in range(n_steps):
        made.step()
    return made


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(tensor, b[name]) for name, tensor in a.items())


# --- what is written is what goes on


def test_a_run_taken_up_goes_on_to_the_bit(tmp_path):
    whole = learner(tmp_path / "whole", 3)
    whole.run.evaluated(1.0, 4.0)
    whole.step()
    whole.write()
    again = Learner(tmp_path / "whole")
    more = again.run.take_up()
    assert (again.run.n_steps, again.run.n_tokens) == (4, 40)
    assert again.run.curve == whole.run.curve == {"step": [3], "tokens": [30], "loss": [2.0], "validation": [0.25]}
    assert same(again.state(), whole.state()) and same(more["muon"], {"block.0": whole.velocity}) and not more["best"]
    again.step()
    whole.step()
    assert same(again.state(), whole.state())
    assert not again.run.evaluated(1.0, 4.0) and not whole.run.evaluated(1.0, 4.0)  # as low is not lower
    assert again.run.curve == whole.run.curve and again.run.curve["loss"] == [2.0, 13.0 / 4.0]


def test_a_run_without_a_state_starts_at_its_start(tmp_path):
    fresh = Learner(tmp_path)
    assert not fresh.run.take_up() and not list(tmp_path.iterdir())
    assert (fresh.run.n_steps, fresh.run.n_tokens) == (0, 0) and not any(fresh.run.curve.values())


def test_a_state_is_due_when_the_last_is_older_than_asked(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(run.time, "monotonic", lambda: now[0])
    started = learner(tmp_path, 1)
    now[0] += 5.0
    assert started.run.is_due(4.9) and not started.run.is_due(5.0)
    started.write()
    assert not started.run.is_due(0.0)


def test_a_finished_run_is_not_done_again_and_leaves_only_its_result(tmp_path):
    calls = []

    def train() -> None:
        calls.append(sorted(path.name for path in tmp_path.iterdir()))
        (tmp_path / "result").write_text("done")

    for name in (RESUME, ".tmpXyz", f".{RESUME}.1-a.tmp"):  # the last two as kills leave them
        (tmp_path / name).write_text("")
    (tmp_path / ".checkpoint-old").mkdir()
    assert completed(tmp_path, "result", "a run", train) == tmp_path / "result"
    (tmp_path / RESUME).write_text("")  # killed after the result was written, before the state was removed
    completed(tmp_path, "result", "a run", train)
    assert calls == [[".checkpoint-old", RESUME, LOCK]]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".checkpoint-old", "result", LOCK]


def test_a_run_under_way_in_another_study_is_waited_for(tmp_path, caplog):
    begun, may_end = threading.Event(), threading.Event()

    def train() -> None:
        begun.set()
        may_end.wait(60)
        (tmp_path / "result").write_text("done")

    def other() -> None:
        raise AssertionError("the same run was trained twice")

    first = threading.Thread(target=completed, args=(tmp_path, "result", "the PRM", train))
    first.start()
    begun.wait(60)
    second = threading.Thread(target=completed, args=(tmp_path, "result", "the PRM", other))
    second.start()
    second.join(0.3)
    assert second.is_alive() and not (tmp_path / "result").exists()
    assert caplog.messages == ["the PRM: under way in another process; waiting for it to end"]
    may_end.set()
    for thread in (first, second):
        thread.join(60)
    assert completed(tmp_path, "result", "the PRM", other).read_text() == "done"


# --- kills, and a full disk


def test_a_state_is_flushed_before_it_takes_the_place_of_the_last(tmp_path, monkeypatch):
    events, sync, replace = [], os.fsync, os.replace

    def syncing(descriptor: int) -> None:
        events.append(("flush", os.fstat(descriptor).st_ino))
        sync(descriptor)

    def replacing(source, target) -> None:
        events.append(("replace", os.stat(source).st_ino))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "replace", replacing)
    learner(tmp_path, 1).write()
    file, folder = (tmp_path / RESUME).stat().st_ino, tmp_path.stat().st_ino
    assert events == [("flush", file), ("replace", file), ("flush", folder)]


KILLED = """
import os, pathlib, signal, sys
import training.test_run as t
folder = pathlib.Path(sys.argv[1])
learner = t.learner(folder, 2)
learner.write()
learner.step()
os.replace = lambda *files: os.kill(os.getpid(), signal.SIGKILL)
learner.write()
"""


def test_a_kill_between_two_writes_or_in_one_costs_the_steps_since_the_last(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "killed")], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list((tmp_path / "killed").iterdir())) == 2  # and what is half-written beside it
    again = Learner(tmp_path / "killed")
    again.velocity = again.run.take_up()["muon"]["block.0"]
    assert again.run.n_steps == 2
    again.step()
    whole = learner(tmp_path / "whole", 3)
    assert same(again.state(), whole.state()) and torch.equal(again.velocity, whole.velocity)


def test_a_full_disk_leaves_the_last_state(tmp_path):
    started = learner(tmp_path, 1)
    started.write()
    before = (tmp_path / RESUME).read_bytes()
    started.step()
    with file_size_limit(100), pytest.raises(WriteError, match=rf"cannot write .*{RESUME}.* free space"):
        started.write()
    assert (tmp_path / RESUME).read_bytes() == before and len(list(tmp_path.iterdir())) == 1


# --- states that are refused


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def of_another_run(path: Path) -> None:
    learner(path.parent.parent / "other", 2).write()
    os.replace(path.parent.parent / "other" / RESUME, path)


def resaved(path: Path, **changes: Tensor | None) -> None:
    tensors = load_file(path) | {name.replace("__", "."): tensor for name, tensor in changes.items()}
    kept = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    save_file(kept, path, {"run": path.parent.name})


def of_no_run(path: Path) -> None:
    save_file(load_file(path), path)


def without_a_parameter(path: Path) -> None:
    resaved(path, model__a=None)


def with_a_parameter_too_many(path: Path) -> None:
    resaved(path, model__c=torch.zeros(1))


def of_a_shape_that_would_spread(path: Path) -> None:
    resaved(path, model__a=torch.zeros(1))


def without_a_slot(path: Path) -> None:
    resaved(path, adamw__exp_avg__a=None)


def without_a_curve(path: Path) -> None:
    resaved(path, curve__loss=None)


def without_a_place(path: Path) -> None:
    resaved(path, place__steps=None)


def with_a_place_that_is_no_number(path: Path) -> None:
    resaved(path, place__steps=torch.tensor(float("nan")))


@pytest.mark.parametrize(
    "damage",
    [
        torn, empty, folder_instead, of_another_run, of_no_run, without_a_parameter, with_a_parameter_too_many,
        of_a_shape_that_would_spread, without_a_slot, without_a_curve, without_a_place, with_a_place_that_is_no_number,
    ],
)  # fmt: skip
def test_a_state_that_is_torn_or_foreign_is_refused(tmp_path, damage):
    learner(tmp_path / "run", 2).write()
    damage(tmp_path / "run" / RESUME)
    with pytest.raises(StudyError) as caught:
        Learner(tmp_path / "run").run.take_up()
    assert str(caught.value) == (
        f"{tmp_path / 'run' / RESUME} is damaged, or of another run or version; "
        "delete its folder, and the training starts afresh"
    )


def write_text(path: Path) -> None:
    path.write_text("no tensors")


def write_other_tensors(path: Path) -> None:
    write_tensors(path, {"place": torch.zeros(4)})


@pytest.mark.parametrize("damage", [write_text, write_other_tensors])
@pytest.mark.parametrize("name", [RESUME, loop.DONE])
def test_llamas_say_which_file_cannot_be_used(tmp_path, name, damage):
    damage(tmp_path / name)
    with pytest.raises(StudyError, match=rf"^{tmp_path / name} is damaged, or of another run or version; delete its"):
        pretrain(tmp_path, llama())


def test_checkpoints_say_which_file_cannot_be_used(tmp_path):
    base = random_folder(tmp_path / "base")
    tune_prm(base, tmp_path / "runs", WHOLE)
    (folder,) = [path.parent for path in (tmp_path / "runs").glob("*/curve.json")]

    def is_refused(name: str) -> None:
        with pytest.raises(StudyError, match=rf"^{folder / name} is damaged, or of another run or version; delete its"):
            tune_prm(base, tmp_path / "runs", WHOLE)

    for name in ("best.safetensors", "curve.json"):
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(before[:-5])
        is_refused(name)
        (folder / name).write_bytes(before)
    (folder / "curve.json").unlink()
    for damage in (write_text, write_other_tensors):
        damage(folder / RESUME)
        is_refused(RESUME)


# --- a loss that is no number


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_not_finite_is_refused(tmp_path, loss):
    started = learner(tmp_path, 4)
    with pytest.raises(StudyError, match=rf"^test: the validation loss after step 4 is {loss}; lower lr$"):
        started.run.evaluated(loss, 1.0)
    with pytest.raises(StudyError, match=rf"^test: the loss of step 5 is {loss}; lower lr$"):
        started.run.count(loss, 1.0, 1)
    with pytest.raises(StudyError, match=r"^test: validation has no token with weight; give more examples$"):
        started.run.evaluated(0.0, 0.0)
    assert not started.run.curve["step"]


def llama(spoilt: int | None = None) -> Llama:
    """A small model that has no number for one token."""
    model = Llama(LlamaShape(vocab_size=40, n_layers=1, width=16, n_heads=2, width_mlp=24, max_length=16))
    model.initialise(torch.Generator().manual_seed(0))
    if spoilt is not None:
        model.embedding.data[spoilt] = float("nan")
    return model


def pretrain(folder: Path, model: Llama, validation: Examples | None = None, **changes) -> loop.Trained:
    training = dataclasses.replace(QUICK, **changes)
    task = loop.Task(counting(100, 0), validation or counting(20, 1), training, "test", "last")
    return loop.fit(model, task, folder)


ONE = Examples.language([np.array([30], np.int32)], [np.array([3], np.int32)])  # its first token occurs nowhere else


def test_llamas_name_the_step_whose_loss_is_no_number(tmp_path):
    lower = "lower lr_muon and lr_adamw$"
    with pytest.raises(StudyError, match=rf"^test: the loss of step 1 is nan; {lower}"):
        pretrain(tmp_path / "a", llama(spoilt=4))
    with pytest.raises(StudyError, match=rf"^test: the loss of step [23] is nan; {lower}"):
        pretrain(tmp_path / "b", llama(), lr_adamw=1e38, warmup_steps=1, checkpoint_seconds=1e6)
    with pytest.raises(StudyError, match=rf"^test: the validation loss after step 4 is nan; {lower}"):
        pretrain(tmp_path / "c", llama(spoilt=30), ONE)
    assert {path.name for path in tmp_path.glob("*/*")} == {"run.lock"}


def test_checkpoints_name_the_step_whose_loss_is_no_number(tmp_path):
    base = random_folder(tmp_path / "base")
    tensors = load_file(base / "model.safetensors")
    tensors["model.embed_tokens.weight"][30] = float("nan")
    save_file(tensors, base / "model.safetensors", {"format": "pt"})
    examples = labelled(64, 0)
    task = Task(examples, ONE, WHOLE, 0, "PRM")
    with pytest.raises(StudyError, match=r"^PRM: the validation loss after step 4 is nan; lower lr$"):
        train_prm(base, task, tmp_path / "a", tmp_path / "prm")
    late = rng.generator("tuning order", 0, 0).permutation(64)[40]  # an example of the third step
    examples.tokens[examples.offsets[late]] = 30
    with pytest.raises(StudyError, match=r"^PRM: the loss of step 3 is nan; lower lr$"):
        train_prm(base, task, tmp_path / "b", tmp_path / "prm")
    (state,) = (tmp_path / "b").glob(f"*/{RESUME}")
    assert load_file(state)["place.steps"] == 2  # the last that was sound
    assert not list(tmp_path.glob("[ab]/*/*.json")) and not (tmp_path / "prm").exists()


def test_a_curve_is_the_same_in_its_file(tmp_path):
    curve = tune_prm(random_folder(tmp_path / "base"), tmp_path / "runs", WHOLE)
    (file,) = (tmp_path / "runs").glob("*/curve.json")
    assert json.loads(file.read_text()) == curve and list(curve) == ["step", "tokens", "loss", "validation"]
