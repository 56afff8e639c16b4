"""A GGUF file of a Llama: its weights, in the order of Hugging Face, and what it says of the model.

Files are data: nothing in them is run, and whatever is not known is refused by its name.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tts_lib.common.errors import StudyError, one_line
from tts_lib.models.folder import FolderError

TYPES = ("F32", "F16", "BF16", "Q4_1", "Q5_0", "Q8_0", "Q4_K", "Q6_K")  # of numbers, that are read
OUTSIDE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
PER_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_LAYER = re.compile(r"blk\.(\d{1,4})\.(\w+)\.weight")


class GgufFile:
    """An open file; weights are read from it one by one."""

    def __init__(self, path: Path):
        """Open a file.

        Raises:
            StudyError: the package gguf is not installed.
            FolderError: there is no such file, it is damaged, or of another architecture or quantisation.
        """
        try:
            from gguf import GGUFReader
        except ImportError as error:
            raise StudyError(
                f"reading {path} needs the package gguf, which is not installed: pip install -e '.[gguf]'"
            ) from error
        if not path.is_file():
            raise FolderError(f"there is no GGUF file {path}")
        self.path = path
        try:
            reader = GGUFReader(path)
            self._said: Mapping[str, Any] = {name: field.contents() for name, field in reader.fields.items()}
            self._tensors = {tensor.name: tensor for tensor in reader.tensors}
        except (ValueError, KeyError, IndexError, TypeError, OverflowError, OSError) as error:
            raise FolderError(f"{path} is no GGUF file, or damaged: {one_line(error)[:200]}") from error
        if (kind := self.said("general.architecture")) != "llama":
            raise FolderError(f"{path} holds a model of the architecture {kind!r}; allowed is 'llama'")
        for tensor in self._tensors.values():
            if (stored := tensor.tensor_type.name) not in TYPES:
                raise FolderError(
                    f"{path}: the tensor {tensor.name} is stored as {stored}; allowed are {', '.join(TYPES)}"
                )

    @property
    def n_weights(self) -> int:
        return sum(int(tensor.n_elements) for tensor in self._tensors.values())

    @property
    def is_exact(self) -> bool:
        """Whether a matrix is stored in 32 bits, which bfloat16 would not hold."""
        return any(each.tensor_type.name == "F32" and len(each.shape) > 1 for each in self._tensors.values())

    def said(self, name: str, default: Any = None) -> Any:
        """A statement of the file about the model.

        Raises:
            FolderError: it is not there, and there is no default.
        """
        if (value := self._said.get(name, default)) is None:
            raise FolderError(f"{self.path} does not say {name}")
        return value

    def config(self) -> dict[str, Any]:
        """The content of config.json.

        Raises:
            FolderError: the file lacks a size, or scales its rotary embedding.
        """
        if self._said.get("llama.rope.scaling.type", "none") != "none" or "rope_freqs.weight" in self._tensors:
            raise FolderError(f"{self.path} scales its rotary embedding, which is not supported")
        n_heads, end = self.said("llama.attention.head_count"), self.said("tokenizer.ggml.eos_token_id")
        width = self.said("llama.embedding_length")
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": len(self.said("tokenizer.ggml.tokens")),
            "hidden_size": width,
            "intermediate_size": self.said("llama.feed_forward_length"),
            "num_hidden_layers": self.said("llama.block_count"),
            "num_attention_heads": n_heads,
            "num_key_value_heads": self.said("llama.attention.head_count_kv", n_heads),
            "head_dim": self.said("llama.attention.key_length", width // n_heads),
            "max_position_embeddings": self.said("llama.context_length"),
            "rms_norm_eps": float(str(np.float32(self.said("llama.attention.layer_norm_rms_epsilon")))),
            "rope_parameters": {"rope_type": "default", "rope_theta": float(self.said("llama.rope.freq_base", 1e4))},
            "hidden_act": "silu",
            "attention_bias": False,
            "mlp_bias": False,
            "tie_word_embeddings": "output.weight" not in self._tensors,
            "bos_token_id": self.said("tokenizer.ggml.bos_token_id", end),
            "eos_token_id": end,
            "pad_token_id": self.said("tokenizer.ggml.padding_token_id", end),
            "dtype": "float32" if self.is_exact else "bfloat16",
        }

    def weights(self) -> Iterator[tuple[str, np.ndarray]]:
        """Name and values (fp32) of each tensor, as Hugging Face has them.

        Raises:
            FolderError: a tensor that no Llama has.
        """
        from gguf.quants import dequantize

        n_heads = self.said("llama.attention.head_count")
        n_shared = self.said("llama.attention.head_count_kv", n_heads)
        for tensor in self._tensors.values():
            name = self._called(tensor.name)
            shape = tuple(int(size) for size in tensor.shape[::-1])
            values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False).reshape(shape)
            if name.endswith(("q_proj.weight", "k_proj.weight")):
                values = halves_apart(values, n_heads if name.endswith("q_proj.weight") else n_shared)
            yield name, values

    def _called(self, name: str) -> str:
        if name in OUTSIDE:
            return OUTSIDE[name]
        if (found := _LAYER.fullmatch(name)) and found[2] in PER_LAYER:
            return f"model.layers.{int(found[1])}.{PER_LAYER[found[2]]}.weight"
        raise FolderError(f"{self.path} holds the tensor {name}, which is not known of a Llama")


def halves_apart(matrix: np.ndarray, n_heads: int) -> np.ndarray:
    """The rows (heads * channels, k) of a projection with the rotated pairs half a head apart, as in Hugging Face.

    In llama.cpp the two rows of a pair stand beside each other.
    """
    n_rows, k = matrix.shape
    return matrix.reshape(n_heads, n_rows // n_heads // 2, 2, k).swapaxes(1, 2).reshape(n_rows, k)
