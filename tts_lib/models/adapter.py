"""LoRA adapters in the format of PEFT: adapter_config.json and adapter_model.safetensors, as PEFT and vLLM load them.

The file of weights also names the checkpoint that it was trained on, so that no adapter is put on another model.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tts_lib.common.files import file_hash, replacing_folder
from tts_lib.models.checkpoint import checkpoint_hash, read_header, tensor_shapes
from tts_lib.models.folder import FolderError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
BASE = "base_sha256"  # metadata of the weights
PREFIX = "base_model.model."  # PEFT's, before the name of the layer in the checkpoint


@dataclass(frozen=True)
class AdapterInfo:
    """What an adapter's folder says of it."""

    rank: int
    base_hash: str | None  # `checkpoint_hash` of its base; None where it was trained elsewhere
    hash: str  # SHA-256 of the adapter itself: belongs into the version of an engine that serves it


def write(folder: Path, tensors: Mapping[str, np.ndarray], rank: int, alpha: float, base_hash: str) -> None:
    """Write an adapter for inference, whole or not at all.

    Args:
        tensors: by PEFT's name, `base_model.model.<layer>.lora_A.weight` (rank, in) and `lora_B` (out, rank).
    """
    from safetensors.numpy import save_file

    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": None,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "target_modules": sorted({_layer(name).rsplit(".", 1)[-1] for name in tensors}),
        "bias": "none",
        "inference_mode": True,
    }
    with replacing_folder(folder) as new:
        save_file(dict(tensors), new / WEIGHTS, metadata={BASE: base_hash})  # of two entries the order would vary
        (new / CONFIG).write_text(json.dumps(config, indent=2) + "\n")


def read(folder: Path) -> AdapterInfo:
    """What is known of an adapter.

    Raises:
        FolderError: the folder is missing or damaged, or holds something else than the weights of a LoRA adapter.
    """
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FolderError(f"adapter folder {folder} lacks {name}; repeat its training")
    try:
        config = json.loads((folder / CONFIG).read_text())
        kind, rank = config["peft_type"], config["r"]
    except (ValueError, KeyError, TypeError) as error:
        raise FolderError(f"{folder / CONFIG} is not the configuration of an adapter: {error!r}") from error
    if kind != "LORA" or not isinstance(rank, int) or rank < 1 or config.get("modules_to_save"):
        raise FolderError(f"{folder / CONFIG} must describe a LoRA adapter of rank 1 or more and no other weights")
    base = read_header(folder / WEIGHTS)[1].get(BASE)
    return AdapterInfo(rank, base, file_hash(folder / CONFIG, folder / WEIGHTS))


def deltas(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """What an adapter adds to the weights of its base: layer, and alpha / rank * B A, float32 (out, in).

    Raises:
        FolderError: it is of a kind that is scaled in another way.
    """
    from safetensors.numpy import load_file

    config, tensors = json.loads((folder / CONFIG).read_text()), load_file(folder / WEIGHTS)
    if config.get("use_rslora") or config.get("alpha_pattern"):
        raise FolderError(f"{folder / CONFIG} scales its layers otherwise than by lora_alpha / r: serve it with vLLM")
    for name, a in tensors.items():
        if ".lora_A." in name:
            b = tensors[name.replace(".lora_A.", ".lora_B.")]
            yield _layer(name), (config["lora_alpha"] / config["r"] * (b @ a)).astype(np.float32)


def check_base(folder: Path, checkpoint: Path) -> AdapterInfo:
    """What is known of the adapter, once it is certain that it belongs on the checkpoint.

    Raises:
        FolderError: it was trained on another checkpoint, or its matrices do not fit this one; or see `read`.
    """
    info = read(folder)
    if info.base_hash is not None and info.base_hash != checkpoint_hash(checkpoint):
        raise FolderError(f"adapter {folder} was trained on another base than {checkpoint}; train it on this one")
    base = tensor_shapes(checkpoint)
    for name, shape in read_header(folder / WEIGHTS)[0].items():
        layer = _layer(name)
        n_out, n_in = base.get(f"{layer}.weight", (0, 0))
        expected = (info.rank, n_in) if ".lora_A." in name else (n_out, info.rank)
        if shape != expected:
            needed = f"where {expected} is needed" if n_out else "but the base has no such layer"
            raise FolderError(f"adapter {folder} does not fit {checkpoint}: {name} has shape {shape}, {needed}")
    return info


def _layer(name: str) -> str:
    """The layer of the checkpoint that a tensor of an adapter belongs to."""
    layer, found, _ = name.removeprefix(PREFIX).partition(".lora_")
    if not found:
        raise FolderError(f"an adapter holds the unexpected tensor {name}; only LoRA matrices are served")
    return layer
