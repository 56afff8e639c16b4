"""Hugging Face checkpoint folders of any architecture: what can be known without loading the weights.

(`tts_lib.models.folder` reads and writes the Llama folders of the native engine, tensor by tensor.)
"""

import json
import shutil
from pathlib import Path

from safetensors import SafetensorError, safe_open

from tts_lib.common.files import file_hash
from tts_lib.models.folder import FolderError

INDEX = "model.safetensors.index.json"  # which tensor is in which file, where there are several
DECIDING = ("config.json", "generation_config.json", "tokenizer.json")  # beside the weights
TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.model",
    "vocab.json", "merges.txt", "chat_template.jinja",
)  # fmt: skip


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that hold a checkpoint's weights.

    Raises:
        FolderError: the folder, its config.json or weights are missing, or they are pickles.
    """
    if not folder.is_dir():
        raise FolderError(f"there is no checkpoint folder {folder}; download the model and give the path of its folder")
    if not (folder / "config.json").is_file():
        raise FolderError(f"checkpoint {folder} lacks config.json; download the model again")
    names = _indexed(folder / INDEX) if (folder / INDEX).is_file() else ["model.safetensors"]
    for name in names:
        if not (folder / name).is_file():
            pickles = any(folder.glob("*.bin")) or any(folder.glob("*.pt"))
            way_out = "its weights are pickles, convert them to safetensors" if pickles else "download the model again"
            raise FolderError(f"checkpoint {folder} lacks {name}; {way_out}")
    return [folder / name for name in names]


def _indexed(path: Path) -> list[str]:
    try:
        names = set(json.loads(path.read_text())["weight_map"].values())
        if not names or any(Path(name).name != name for name in names):
            raise ValueError("it must name files of its own folder")
        return sorted(names)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FolderError(f"{path} is not an index of weights ({error}); download the model again") from error


def read_header(path: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """Shape of every tensor of a safetensors file, and the file's metadata.

    Raises:
        FolderError: the file is damaged or missing.
    """
    try:
        with safe_open(path, framework="np") as tensors:
            shapes = {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
            return shapes, tensors.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise FolderError(f"{path} is damaged or truncated: {error}") from error


def tensor_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of a checkpoint; see `weight_files` for errors."""
    return {name: shape for file in weight_files(folder) for name, shape in read_header(file)[0].items()}


def checkpoint_hash(folder: Path) -> str:
    """SHA-256 (hex) over what decides a checkpoint's output: weights and `DECIDING` files.

    Of the folders that this study writes it is `folder.weights_hash`. For errors see `weight_files`.
    """
    files = [*(folder / name for name in DECIDING), *weight_files(folder)]
    return file_hash(*sorted(path for path in files if path.is_file()))


def copy_tokenizer(source: Path, target: Path) -> None:
    """Copy the tokenizer's files, and the chat template, as they are."""
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
