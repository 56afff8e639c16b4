"""Weights under the names of `models.llama` (fused projections) and under those of Hugging Face."""

from collections.abc import Mapping

import numpy as np

PER_LAYER = {  # Hugging Face name -> name in models.llama, unfused
    "self_attn.o_proj.weight": "out",
    "input_layernorm.weight": "norm_attention",
    "post_attention_layernorm.weight": "norm_mlp",
    "mlp.down_proj.weight": "down",
}
OUTSIDE = {
    "model.embed_tokens.weight": "embedding",
    "model.norm.weight": "norm",
    "lm_head.weight": "unembedding",
    "score.weight": "score.weight",
    "score.bias": "score.bias",
}
QKV = tuple(f"self_attn.{name}_proj.weight" for name in "qkv")
GATE_UP = ("mlp.gate_proj.weight", "mlp.up_proj.weight")


def to_hf_state(llama_state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Split the fused projections and rename; a state with a score head loses its `unembedding`."""
    has_score = "score.weight" in llama_state
    state = {
        theirs: np.asarray(llama_state[ours])
        for theirs, ours in OUTSIDE.items()
        if ours in llama_state and not (has_score and ours == "unembedding")
    }
    for i in range(_n_layers(llama_state, "blocks.")):
        ours, theirs = f"blocks.{i}.", f"model.layers.{i}."
        state |= {theirs + name: np.asarray(llama_state[ours + fused]) for name, fused in PER_LAYER.items()}
        state |= dict(zip([theirs + name for name in QKV], np.split(llama_state[ours + "qkv"], 3), strict=True))
        state |= dict(zip([theirs + name for name in GATE_UP], np.split(llama_state[ours + "gate_up"], 2), strict=True))
    return state


def from_hf_state(hf_state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inverse of `to_hf_state`, apart from an `unembedding` that a scored model does not keep."""
    state = {ours: hf_state[theirs] for theirs, ours in OUTSIDE.items() if theirs in hf_state}
    for i in range(_n_layers(hf_state, "model.layers.")):
        ours, theirs = f"blocks.{i}.", f"model.layers.{i}."
        state |= {ours + fused: hf_state[theirs + name] for name, fused in PER_LAYER.items()}
        state[ours + "qkv"] = np.concatenate([hf_state[theirs + name] for name in QKV])
        state[ours + "gate_up"] = np.concatenate([hf_state[theirs + name] for name in GATE_UP])
    return state


def _n_layers(state: Mapping[str, np.ndarray], prefix: str) -> int:
    return 1 + max(int(name.removeprefix(prefix).split(".")[0]) for name in state if name.startswith(prefix))
