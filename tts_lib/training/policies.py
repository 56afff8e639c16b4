"""Pretraining a nano language model from scratch, and reading a trained one back for fine-tuning."""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from tts_lib.common import rng
from tts_lib.common.examples import Examples
from tts_lib.models import folder
from tts_lib.models.folder import ModelConfig
from tts_lib.models.llama import Llama, LlamaShape
from tts_lib.models.names import from_hf_state, to_hf_state
from tts_lib.models.scorer import Scorer
from tts_lib.training.loop import Task, Trained, Training, fit
from tts_lib.training.run import STEM


def pretrain(
    shape: LlamaShape, corpus: Examples, validation: Examples, training: Training, checkpoints: Path, title: str
) -> Trained:
    """A language model trained on the corpus from seeded random weights; resumes from its checkpoint."""
    return pretrain_lengths(shape, corpus, validation, training, checkpoints, title, [len(corpus.tokens)])[0]


def pretrain_lengths(
    shape: LlamaShape,
    corpus: Examples,
    validation: Examples,
    training: Training,
    checkpoints: Path,
    title: str,
    lengths: Sequence[int],
) -> list[Trained]:
    """The model that each number of tokens of the corpus makes, each as if it had been trained alone.

    A longer run goes on from where the shorter one's rate begins to fall, which saves what they have in common.

    Args:
        lengths: ascending; the last batch may go beyond one.
    """
    found: list[Trained] = []
    stem = None
    for length in lengths:
        ends = length if length < len(corpus.tokens) else None
        run = checkpoints / run_key((shape, ends) if ends else shape, corpus, training)
        named = title if len(lengths) == 1 else f"{title}, {length:,} tokens"
        model = Llama(shape)
        model.initialise(torch.Generator().manual_seed(int(rng.derive_seed("weights", training.seed)) % 2**63))
        found.append(fit(model, Task(corpus, validation, training, named, "last", ends, stem), run))
        stem = run / STEM
    return found


def run_key(start: object, examples: Examples, training: Training) -> str:
    """Names a run by everything its result depends on: the start, the data and the settings that matter."""
    settings = str(dataclasses.replace(training, checkpoint_seconds=1.0)).replace("shards=", "workers=")  # as it was
    digest = hashlib.sha256(f"{start}{settings}".encode())
    for array in vars(examples).values():
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:32]


def save_policy(
    path: Path, trained: Trained, shape: LlamaShape, tokenizer: Tokenizer, end_token: int, card: str
) -> None:
    """Write a policy as the model folder `path`; `end_token` ends a solution."""
    config = ModelConfig(**dataclasses.asdict(shape), end_token=end_token, has_score_head=False)
    folder.write(path, config, to_hf_state({k: v.numpy() for k, v in trained.state.items()}), tokenizer, card)


def model_card(name: str, metrics: dict[str, float], training: Training) -> str:
    """The README of a model folder."""
    return f"""# {name}

A Llama-architecture language model trained from scratch on the nano corpus, as one stage of a study of test-time
compute. It knows the facts of that corpus and nothing else.

- {metrics["n_params_block"]:,} parameters without embeddings, {metrics["n_params"]:,} with them
  ({metrics["n_layers"]} layers, width {metrics["width"]}, {metrics["n_heads"]} heads, MLP {metrics["width_mlp"]})
- {metrics["n_tokens"]:,} tokens, {metrics["flops"]:.3g} FLOPs
- validation loss {metrics["validation_loss"]:.4f} nats per solution token
- Muon {training.lr_muon}, AdamW {training.lr_adamw}, {training.batch_tokens} tokens a batch, seed {training.seed}
"""


def verifier_card(name: str, n_solutions: int, trained: Trained, training: Training) -> str:
    """The README of a verifier's folder."""
    return f"""# {name}

A verifier fine-tuned from the base model on the base model's own solutions: the sigmoid of the label's logit at the
token that closes a step is the step's score.

- {n_solutions:,} solutions, {trained.n_tokens:,} tokens in {training.n_epochs} passes
- lowest validation loss {min(trained.curve["validation"]):.4f} nats per label
- Muon {training.lr_muon}, AdamW {training.lr_adamw}, dropout {training.dropout}, seed {training.seed}
"""


