"""Small GGUF files of Llamas, as llama.cpp writes them, and wheels that carry them."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

SIZES = {"vocab": 320, "layers": 2, "width": 32, "heads": 4, "shared": 2, "mlp": 64, "window": 128}
SPECIAL = ["<end>", "<start>"]
MERGES = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("i", "n")]


def tokens() -> list[str]:
    """The two special ones, every byte, what merges make, and padding."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    own = [*SPECIAL, *bytes_to_unicode().values(), *("".join(pair) for pair in MERGES)]
    return [*own, *(f"<unused{i}>" for i in range(SIZES["vocab"] - len(own)))]


def hf_weights(seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights of a model with tied embeddings, under Hugging Face's names."""
    rng, s = np.random.default_rng(seed), SIZES
    keys = s["width"] // s["heads"] * s["shared"]
    shapes = {"model.embed_tokens": (s["vocab"], s["width"])}
    for i in range(s["layers"]):
        layer = {f"self_attn.{name}_proj": (s["width"], s["width"]) for name in "qo"}
        layer |= {f"self_attn.{name}_proj": (keys, s["width"]) for name in "kv"}
        layer |= {f"mlp.{name}_proj": (s["mlp"], s["width"]) for name in ("gate", "up")}
        layer |= {"mlp.down_proj": (s["width"], s["mlp"])}
        shapes |= {f"model.layers.{i}.{name}": shape for name, shape in layer.items()}
    weights = {f"{name}.weight": rng.normal(0, 0.2, shape).astype(np.float32) for name, shape in shapes.items()}
    norms = [f"model.layers.{i}.{name}_layernorm" for i in range(s["layers"]) for name in ("input", "post_attention")]
    for name in (*norms, "model.norm"):
        weights[f"{name}.weight"] = rng.uniform(0.5, 1.5, s["width"]).astype(np.float32)
    return weights


def interleaved(matrix: np.ndarray, n_heads: int) -> np.ndarray:
    """Rows of a projection in llama.cpp's order: the two of a pair beside each other."""
    out, half = np.empty_like(matrix), len(matrix) // n_heads // 2
    for head in range(n_heads):
        for i in range(half):
            for side in (0, 1):
                out[2 * half * head + 2 * i + side] = matrix[2 * half * head + half * side + i]
    return out


def write_gguf(path: Path, weights: Mapping[str, np.ndarray], stored: str = "F32", **said: Any) -> Path:
    """A file with these weights, matrices stored as `stored`; `said` replaces what it says of itself."""
    from gguf import GGMLQuantizationType, GGUFWriter
    from gguf.quants import quantize

    from tts_lib.models.gguf.reading import OUTSIDE, PER_LAYER

    theirs = {ours: name for name, ours in OUTSIDE.items()}
    layers = {ours: name for name, ours in PER_LAYER.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = GGUFWriter(path, said.get("architecture", "llama"))
    writer.add_name("a made-up model")
    writer.add_license("apache-2.0")
    writer.add_block_count(SIZES["layers"])
    writer.add_context_length(SIZES["window"])
    writer.add_embedding_length(SIZES["width"])
    writer.add_feed_forward_length(SIZES["mlp"])
    writer.add_head_count(SIZES["heads"])
    writer.add_head_count_kv(SIZES["shared"])
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model(said.get("tokenizer", "gpt2"))
    writer.add_tokenizer_pre(said.get("split", "smollm"))
    writer.add_token_list(tokens())
    writer.add_token_types([3] * len(SPECIAL) + [1] * (SIZES["vocab"] - len(SPECIAL)))
    writer.add_token_merges([" ".join(pair) for pair in MERGES])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(said.get("bos", False))
    for name, values in weights.items():
        if name in theirs:
            own = theirs[name]
        else:
            _, _, layer, *rest, _ = name.split(".")
            own = f"blk.{layer}.{layers['.'.join(rest)]}.weight"
        if own.endswith(("attn_q.weight", "attn_k.weight")):
            values = interleaved(values, SIZES["heads" if own.endswith("q.weight") else "shared"])
        kind = GGMLQuantizationType[stored if values.ndim > 1 else "F32"]
        data = values if kind.name == "F32" else quantize(values, kind)
        writer.add_tensor(said.get("renamed", {}).get(own, own), data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_wheel(folder: Path, gguf: Path, version: str = "1.0") -> Path:
    """A wheel of the package made-up that carries a file, beside code that must not run."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"made_up-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(gguf, "made_up/model.gguf")
        archive.writestr("made_up/__init__.py", "raise SystemExit('a wheel is data')")
    return wheel
