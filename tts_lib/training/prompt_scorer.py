"""What a model tells of a question before it answers: its residual stream at the prompt's last token, and a scorer
fine-tuned from it on prompts alone, with the share of right samples as label (the suggestion of the paper's §8).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from tokenizers import Tokenizer
from torch import Tensor

from tts_lib.common import rng
from tts_lib.common.examples import Examples
from tts_lib.models import folder
from tts_lib.models.llama import Llama
from tts_lib.models.scorer import Scorer
from tts_lib.training.loop import Task, Trained, Training, fit
from tts_lib.training.policies import load_policy, run_key, save_verifier


def prompt_examples(prompts: Sequence[np.ndarray], share_right: Float[np.ndarray, " question"]) -> Examples:
    """Prompts, int32 (T,) each, whose last token alone carries a label, 0..1."""
    offsets = np.r_[0, np.cumsum([len(prompt) for prompt in prompts])]
    weight, target = np.zeros((2, offsets[-1]), np.float32)
    weight[offsets[1:] - 1], target[offsets[1:] - 1] = 1, share_right
    return Examples(np.concatenate(prompts).astype(np.int32), offsets, weight, target)


def train(
    policy: Path,
    examples: Examples,
    validation: Examples,
    training: Training,
    checkpoints: Path,
    from_random: bool = False,
) -> Trained:
    """A scorer of prompts, the weights of its lowest validation loss.

    Args:
        from_random: whether it starts from random weights in the policy's place: what is then learned was not in them.
    """
    start = load_policy(policy)
    if from_random:
        start.initialise(torch.Generator().manual_seed(int(rng.derive_seed("weights", training.seed)) % 2**63))
    key = run_key((folder.weights_hash(policy), "prompts", from_random), examples, training)
    origin = "random weights" if from_random else "the base"
    task = Task(examples, validation, training, f"training a scorer of prompts from {origin}", keep="best")
    return fit(Scorer.from_policy(start), task, checkpoints / key)


def scores(policy: Path, trained: Trained, prompts: Sequence[np.ndarray]) -> Float[np.ndarray, " question"]:
    """The score at the last token of each prompt, int32 (T,) each, 0..1."""
    scorer = Scorer.from_policy(load_policy(policy))
    scorer.load_state_dict(trained.state)
    return read(scorer, prompts)


@torch.inference_mode()
def read(scorer: Scorer, prompts: Sequence[np.ndarray]) -> Float[np.ndarray, " question"]:
    """As `scores`, of a scorer at hand."""
    tokens, last = _padded(prompts)
    logits = scorer(tokens)[torch.arange(len(last)), last]
    return logits.sigmoid().double().numpy()


def save(path: Path, trained: Trained, policy: Path) -> str:
    """Write the scorer as a folder; returns the hash of its weights."""
    card = "# A scorer of prompts\n\nHow likely a sample of the base is right, told from the prompt alone.\n"
    save_verifier(path, trained, policy, Tokenizer.from_file(str(policy / "tokenizer.json")), card)
    return folder.weights_hash(path)


def residuals(policy: Path, prompts: Sequence[np.ndarray]) -> Float[np.ndarray, "layer question width"]:
    """The residual stream at the last token of each prompt, int32 (T,): behind the embedding and each layer."""
    return states(load_policy(policy), prompts)


@torch.inference_mode()
def states(model: Llama, prompts: Sequence[np.ndarray]) -> Float[np.ndarray, "layer question width"]:
    """As `residuals`, of a model at hand."""
    tokens, last = _padded(prompts)
    cos, sin = model.cos[: tokens.shape[1]], model.sin[: tokens.shape[1]]
    x = F.embedding(tokens, model.embedding)
    found = [x[torch.arange(len(last)), last]]
    for block in model.blocks:
        x = block(x, cos, sin, 0.0)
        found.append(x[torch.arange(len(last)), last])
    return torch.stack(found).double().numpy()


def _padded(prompts: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """One row a prompt, padded on the right, which what stands before cannot see; and where each ends."""
    lengths = torch.tensor([len(prompt) for prompt in prompts])
    tokens = torch.zeros(len(prompts), int(lengths.max()), dtype=torch.int64)
    for row, prompt in zip(tokens, prompts, strict=True):
        row[: len(prompt)] = torch.from_numpy(prompt.astype(np.int64))
    return tokens, lengths - 1
