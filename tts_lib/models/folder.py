"""Hugging Face folders of Llama models: written atomically, read without torch or transformers.

A folder holds config.json, model.safetensors, tokenizer.json, tokenizer_config.json and README.md,
and loads with `transformers.AutoModelForCausalLM` (a policy) or `AutoModelForTokenClassification`
(a verifier: one label, whose logit at a step's closing token is the step's score).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tts_lib.common.errors import StudyError
from tts_lib.common.files import file_hash, replacing_folder

STEP_TEXT = "\n"  # the text of the token that closes a step
FILES_HASHED = ("config.json", "model.safetensors", "tokenizer.json")


class FolderError(StudyError):
    """A model folder that is missing, damaged or of a kind that is not supported."""


@dataclass(frozen=True)
class ModelConfig:
    """What a folder says about its model, apart from the weights."""

    vocab_size: int
    n_layers: int
    width: int
    n_heads: int
    width_mlp: int
    max_length: int  # tokens, the model's window
    rope_theta: float
    norm_eps: float
    end_token: int
    has_score_head: bool  # a verifier (score.weight, score.bias) instead of a policy (lm_head.weight)
    n_groups: int = 1  # query heads that share one head of keys and values
    is_tied: bool = False  # logits are read with the embeddings: there is no lm_head.weight

    @property
    def n_shared_heads(self) -> int:
        """Heads of keys and values."""
        return self.n_heads // self.n_groups

    @property
    def width_head(self) -> int:
        return self.width // self.n_heads

    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every tensor of model.safetensors."""
        width, mlp, shared = self.width, self.width_mlp, self.n_shared_heads * self.width_head
        shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (self.vocab_size, width)}
        for i in range(self.n_layers):
            layer = f"model.layers.{i}."
            shapes |= {
                f"{layer}self_attn.{name}_proj.weight": (shared if name in "kv" else width, width) for name in "qkvo"
            }
            shapes |= {f"{layer}mlp.{name}_proj.weight": (mlp, width) for name in ("gate", "up")}
            shapes[f"{layer}mlp.down_proj.weight"] = (width, mlp)
            shapes |= {f"{layer}{name}_layernorm.weight": (width,) for name in ("input", "post_attention")}
        shapes["model.norm.weight"] = (width,)
        if self.has_score_head:
            return shapes | {"score.weight": (1, width), "score.bias": (1,)}
        return shapes if self.is_tied else shapes | {"lm_head.weight": (self.vocab_size, width)}

    def to_json(self) -> dict[str, Any]:
        """The content of config.json."""
        kind = "LlamaForTokenClassification" if self.has_score_head else "LlamaForCausalLM"
        labels = {"id2label": {"0": "correct"}, "label2id": {"correct": 0}} if self.has_score_head else {}
        return {
            "architectures": [kind],
            "model_type": "llama",
            "vocab_size": self.vocab_size,
            "hidden_size": self.width,
            "intermediate_size": self.width_mlp,
            "num_hidden_layers": self.n_layers,
            "num_attention_heads": self.n_heads,
            "num_key_value_heads": self.n_shared_heads,
            "head_dim": self.width_head,
            "max_position_embeddings": self.max_length,
            "rms_norm_eps": self.norm_eps,
            "rope_parameters": {"rope_type": "default", "rope_theta": self.rope_theta},
            "hidden_act": "silu",
            "attention_bias": False,
            "mlp_bias": False,
            "tie_word_embeddings": self.is_tied,
            "bos_token_id": None,
            "eos_token_id": self.end_token,
            "pad_token_id": self.end_token,
            "dtype": "float32",
            **labels,
        }


def write(folder: Path, config: ModelConfig, hf_state: Mapping[str, np.ndarray], tokenizer, card: str) -> None:
    """Write a whole model folder, or nothing: an existing folder is replaced only once the new one is complete.

    `tokenizer` is a `tokenizers.Tokenizer`, `card` the text of README.md.

    Raises:
        FolderError: a tensor is missing, superfluous or of the wrong shape.
    """
    from safetensors.numpy import save_file

    _check_tensors(folder, config, hf_state)
    with replacing_folder(Path(folder)) as new:
        tensors = {name: np.ascontiguousarray(tensor, dtype=np.float32) for name, tensor in hf_state.items()}
        save_file(tensors, new / "model.safetensors", metadata={"format": "pt"})
        end_text = tokenizer.id_to_token(config.end_token)
        tokenizer_config = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": end_text,
            "pad_token": end_text,
            "padding_side": "left",
            "model_max_length": config.max_length,
            "clean_up_tokenization_spaces": False,
        }
        (new / "config.json").write_text(_dump(config.to_json()))
        (new / "tokenizer_config.json").write_text(_dump(tokenizer_config))
        (new / "README.md").write_text(card)
        tokenizer.save(str(new / "tokenizer.json"))


