"""A model folder's weights in the order in which the kernels read them."""

from typing import NamedTuple

import numpy as np

from tts_lib.engines.native.attention import CHUNK, GROUP, PAGE, Heads
from tts_lib.engines.native.matmul import PANEL
from tts_lib.models.folder import ModelConfig


class Packed(NamedTuple):
    """Weights, tables and sizes; every size is padded to whole vectors with zero weights.

    A row of the fused projection is [query left | query right | key left | key right | value]; left
    and right are the rotated pairs, all heads together, `section` channels each. The weights of a
    norm are folded into the matrix that follows it, 1 / sqrt(head width) into the queries.

    Where `n_groups` query heads share keys and values, as many queries stand before the keys: the first
    has the first query head of each group, and so on. To the kernels each is the query of a model whose
    heads are those of the keys.
    """

    embedding: np.ndarray  # (vocab, width)
    weights: np.ndarray  # flat panels of all matrices
    qkv: np.ndarray  # int64 (layer,): where each layer's matrices begin in `weights`
    out: np.ndarray
    gate_up: np.ndarray
    down: np.ndarray
    head: int  # where the head's matrix begins
    head_bias: float
    cos: np.ndarray  # (max_length, section)
    sin: np.ndarray
    constants: np.ndarray  # [1 / true width, norm epsilon]
    n_out: int  # outputs of the head: vocabulary, or 1 score
    width: int
    width_qkv: int
    width_heads: int
    width_group: int  # of width_heads, what one of the queries finds
    width_mlp: int
    width_out: int
    section: int
    n_groups: int
    heads: Heads  # of keys and values

    @property
    def page_size(self) -> int:
        """fp32 numbers in one layer's page."""
        return PAGE * (2 * self.section + self.width_group)


