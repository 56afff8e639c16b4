"""Models of Hugging Face checkpoints through transformers: from safetensors on this disk, and no code of their own."""

from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError

from tts_lib.common.errors import StudyError, one_line
from tts_lib.models.folder import FolderError

SAFELY = {"trust_remote_code": False, "local_files_only": True}


def load(loader: Any, folder: Path, device: str | torch.device, new_head: bool = False, **options: Any) -> Any:
    """The model that a transformers class makes of a folder, on `device`.

    Args:
        loader: an Auto class of transformers.
        folder: the checkpoint.
        device: where the model goes.
        new_head: weights outside the model's body may be missing; transformers draws them at random.
        options: of `from_pretrained`.

    Raises:
        FolderError: transformers refuses the folder, or it lacks weights.
        StudyError: there is no such device, or no room on it.
    """
    told = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()  # what is missing is checked here, what is left over does not matter
    try:
        model, report = loader.from_pretrained(
            folder, use_safetensors=True, output_loading_info=True, **SAFELY, **options
        )
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _no_room(folder, "the machine") from error
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise FolderError(f"transformers cannot load the model in {folder}: {one_line(error)[:300]}") from error
    finally:
        transformers.logging.set_verbosity(told)
    body = f"{model.base_model_prefix}." if new_head else ""
    if missing := sorted(name for name in report["missing_keys"] if name.startswith(body)):
        raise FolderError(f"the weights in {folder} lack {missing[0]}: this is a model of another kind, or not whole")
    try:
        return model.to(device)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _no_room(folder, device) from error
    except (RuntimeError, AssertionError) as error:  # without CUDA torch asserts
        raise StudyError(f"the model in {folder} cannot be put on {device}: {one_line(error)[:300]}") from error


def _no_room(folder: Path, where: str | torch.device) -> StudyError:
    return StudyError(
        f"the model in {folder} does not fit into the memory of {where}; choose a smaller one, or more memory"
    )
