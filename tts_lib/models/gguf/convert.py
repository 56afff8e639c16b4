"""Makes a Hugging Face folder of a GGUF file, and reads plain sentences with it before it is kept.

transformers reads such a file itself, but only with accelerate, cannot save what it has read, and loses the splitting
of text and the <bos> of some tokenizers: a model then babbles, which only its perplexity shows.
"""

import json
import shutil
from math import exp
from pathlib import Path

from tts_lib.common.files import WriteError, explain, replacing_folder
from tts_lib.models.folder import FolderError
from tts_lib.models.gguf.reading import GgufFile
from tts_lib.models.gguf.words import tokenizer_config, tokenizer_of

PLAIN = """The sun rises in the east and sets in the west. Water boils when it is heated, and it freezes when it is \
cold enough. She opened the door, walked into the kitchen and made herself a cup of tea. Most children learn to read \
and write at school. In the winter the days are short and the nights are long."""
BABBLE = 60.0  # perplexity on these sentences; a small model that was read rightly has 10 to 20


def convert(file: Path, folder: Path, origin: str, babble: float = BABBLE) -> None:
    """Write the model of a GGUF file as the folder `folder`, whole or not at all.

    Args:
        origin: where the file is from, for the model card.
        babble: perplexity on plain English at which the model is refused.

    Raises:
        StudyError: the package gguf is missing, the file is damaged or of another kind than is known, the disk is too
            small, or the model babbles.
    """
    import torch
    from safetensors.torch import save_file

    source = GgufFile(file)
    config, tokenizer = source.config(), tokenizer_of(source)
    dtype = getattr(torch, config["dtype"])
    _refuse_small_disk(folder.parent, source.n_weights * dtype.itemsize)
    try:
        with replacing_folder(folder) as new:
            weights = {name: torch.from_numpy(values.copy()).to(dtype) for name, values in source.weights()}
            save_file(weights, new / "model.safetensors", metadata={"format": "pt"})
            _write_json(config, new / "config.json")
            _write_json(tokenizer_config(source, config), new / "tokenizer_config.json")
            tokenizer.save(str(new / "tokenizer.json"))
            if (found := perplexity(new)) > babble:
                raise FolderError(
                    f"the model made of {file} reads plain English with a perplexity of {found:.0f}, where at most "
                    f"{babble:.0f} is allowed: its tokenizer or weights are of a kind that is not read rightly"
                )
            (new / "README.md").write_text(_card(source, origin, found))
    except OSError as error:
        raise WriteError(explain(error, folder)) from error


def perplexity(folder: Path, text: str = PLAIN) -> float:
    """e to the mean surprise (nats a token) of a model folder at a text, its first token left out."""
    import torch
    import transformers

    from tts_lib.models import pretrained

    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    model = pretrained.load(transformers.AutoModelForCausalLM, folder, "cpu", dtype=torch.float32)
    tokens = torch.tensor([tokenizer(text).input_ids])
    with torch.inference_mode():
        surprise = torch.nn.functional.cross_entropy(model(tokens).logits[0, :-1], tokens[0, 1:])
    return exp(min(float(surprise), 80.0))


def _refuse_small_disk(place: Path, n_bytes: int) -> None:
    place.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(place).free) < n_bytes:
        raise FolderError(
            f"the disk of {place} has {free / 1e9:.1f} GB free, and the model needs {n_bytes / 1e9:.1f} GB"
        )


def _write_json(content: dict, path: Path) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _card(file: GgufFile, origin: str, found: float) -> str:
    """The text of README.md."""
    name, licence = file.said("general.name", file.path.stem), file.said("general.license", "not stated")
    maker = file.said("general.organization", "not stated")
    return f"""---
license: {json.dumps(licence)}
library_name: transformers
---
# {name}

A Llama of {file.n_weights:,} parameters. Made by: {maker}. Licence: {licence}.

Taken from {origin}: the weights were dequantised from `{file.path.name}`, the tokenizer and the chat template are
those of that file. Perplexity on five plain English sentences: {found:.1f}.
"""