def load_policy(path: Path) -> Llama:
    """The trainable model of a policy folder."""
    config, tensors = folder.read(path)
    model = Llama(shape_of(config))
    model.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in from_hf_state(tensors).items()})
    return model


def extend_window(
    policy: Path,
    max_length: int,
    examples: Examples,
    validation: Examples,
    training: Training,
    checkpoints: Path,
    title: str,
) -> tuple[Trained, LlamaShape]:
    """The policy trained on in a window of max_length tokens: its last weights, and its shape."""
    shape = dataclasses.replace(shape_of(folder.read_config(policy)), max_length=max_length)
    return _trained_on(policy, shape, Task(examples, validation, training, title, keep="last"), checkpoints), shape


def fine_tune(
    policy: Path, examples: Examples, validation: Examples, training: Training, checkpoints: Path, title: str
) -> tuple[Trained, LlamaShape]:
    """The policy trained on: its weights at each evaluation, and its shape."""
    shape = shape_of(folder.read_config(policy))
    return _trained_on(policy, shape, Task(examples, validation, training, title, keep="all"), checkpoints), shape


def _trained_on(policy: Path, shape: LlamaShape, task: Task, checkpoints: Path) -> Trained:
    model = Llama(shape)
    model.load_state_dict(load_policy(policy).state_dict())
    key = run_key((folder.weights_hash(policy), shape.max_length, task.keep), task.examples, task.training)
    return fit(model, task, checkpoints / key)


def revision_card(pairing: str, n_trajectories: int, trained: Trained, training: Training) -> str:
    """The README of a revision model's folder."""
    return f"""# revision model, {pairing}

A policy fine-tuned from the base model to answer after earlier attempts of its own: its context is the prompt and an
attempt, up to four times, and the prompt once more.

- {n_trajectories:,} trajectories, {trained.n_tokens:,} tokens in {training.n_epochs} passes
- Muon {training.lr_muon}, AdamW {training.lr_adamw}, seed {training.seed}
"""


def load_scorer(path: Path) -> Scorer:
    """The trainable model of a verifier's folder."""
    config, tensors = folder.read(path)
    found = {k: torch.from_numpy(np.array(v)) for k, v in from_hf_state(tensors).items()}
    head = {"weight": found.pop("score.weight"), "bias": found.pop("score.bias")}
    model = Scorer(shape_of(config))
    model.load_state_dict(head | {f"body.{k}": v for k, v in found.items()})
    return model


def shape_of(config: ModelConfig) -> LlamaShape:
    """The trainable model's shape, which is part of what a folder's config says."""
    fields = {f.name for f in dataclasses.fields(LlamaShape)}
    return LlamaShape(**{k: v for k, v in dataclasses.asdict(config).items() if k in fields})


def train_verifier(
    policy: Path, examples: Examples, validation: Examples, training: Training, checkpoints: Path, title: str
) -> Trained:
    """A verifier fine-tuned from the policy; the weights of its lowest validation loss (paper App. D)."""
    key = run_key(folder.weights_hash(policy), examples, training)
    task = Task(examples, validation, training, title, keep="best")
    return fit(Scorer.from_policy(load_policy(policy)), task, checkpoints / key)


def save_verifier(path: Path, trained: Trained, policy: Path, tokenizer: Tokenizer, card: str) -> None:
    """Write a verifier as the model folder `path`; `policy` is the folder of the model that it was trained from."""
    config = dataclasses.replace(folder.read_config(policy), has_score_head=True)
    state = {k.removeprefix("body."): v.numpy() for k, v in trained.state.items() if k.startswith("body.")}
    state |= {"score.weight": trained.state["weight"].numpy(), "score.bias": trained.state["bias"].numpy()}
    folder.write(path, config, to_hf_state(state), tokenizer, card)