def pack(config: ModelConfig, tensors: dict[str, np.ndarray]) -> Packed:
    """Pack the tensors of `models.folder.read`."""
    head = config.width_head
    half, section, groups, channels_qkv = _qkv_layout(config)
    width, width_mlp = _round_up(config.width, PANEL), _round_up(config.width_mlp, 8)
    width_group = config.n_shared_heads * groups * GROUP
    width_heads = config.n_groups * width_group
    frequency = config.rope_theta ** (-np.arange(head // 2) / (head // 2))
    angle = np.zeros((config.max_length, section))
    for h in range(config.n_shared_heads):
        angle[:, h * half : h * half + head // 2] = np.arange(config.max_length)[:, None] * frequency

    panels: list[np.ndarray] = []
    starts: dict[str, list[int]] = {"qkv": [], "out": [], "gate_up": [], "down": []}
    size = 0

    def add(matrix: np.ndarray, k: int) -> int:  # (up to k, columns) -> panels; returns where they begin
        nonlocal size
        panels.append(_to_panels(matrix, k))
        size += panels[-1].size
        return size - panels[-1].size

    for i in range(config.n_layers):
        layer = {name: tensors[f"model.layers.{i}.{name}.weight"].T for name in _LAYER}
        norm = layer["input_layernorm"][:, None]
        q, k, v = (norm * layer[f"self_attn.{name}_proj"] for name in "qkv")
        fused = _place_columns(np.concatenate([q / np.sqrt(head), k, v], axis=1), channels_qkv)
        starts["qkv"].append(add(fused, width))
        out = np.zeros((width_heads, config.width), np.float32)
        out[_found_channels(config, groups)] = layer["self_attn.o_proj"]
        starts["out"].append(add(out, width_heads))
        norm = layer["post_attention_layernorm"][:, None]
        fused = _interleave(norm * layer["mlp.gate_proj"], norm * layer["mlp.up_proj"])
        starts["gate_up"].append(add(fused, width))
        starts["down"].append(add(layer["mlp.down_proj"], width_mlp))
    last = tensors[_LAST[config.has_score_head, config.is_tied]].T
    head_start = add(tensors["model.norm.weight"][:, None] * last, width)

    embedding = np.zeros((config.vocab_size, width), np.float32)
    embedding[:, : config.width] = tensors["model.embed_tokens.weight"]
    return Packed(
        embedding=embedding,
        weights=_joined(panels, size),
        **{name: np.array(where, np.int64) for name, where in starts.items()},
        head=head_start,
        head_bias=float(tensors["score.bias"][0]) if config.has_score_head else 0.0,
        cos=np.cos(angle).astype(np.float32),
        sin=np.sin(angle).astype(np.float32),
        constants=np.array([1 / config.width, config.norm_eps], np.float32),
        n_out=last.shape[1],
        width=width,
        width_qkv=_round_up(2 * (config.n_groups + 1) * section + width_group, PANEL),
        width_heads=width_heads,
        width_group=width_group,
        width_mlp=width_mlp,
        width_out=_round_up(last.shape[1], PANEL),
        section=section,
        n_groups=config.n_groups,
        heads=Heads(config.n_shared_heads, half, groups),
    )


_LAYER = (
    *(f"self_attn.{name}_proj" for name in "qkvo"),
    *(f"mlp.{name}_proj" for name in ("gate", "up", "down")),
    "input_layernorm",
    "post_attention_layernorm",
)
_LAST = {  # (has a score head, is tied) -> the matrix that the head reads with
    (False, False): "lm_head.weight",
    (False, True): "model.embed_tokens.weight",
    (True, False): "score.weight",
    (True, True): "score.weight",
}


def _qkv_layout(config: ModelConfig) -> tuple[int, int, int, np.ndarray]:
    """(half, section, groups per head, column of each query, key and value channel in the fused row)."""
    head, n_shared = config.width_head, config.n_shared_heads
    half = _round_up(head // 2, CHUNK)
    section = n_shared * half
    groups = _round_up(head, GROUP) // GROUP
    h, channel = np.divmod(np.arange(config.n_heads * head), head)
    is_right, pair = np.divmod(channel, head // 2)
    shared, member = np.divmod(h, config.n_groups)
    query = 2 * section * member + is_right * section + shared * half + pair
    h, channel, is_right, pair = (each[: n_shared * head] for each in (h, channel, is_right, pair))
    key = 2 * section * config.n_groups + is_right * section + h * half + pair
    value = 2 * section * (config.n_groups + 1) + h * groups * GROUP + channel
    return half, section, groups, np.concatenate([query, key, value])


def _found_channels(config: ModelConfig, groups: int) -> np.ndarray:
    """Where each channel of what the heads find stands among `width_heads`."""
    h, channel = np.divmod(np.arange(config.width), config.width_head)
    shared, member = np.divmod(h, config.n_groups)
    return (member * config.n_shared_heads + shared) * groups * GROUP + channel


def _place_columns(matrix: np.ndarray, columns: np.ndarray) -> np.ndarray:
    placed = np.zeros((matrix.shape[0], columns.max() + 1), np.float32)
    placed[:, columns] = matrix
    return placed


def _interleave(gate: np.ndarray, up: np.ndarray) -> np.ndarray:
    """(k, mlp) twice -> (k, 2 * padded mlp): 8 columns of gate, the same 8 of up, and so on."""
    k, n = gate.shape
    pair = np.zeros((k, 2, _round_up(n, 8)), np.float32)
    pair[:, 0, :n], pair[:, 1, :n] = gate, up
    return pair.reshape(k, 2, -1, 8).transpose(0, 2, 1, 3).reshape(k, -1)


def _to_panels(matrix: np.ndarray, k: int) -> np.ndarray:
    """(up to k, columns) -> (panel, k, PANEL)."""
    rows, columns = matrix.shape
    padded = np.zeros((k, _round_up(columns, PANEL)), np.float32)
    padded[:rows, :columns] = matrix
    return np.ascontiguousarray(padded.reshape(k, -1, PANEL).transpose(1, 0, 2))


def _joined(panels: list[np.ndarray], size: int) -> np.ndarray:
    """The panels in one array that begins at a cache line; they are given up as they are copied."""
    space = np.empty(size + 16, np.float32)
    start = -(space.ctypes.data // 4) % 16
    joined, at = space[start : start + size], 0
    for i, panel in enumerate(panels):
        joined[at : at + panel.size] = panel.ravel()
        at += panel.size
        panels[i] = panel[:0]
    return joined


def _round_up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple
