"""Scorers of prompts: one label a prompt, at its last token, and what the base makes of it there."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers.model_folders import random_folder
from tts_lib.models.scorer import Scorer
from tts_lib.training import prompt_scorer
from tts_lib.training.loop import Training
from tts_lib.training.policies import load_policy

QUICK = Training(
    n_epochs=30, batch_tokens=256, lr_muon=0.02, lr_adamw=0.01, dropout=0.0, shards=1, seed=0,
    warmup_steps=5, n_evaluations=4,
)  # fmt: skip


def prompts(n: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(1, 8, rng.integers(2, 7)).astype(np.int32) for _ in range(n)]


def test_the_last_token_of_each_prompt_carries_its_label() -> None:
    made = prompt_scorer.prompt_examples([np.array([3, 4], np.int32), np.array([5], np.int32)], np.array([0.25, 1.0]))
    assert made.tokens.tolist() == [3, 4, 5] and made.offsets.tolist() == [0, 2, 3]
    assert made.weight.tolist() == [0, 1, 1] and made.target.tolist() == [0, 0.25, 1]


def test_the_stream_is_that_of_the_model_whatever_stands_beside_a_prompt(tmp_path: Path) -> None:
    """The last layer, normalised, is what the model gives for the prompt alone."""
    base = random_folder(tmp_path / "base")
    asked, model = prompts(9), load_policy(base)
    found = prompt_scorer.residuals(base, asked)
    assert found.shape == (1 + model.shape.n_layers, 9, model.shape.width)
    for row, prompt in enumerate(asked):
        with torch.inference_mode():
            alone = model(torch.from_numpy(prompt.astype(np.int64))[None])[0, -1]
            norm = F.rms_norm(torch.from_numpy(found[-1, row]).float(), (model.shape.width,), model.norm)
        assert norm.numpy() == pytest.approx(alone.numpy(), abs=1e-4)


def test_a_scorer_learns_what_the_prompt_tells_from_either_start(tmp_path: Path) -> None:
    """Prompts that hold a 7 are never answered right, the others always; the two starts are two runs."""
    base = random_folder(tmp_path / "base")
    asked, others = prompts(200), prompts(100, seed=1)
    share, truth = (np.array([float(7 not in prompt) for prompt in of]) for of in (asked, others))
    examples, validation = (prompt_scorer.prompt_examples(of, y) for of, y in ((asked, share), (others, truth)))
    untrained = Scorer.from_policy(load_policy(base)).state_dict()
    states = []
    for from_random in (False, True):
        trained = prompt_scorer.train(base, examples, validation, QUICK, tmp_path / "runs", from_random)
        score = prompt_scorer.scores(base, trained, others)
        assert score[truth == 1].mean() - score[truth == 0].mean() > 0.5
        states.append(trained.state)
    assert states[0].keys() == untrained.keys()
    assert not torch.equal(states[0]["body.embedding"], states[1]["body.embedding"])
    assert len(list((tmp_path / "runs").iterdir())) == 2
