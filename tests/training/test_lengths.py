"""One training for several numbers of tokens: each model as if it had been trained alone."""

import dataclasses
from pathlib import Path

import pytest
import torch

from training.test_loop import QUICK, SHAPE, counting
from tts_lib.training.loop import Trained
from tts_lib.training.policies import pretrain, pretrain_lengths
from tts_lib.training.run import STEM, read_tensors, write_tensors

ONCE = dataclasses.replace(QUICK, n_epochs=1, shards=1, n_evaluations=1)
DATA = counting(600, 0), counting(40, 1)
N = len(DATA[0].tokens)


def lengths(where: Path, *n_tokens: int) -> list[Trained]:
    return pretrain_lengths(SHAPE, *DATA, ONCE, where, "test", n_tokens)


def equal(a: Trained, b: Trained) -> bool:
    return a.curve == b.curve and all(torch.equal(tensor, b.state[name]) for name, tensor in a.state.items())


def test_each_length_is_what_it_would_be_alone(tmp_path: Path) -> None:
    together = lengths(tmp_path / "together", N // 4, N // 2, N)
    alone = [lengths(tmp_path / str(n), n)[0] for n in (N // 4, N // 2)]
    alone.append(pretrain(SHAPE, *DATA, ONCE, tmp_path / "whole", "test"))
    assert all(equal(a, b) for a, b in zip(together, alone, strict=True))
    assert not equal(together[0], together[1])
    assert N // 4 <= together[0].n_tokens < N // 2 and together[2].n_tokens == N


def test_the_longer_one_does_not_begin_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a stem whose weights were changed it comes out elsewhere."""
    lengths(tmp_path, N // 2)
    (stem,) = tmp_path.rglob(STEM)
    owner = {"run": stem.parent.name}
    tensors = read_tensors(stem, owner)
    assert 0 < tensors["place.tokens"] <= (1 - ONCE.decay_share) * N / 2 + ONCE.batch_tokens
    moved = {name: tensor + 0.1 if name.startswith("model.") else tensor for name, tensor in tensors.items()}
    write_tensors(stem, moved, owner)
    changed = lengths(tmp_path, N // 2, N)[1]
    assert not equal(changed, pretrain(SHAPE, *DATA, ONCE, tmp_path / "whole", "test"))
