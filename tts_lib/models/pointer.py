"""Models that exist already, pointed to from the study's `models/` folder.

`models/NAME/` of such a model holds pointer.json, which says where its weights are, and its tokenizer: no gigabytes.
`resolve` reads it, and everything that loads a model goes through it. A folder without that file is a model that the
study trained, with its weights in it. LoRA weights beside
pointer.json are added to those it points to.
"""

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_lib import paths, tables
from tts_lib.models import adapter, checkpoint, source
from tts_lib.models.folder import STEP_TEXT, FolderError

POINTER = "pointer.json"
EMBEDDINGS = (
    "embed_tokens.weight",
    "lm_head.weight",
    "wte.weight",
    "wpe.weight",
    "embed_in.weight",
    "embed_out.weight",
)


@dataclass(frozen=True)
class Target:
    """A model of the study, wherever its weights are."""

    weights: Path  # folder with config.json, tokenizer.json and *.safetensors
    step: str | None  # text that closes a step of its solutions; a declared PRM has none of its own
    prm: Mapping[str, Any] | None  # how a declared PRM is read: template, score, ... (`tts_lib.config_checkpoint.Prm`)
    adapter: Path | None = None  # folder of LoRA weights that are added to the model's


def resolve(folder: Path) -> Target:
    """The model that a folder of `models/` stands for.

    Raises:
        StudyError: the weights are not where they were, or are not what they were.
    """
    folder = Path(folder)
    if not (pointer := folder / POINTER).is_file():
        return Target(folder, STEP_TEXT, None)
    record = tables.read_json(pointer, ["source", "sizes", "step", "prm"])
    weights = locate(record["source"])
    for name, size in record["sizes"].items():
        if not (weights / name).is_file() or (weights / name).stat().st_size != size:
            raise FolderError(f"{weights / name} is not what it was when {folder} was made; repeat its stage")
    return Target(weights, record["step"], record["prm"], folder if (folder / adapter.CONFIG).is_file() else None)


def locate(where: Mapping[str, Any]) -> Path:
    """The folder of a `model` of the hub at a `revision`, fetched if need be, or a `folder` seen from the root.

    Raises:
        StudyError: it is not there and cannot be had, or has no safetensors weights; says why.
    """
    if where["folder"] is None:
        return source.resolve(where["model"], where["revision"]).folder
    return paths.ROOT / where["folder"]


def make(
    folder: Path, where: Mapping[str, Any], step: str | None = None, prm: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Check the model at `where`, make `folder` point to it, and return what is to be known of it.

    Returns:
        n_params (all parameters), n_params_block (without embeddings and output matrix), n_layers, width, vocab_size,
        max_length (tokens), sha256 (of configuration, weights and tokenizer).

    Raises:
        StudyError: weights, configuration or tokenizer are missing, damaged, quantised or not in safetensors.
    """
    weights = locate(where)
    files = checkpoint.weight_files(weights)
    config = source.read_json(weights / "config.json")
    if "quantization_config" in config:
        raise FolderError(f"{weights} is quantised, so that its parameters cannot be counted; give the original model")
    if not (weights / "tokenizer.json").is_file():
        raise FolderError(f"{weights} lacks tokenizer.json; only models with a fast tokenizer can be used")
    sizes = {name: math.prod(shape) for name, shape in checkpoint.tensor_shapes(weights).items()}
    pointer = {
        "source": {name: where[name] for name in ("model", "revision", "folder")},
        "sizes": {path.name: path.stat().st_size for path in files},
        "step": step,
        "prm": prm,
    }
    with checkpoint.replacing(folder) as new:
        checkpoint.copy_tokenizer(weights, new)
        tables.write_json(pointer, new / POINTER)
    return {
        "n_params": sum(sizes.values()),
        "n_params_block": sum(n for name, n in sizes.items() if not name.endswith(EMBEDDINGS)),
        "n_layers": config.get("num_hidden_layers"),
        "width": config.get("hidden_size"),
        "vocab_size": config.get("vocab_size"),
        "max_length": config.get("max_position_embeddings"),
        "sha256": checkpoint.checkpoint_hash(weights),
    }


def adapt(folder: Path, base: Path, trained: Path) -> adapter.AdapterInfo:
    """Make `folder` the model that `base`, a pointer, stands for, with the adapter in the folder `trained`.

    Raises:
        FolderError: base is no pointer, or the adapter does not belong on its weights; see `adapter.check_base`.
    """
    if not (base / POINTER).is_file():
        raise FolderError(f"{base} is a model with weights of its own; an adapter is put on a checkpoint pointed to")
    info = adapter.check_base(trained, resolve(base).weights)
    with checkpoint.replacing(folder) as new:
        checkpoint.copy_tokenizer(base, new)
        for file in (base / POINTER, trained / adapter.CONFIG, trained / adapter.WEIGHTS):
            shutil.copyfile(file, new / file.name)
    return info
