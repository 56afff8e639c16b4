"""Fine-tuning runs that are interrupted, repeated, done already, or fail."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("peft")

import torch
import transformers
from safetensors.torch import load_file, save_file

from helpers.full_disk import file_size_limit
from helpers.model_folders import random_folder
from helpers.tuning_runs import LORA, QUICK, changed, counting, same_files, tune_adapter, tune_prm
from tts_lib.common.errors import StudyError
from tts_lib.common.examples import Examples
from tts_lib.models import adapter
from tts_lib.training.lora import fine_tune_adapter
from tts_lib.training.run import RESUME, Run
from tts_lib.training.tuning import Task, language_loss

pytestmark = pytest.mark.vllm  # that environment has PEFT too


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return random_folder(tmp_path / "base")


class Interruption(Exception):  # noqa: N818
    pass


def interrupt(monkeypatch, at_save: int) -> None:
    """Ends the run just before it writes its state for the at_save-th time."""
    left, write = iter(range(at_save - 1)), Run.write

    def writing(run) -> None:
        if next(left, None) is None:
            raise Interruption
        write(run)

    monkeypatch.setattr(Run, "write", writing)


@pytest.mark.parametrize("at_save", [1, 3, 4, 8])  # 4 and 8 have a checkpoint
def test_an_interrupted_adapter_goes_on_to_the_same_bytes(base, tmp_path, monkeypatch, at_save):
    whole = tune_adapter(base, tmp_path / "whole")
    with monkeypatch.context() as context, pytest.raises(Interruption):
        interrupt(context, at_save)
        tune_adapter(base, tmp_path / "cut")
    cut = tune_adapter(base, tmp_path / "cut")
    assert cut.curve == whole.curve and len(cut.folders) == 2
    for a, b in zip(cut.folders, whole.folders, strict=True):
        assert same_files(a / adapter.WEIGHTS, b / adapter.WEIGHTS) and same_files(
            a / adapter.CONFIG, b / adapter.CONFIG
        )


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "full"])
def test_an_interrupted_reward_model_goes_on_to_the_same_bytes(base, tmp_path, monkeypatch, lora):
    whole = tune_prm(base, tmp_path / "whole", changed(adapter=lora))
    with monkeypatch.context() as context, pytest.raises(Interruption):
        interrupt(context, 6)
        tune_prm(base, tmp_path / "cut", changed(adapter=lora))
    assert not (tmp_path / "cut" / "prm").exists()
    assert tune_prm(base, tmp_path / "cut", changed(adapter=lora)) == whole
    for name in ("model.safetensors", "config.json"):
        assert same_files(tmp_path / "cut" / "prm" / name, tmp_path / "whole" / "prm" / name)


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bytes(base, tmp_path):
    settings = changed(epochs=16, checkpoints=4)
    code = (
        "import helpers.tuning_runs as t, pathlib, sys; "
        "t.tune_adapter(*map(pathlib.Path, sys.argv[1:]), t.changed(epochs=16, checkpoints=4))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, str(base), str(tmp_path / "killed")]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    while not list((tmp_path / "killed").glob("*/checkpoint-*")) and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert list((tmp_path / "killed").glob(f"*/{RESUME}")) and not list((tmp_path / "killed").glob("*/curve.json"))
    killed, whole = (tune_adapter(base, tmp_path / name, settings) for name in ("killed", "whole"))
    assert killed.curve == whole.curve
    for a, b in zip(killed.folders, whole.folders, strict=True):
        assert same_files(a / adapter.WEIGHTS, b / adapter.WEIGHTS)


def test_a_finished_run_is_not_done_again(base, tmp_path, monkeypatch):
    first = tune_adapter(base, tmp_path / "runs")
    (run,) = (tmp_path / "runs").iterdir()
    names = sorted(path.name for path in run.iterdir())
    assert names == ["checkpoint-000004", "checkpoint-000008", "curve.json", "run.lock"]
    curve = tune_prm(base, tmp_path / "runs", QUICK)
    written = (tmp_path / "runs" / "prm" / "model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "runs" / "prm")
    monkeypatch.setattr(Run, "count", lambda *step: pytest.fail("trained again"))
    assert tune_adapter(base, tmp_path / "runs", changed(checkpoint_seconds=5.0)) == first
    assert tune_prm(base, tmp_path / "runs", QUICK) == curve
    assert (tmp_path / "runs" / "prm" / "model.safetensors").read_bytes() == written


@pytest.mark.parametrize(("seconds", "n_saves"), [(0.0, 8), (3600.0, 2)])
def test_the_state_is_kept_at_checkpoints_and_as_often_as_asked(base, tmp_path, monkeypatch, seconds, n_saves):
    saves, write = [], Run.write
    monkeypatch.setattr(Run, "write", lambda run: saves.append(run.n_steps) or write(run))
    tune_adapter(base, tmp_path / "runs", changed(checkpoint_seconds=seconds))
    assert len(saves) == n_saves and saves[-1] == 8


# --- what is refused


def test_memory_that_does_not_suffice_costs_the_step_and_no_more(base, tmp_path, monkeypatch):
    calls = iter(range(6))

    def hungry(*arguments):
        if next(calls, None) is None:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return language_loss(*arguments)

    settings = changed(batch_size=8, micro_tokens=4096)  # one part a step
    with monkeypatch.context() as context, pytest.raises(StudyError) as caught:
        context.setattr("tts_lib.training.lora.language_loss", hungry)
        tune_adapter(base, tmp_path / "runs", settings)
    assert str(caught.value) == (
        "LoRA: memory of cpu does not suffice for step 7; lower micro_tokens (now 4096) or set gradient_checkpointing "
        "to true, and run again"
    )
    whole = tune_adapter(base, tmp_path / "whole", settings)
    assert tune_adapter(base, tmp_path / "runs", settings).curve == whole.curve


def test_a_damaged_state_is_named(base, tmp_path, monkeypatch):
    with monkeypatch.context() as context, pytest.raises(Interruption):
        interrupt(context, 3)
        tune_adapter(base, tmp_path / "runs")
    (resume,) = (tmp_path / "runs").glob(f"*/{RESUME}")
    resume.write_bytes(resume.read_bytes()[:1000])
    with pytest.raises(
        StudyError, match=r"resume.safetensors is damaged, or of another run or version; delete its folder"
    ):
        tune_adapter(base, tmp_path / "runs")


def test_a_full_disk_is_one_sentence_and_the_run_goes_on_later(base, tmp_path):
    with file_size_limit(20_000), pytest.raises(StudyError, match=r"cannot write .*free space"):
        tune_adapter(base, tmp_path / "runs")
    assert not list((tmp_path / "runs").glob("*/resume.safetensors"))
    assert tune_adapter(base, tmp_path / "runs").curve == tune_adapter(base, tmp_path / "whole").curve


def test_a_loss_that_is_no_number_is_refused(base, tmp_path):
    tensors = load_file(base / "model.safetensors")
    tensors["lm_head.weight"] *= float("nan")
    save_file(tensors, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(StudyError, match=r"LoRA: the loss of step 1 is nan; lower lr"):
        tune_adapter(base, tmp_path / "runs")


def test_a_validation_loss_that_is_no_number_is_refused(base, tmp_path):
    tensors = load_file(base / "model.safetensors")
    tensors["model.embed_tokens.weight"][50] = float("nan")
    save_file(tensors, base / "model.safetensors", metadata={"format": "pt"})
    validation = Examples.language([np.array([50], np.int32)], [np.array([3], np.int32)])
    with pytest.raises(StudyError, match=r"LoRA: the validation loss after step 4 is nan; lower lr"):
        fine_tune_adapter(base, Task(counting(64, 0), validation, QUICK, 0, "LoRA"), tmp_path / "runs")


def test_a_model_that_does_not_fit_is_refused(base, tmp_path, monkeypatch):
    def full(*arguments):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(transformers.PreTrainedModel, "to", full)
    with pytest.raises(StudyError, match=r"does not fit into the memory of cpu; choose a smaller one, or more memory"):
        tune_adapter(base, tmp_path / "runs")
