"""A checkpoint folder of two small tensors: 40 parameters of embeddings, 6 beside them."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file


def write_checkpoint(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    tensors = {"model.embed_tokens.weight": np.zeros((10, 4), np.float32), "model.norm.weight": np.zeros(6, np.float32)}
    save_file(tensors, folder / "model.safetensors")