def read(folder: Path) -> tuple[ModelConfig, dict[str, np.ndarray]]:
    """The configuration and all tensors (fp32) of a model folder.

    Raises:
        FolderError: one sentence saying what is missing, damaged or not supported, and where.
    """
    from safetensors import SafetensorError, deserialize

    config = read_config(folder)
    path = Path(folder) / "model.safetensors"
    _require(path)
    try:
        stored = deserialize(path.read_bytes())
    except (SafetensorError, OSError) as error:
        raise FolderError(f"{path} is damaged or truncated: {error}") from error
    tensors = {name: _single(path, name, tensor) for name, tensor in stored}
    _check_tensors(folder, config, tensors)
    return config, tensors


def _single(path: Path, name: str, stored: Mapping[str, Any]) -> np.ndarray:
    """A tensor in fp32; NumPy has no bfloat16, which is the upper half of it."""
    match stored["dtype"]:
        case "BF16":
            values = (np.frombuffer(stored["data"], np.uint16).astype(np.uint32) << 16).view(np.float32)
        case "F16" | "F32" as kind:
            values = np.frombuffer(stored["data"], np.float16 if kind == "F16" else np.float32).astype(np.float32)
        case kind:
            raise FolderError(f"tensor {name} of {path} is stored as {kind}; allowed are F32, F16 and BF16")
    return values.reshape(stored["shape"])


def read_config(folder: Path) -> ModelConfig:
    """The configuration of a model folder; see `read`."""
    path = Path(folder) / "config.json"
    _require(path)
    try:
        raw = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise FolderError(f"{path} is not valid JSON: {error}") from error
    try:
        architecture = raw["architectures"][0]
        rope = raw.get("rope_parameters") or {"rope_theta": raw["rope_theta"]}
        config = ModelConfig(
            vocab_size=raw["vocab_size"],
            n_layers=raw["num_hidden_layers"],
            width=raw["hidden_size"],
            n_heads=raw["num_attention_heads"],
            width_mlp=raw["intermediate_size"],
            max_length=raw["max_position_embeddings"],
            rope_theta=float(rope["rope_theta"]),
            norm_eps=float(raw["rms_norm_eps"]),
            end_token=raw["eos_token_id"] if isinstance(raw["eos_token_id"], int) else raw["eos_token_id"][0],
            has_score_head=architecture == "LlamaForTokenClassification",
            n_groups=raw["num_attention_heads"] // (raw.get("num_key_value_heads") or raw["num_attention_heads"]),
            is_tied=bool(raw.get("tie_word_embeddings")),
        )
    except (KeyError, IndexError, TypeError, ZeroDivisionError) as error:
        raise FolderError(f"{path} lacks a Llama setting: {error!r}") from error
    unsupported = {
        "architectures": architecture not in ("LlamaForCausalLM", "LlamaForTokenClassification"),
        "num_key_value_heads": (raw.get("num_key_value_heads") or config.n_heads) * config.n_groups != config.n_heads,
        "head_dim": (raw.get("head_dim") or config.width_head) * config.n_heads != config.width,
        "rope_parameters": rope.get("rope_type", "default") != "default",
        "hidden_act": raw.get("hidden_act", "silu") != "silu",
        "attention_bias": bool(raw.get("attention_bias")),
        "mlp_bias": bool(raw.get("mlp_bias")),
    }
    for setting, is_unsupported in unsupported.items():
        if is_unsupported:
            raise FolderError(
                f"{path}: {setting} = {raw.get(setting)!r} is not supported; allowed is a Llama of equal "
                "groups of heads, without biases or scaled rotary embedding"
            )
    return config


def step_token(folder: Path) -> int:
    """Id of the token that closes a step: the newline of the folder's tokenizer.

    Raises:
        FolderError: the tokenizer is missing or damaged, or has no such token.
    """
    from tokenizers import Tokenizer

    path = Path(folder) / "tokenizer.json"
    _require(path)
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise FolderError(f"{path} is not a valid tokenizer file: {error}") from error
    token = tokenizer.token_to_id(STEP_TEXT)
    if token is None:
        raise FolderError(f"{path} has no token for the newline, which closes a step")
    return token


def weights_hash(folder: Path) -> str:
    """SHA-256 (hex) over what decides the model's output: configuration, weights and tokenizer."""
    files = [Path(folder) / name for name in FILES_HASHED]
    for path in files:
        _require(path)
    return file_hash(*files)


def _require(path: Path) -> None:
    if not path.parent.is_dir():
        raise FolderError(f"there is no model folder {path.parent}")
    if not path.is_file():
        raise FolderError(f"model folder {path.parent} lacks {path.name}")


def _check_tensors(folder: Path, config: ModelConfig, tensors: Mapping[str, np.ndarray]) -> None:
    expected = config.tensor_shapes()
    for name, shape in expected.items():
        if name not in tensors:
            raise FolderError(f"the weights of {folder} lack the tensor {name}")
        if tuple(tensors[name].shape) != shape:
            raise FolderError(f"tensor {name} of {folder} has shape {tuple(tensors[name].shape)}, not {shape}")
    for name in tensors:
        if name not in expected:
            raise FolderError(f"the weights of {folder} hold the unexpected tensor {name}")


def _dump(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"
