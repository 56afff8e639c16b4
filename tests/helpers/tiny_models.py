"""Tiny random Qwen2 and Llama checkpoints with byte-level tokenizers, for tests of declared PRMs and prompts."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from tts_lib.common.tables import write_json

LINES = [
    "Step 1: Janet spends 3 hours + 5 hours = 8 hours per week on music lessons. ки",
    "First, we add the numbers.\n\nThen we see that 2 + 2 = 4.\n\n# Answer\n\n4",
    "What is the sum of two and two? good bad + - user assistant system\n\n",
] * 4
SPECIALS = ["<|im_start|>", "<|im_end|>", "<extra_0>"]
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
WINDOW = 512
PIECES = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"  # as Qwen2's


def tokenizer() -> Tokenizer:
    """Byte-level BPE that knows the markers `<extra_0>` (special) and ` ки` (a word), and the labels + and -."""
    built = Tokenizer(models.BPE())
    pieces = pre_tokenizers.Split(Regex(PIECES), "isolated")
    built.pre_tokenizer = pre_tokenizers.Sequence([pieces, pre_tokenizers.ByteLevel(False, use_regex=False)])
    built.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet, show_progress=False)
    built.train_from_iterator(LINES, trainer)
    built.add_special_tokens([AddedToken(text, special=True) for text in SPECIALS])
    return built


def checkpoint(folder: Path, family: str = "qwen2", extra: dict[str, torch.Tensor] | None = None) -> Path:
    """A random causal model and its tokenizer; with `extra` tensors the output matrix gives way to those of a head."""
    built = tokenizer()
    torch.manual_seed(0)
    sizes = {
        "vocab_size": built.get_vocab_size(),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": WINDOW,
        "initializer_range": 0.3,
        "eos_token_id": built.token_to_id("<|im_end|>"),
        "bos_token_id": None,
        "tie_word_embeddings": False,
    }
    model = Qwen2ForCausalLM(Qwen2Config(**sizes)) if family == "qwen2" else LlamaForCausalLM(LlamaConfig(**sizes))
    model.save_pretrained(folder)
    built.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "chat_template": CHATML}
    write_json(settings, folder / "tokenizer_config.json")
    if extra is not None:
        weights = load_file(folder / "model.safetensors")
        del weights["lm_head.weight"]
        save_file(weights | extra, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def head(name: str, *shapes: tuple[int, int]) -> dict[str, torch.Tensor]:
    """Tensors of a head of linear layers, named as in an `nn.Sequential` with activations between them."""
    generator = torch.Generator().manual_seed(1)
    tensors = {}
    for place, (n_out, n_in) in enumerate(shapes):
        prefix = f"{name}.{2 * place}" if len(shapes) > 1 else name
        tensors[f"{prefix}.weight"] = torch.randn(n_out, n_in, generator=generator) / n_in**0.5
        tensors[f"{prefix}.bias"] = torch.randn(n_out, generator=generator)
    return tensors
