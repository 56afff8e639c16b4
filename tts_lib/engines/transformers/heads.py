"""Score heads, read from a folder's safetensors files: linear layers with ReLU between them, no code of the model's."""

import re
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from tts_lib.models.checkpoint import weight_files
from tts_lib.models.folder import FolderError

_TENSOR = re.compile(r"(?:[A-Za-z_]+\.)*?(?P<head>score|v_head)(?:\.(?P<layer>\d+|summary))?\.(?P<kind>weight|bias)")


def read_head(folder: Path, name: str, n_outputs: int) -> nn.Module:
    """The head `name` of a model (tensors name.weight, or name.0.weight, name.2.weight, ..., with or without biases).

    Raises:
        FolderError: there is no such head, or it has another number of outputs.
    """
    layers: dict[int, dict[str, Tensor]] = {}
    for path in weight_files(folder):
        with safe_open(path, framework="pt") as file:
            for tensor in file.keys():  # noqa: SIM118 - no dictionary
                found = _TENSOR.fullmatch(tensor)
                if found and found["head"] == name:
                    place = int(found["layer"]) if (found["layer"] or "").isdigit() else 0
                    layers.setdefault(place, {})[found["kind"]] = file.get_tensor(tensor)
    if not layers or any("weight" not in tensors for tensors in layers.values()):
        raise FolderError(f"the weights of {folder} hold no score head {name}.weight: is prm.score.kind right?")
    if (found_outputs := layers[max(layers)]["weight"].shape[0]) != n_outputs:
        raise FolderError(
            f"the head {name} of {folder} has {found_outputs} outputs, not {n_outputs}: is prm.score.kind right?"
        )
    modules: list[nn.Module] = []
    for place in sorted(layers):
        modules += [_linear(layers[place]), nn.ReLU()]
    return nn.Sequential(*modules[:-1]).eval()


def _linear(tensors: dict[str, Tensor]) -> nn.Linear:
    weight = tensors["weight"]
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias="bias" in tensors, dtype=weight.dtype)
    with torch.no_grad():
        for name, tensor in tensors.items():
            getattr(layer, name).copy_(tensor)
    return layer
