"""Hugging Face models made ready for training, with or without a LoRA adapter, and their weights taken out again."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor, nn

from tts_lib.common import rng
from tts_lib.common.errors import StudyError, one_line
from tts_lib.common.files import replacing_folder
from tts_lib.models import pretrained
from tts_lib.models.checkpoint import copy_tokenizer, weight_files
from tts_lib.training.settings import FineTuning

Config = transformers.PretrainedConfig
ENDINGS = "generation_config.json"  # names the tokens that end a text


def read_config(checkpoint: Path) -> Config:
    """The configuration of a checkpoint folder.

    Raises:
        StudyError: the folder is incomplete, or its architecture is not one of transformers' own.
    """
    weight_files(checkpoint)
    try:
        return transformers.AutoConfig.from_pretrained(checkpoint, **pretrained.SAFELY)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{checkpoint / 'config.json'} describes no model that is known: {one_line(error)}") from error


def half_precision(device: torch.device) -> bool:
    """Whether products are computed in bfloat16: on GPUs that can."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported()


def load_policy(checkpoint: Path, settings: FineTuning, device: torch.device, seed: int) -> nn.Module:
    """A causal language model with a LoRA adapter that changes nothing yet; only the adapter is trained."""
    config = read_config(checkpoint)
    model = _load(transformers.AutoModelForCausalLM, checkpoint, config, settings, device, new_head=False)
    return _with_adapter(model, settings, seed, head=[])


def load_scorer(checkpoint: Path, settings: FineTuning, device: torch.device, seed: int) -> nn.Module:
    """The body of a language model under a linear head that gives every token the logit 0.

    The head is trained, and with it the adapter or, without one, every weight.

    Raises:
        StudyError: dropout is asked for, and the model has none in its attention.
    """
    config = read_config(checkpoint)
    config.num_labels, config.id2label, config.label2id = 1, {0: "correct"}, {"correct": 0}
    config.classifier_dropout = 0.0
    if settings.adapter is None and settings.dropout:
        if not hasattr(config, "attention_dropout"):
            raise StudyError(f"{checkpoint} has no dropout in its attention; set dropout to 0 or give an adapter")
        config.attention_dropout = settings.dropout
    model = _load(transformers.AutoModelForTokenClassification, checkpoint, config, settings, device, new_head=True)
    head = _head(model)
    for parameter in head.values():
        parameter.data = torch.zeros_like(parameter, dtype=torch.float32)
    if settings.adapter is None:
        return model
    adapted = _with_adapter(model, settings, seed, sorted({name.rpartition(".")[0] for name in head}))
    for parameter in head.values():
        parameter.requires_grad_(True)
    return adapted


def trainable(model: nn.Module) -> dict[str, Tensor]:
    """The parameters that are trained, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def adapter_tensors(model: nn.Module) -> dict[str, np.ndarray]:
    """The weights of the model's adapter by PEFT's names, see `tts_lib.models.adapter.write`."""
    from peft import get_peft_model_state_dict  # pyright: ignore[reportMissingImports]

    return {name: tensor.float().cpu().numpy() for name, tensor in get_peft_model_state_dict(model).items()}


def save_scorer(model: Any, weights: Mapping[str, Tensor], checkpoint: Path, folder: Path) -> None:
    """Write a scorer with these trained weights as a model folder of its own, whole or not at all.

    An adapter is merged into the weights, which are stored in the type of the checkpoint's; the tokenizer is the
    checkpoint's.
    """
    with torch.no_grad():
        for name, parameter in trainable(model).items():
            parameter.copy_(weights[name])
    config = read_config(checkpoint)
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    if hasattr(config, "attention_dropout"):
        model.config.attention_dropout = config.attention_dropout
    with replacing_folder(folder) as new:
        model.to(config.dtype or torch.float32).save_pretrained(new)
        copy_tokenizer(checkpoint, new)
        if (checkpoint / ENDINGS).is_file():
            shutil.copyfile(checkpoint / ENDINGS, new / ENDINGS)


def _load(
    loader: Any, checkpoint: Path, config: Config, settings: FineTuning, device: torch.device, new_head: bool
) -> transformers.PreTrainedModel:
    """A model with the checkpoint's weights in 32 bits, or as stored where an adapter and half precision allow it."""
    as_stored = settings.adapter is not None and half_precision(device)
    dtype = "auto" if as_stored else torch.float32
    model = pretrained.load(loader, checkpoint, device, new_head, config=config, dtype=dtype)
    if settings.gradient_checkpointing:
        model.gradient_checkpointing_enable()
    return model


def _head(model: transformers.PreTrainedModel) -> dict[str, nn.Parameter]:
    """The parameters of a scorer outside its body."""
    body = model.base_model_prefix + "."
    return {name: parameter for name, parameter in model.named_parameters() if not name.startswith(body)}


def _with_adapter(model: transformers.PreTrainedModel, settings: FineTuning, seed: int, head: list[str]) -> nn.Module:
    """The model with seeded LoRA matrices beside the chosen linear layers, of which `head` are none."""
    try:
        from peft import LoraConfig, get_peft_model  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise StudyError("LoRA adapters need the packages peft and accelerate; install both") from error
    assert settings.adapter is not None
    layers = settings.adapter.layers
    config = LoraConfig(
        r=settings.adapter.rank,
        lora_alpha=settings.adapter.alpha,  # pyright: ignore[reportArgumentType]: any number serves
        lora_dropout=settings.dropout,
        target_modules="all-linear" if layers == "all" else layers,
        exclude_modules=head if head and layers == "all" else None,
    )
    device = next(model.parameters()).device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(int(rng.derive_seed("adapter", seed)) % 2**63)
        try:
            return get_peft_model(model, config)
        except ValueError as error:
            linear = {name.rpartition(".")[2] for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
            known = ", ".join(sorted(linear))
            raise StudyError(f"adapter.layers {layers} are not all in the model, which has {known}") from error
