"""Which tokens of a model close a step, and which end its texts: known from its folder, without its weights."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from tts_lib.models.folder import FolderError
from tts_lib.models.source import read_json


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a model that an engine must know."""

    size: int  # token ids are below it; often above the number of the tokenizer's tokens
    window: int  # tokens of prompt and solution together
    end_tokens: tuple[int, ...]  # each ends a text
    step_tokens: tuple[int, ...]  # each closes a step: its text holds the step's delimiter

    @classmethod
    def of(cls, folder: Path, step: str) -> "Vocabulary":
        """The vocabulary of a model folder whose solutions have steps closed by the text `step`.

        Raises:
            FolderError: configuration or tokenizer is missing or damaged, no token holds `step`, or none ends a text.
        """
        config = read_json(folder / "config.json")
        generation = folder / "generation_config.json"
        ends = (read_json(generation) if generation.is_file() else {}).get("eos_token_id", config.get("eos_token_id"))
        try:
            size, window = int(config["vocab_size"]), int(config["max_position_embeddings"])
        except (KeyError, TypeError, ValueError) as error:
            raise FolderError(f"{folder / 'config.json'} lacks {error}, or it is no whole number") from error
        if ends is None or ends == []:
            raise FolderError(f"the model in {folder} has no token that ends a text (eos_token_id)")
        closes = tokens_with(folder, step)
        return cls(size, window, tuple(ends) if isinstance(ends, list) else (ends,), closes)

    @property
    def endings(self) -> str:
        """What ends texts and steps, in a few words: samples of the same weights differ by it."""
        return endings(self.end_tokens, self.step_tokens)

    @cached_property
    def closes(self) -> np.ndarray:
        """Whether a token closes a step, bool (size,)."""
        return np.isin(np.arange(self.size), self.step_tokens)

    @cached_property
    def ends(self) -> np.ndarray:
        """Whether a token ends a text, bool (size,)."""
        return np.isin(np.arange(self.size), self.end_tokens)


def end_tokens(folder: Path, known: Vocabulary) -> tuple[int, ...]:
    """The tokens that end a model's texts, first that which its tokenizer names: what a text to be learned ends with.

    (A chat model may have others, such as the end of a document; `generation_config.json` gives them in any order.)
    """
    path = folder / "tokenizer_config.json"
    named = read_json(path).get("eos_token") if path.is_file() else None
    text = named.get("content") if isinstance(named, dict) else named
    first = Tokenizer.from_file(str(folder / "tokenizer.json")).token_to_id(text) if isinstance(text, str) else None
    return tuple(sorted(known.end_tokens, key=lambda token: token != first))


def endings(end_tokens: tuple[int, ...], step_tokens: tuple[int, ...], stop: str | None = None) -> str:
    """What ends texts and steps: tokens, or a text that closes a step where no token does."""
    ends, steps = (",".join(map(str, tokens)) for tokens in (end_tokens, step_tokens))
    return f"end={ends}:step={steps or ascii(stop)}"


def refuse_dead_step(folder: Path, step: str) -> None:
    """Refuse a text that would close no step: between two words the tokenizer must write it as one token.

    Raises:
        FolderError: it is written as several, of which none alone would end a step; or see `tokens_with`.
    """
    closes = tokens_with(folder, step)
    written = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(f"one{step}two", add_special_tokens=False)
    if not set(written.ids) & set(closes):
        raise FolderError(
            f"the tokenizer in {folder} writes {step!r} between two words as several tokens ({written.tokens}), so "
            "that no step would ever be closed by it; give another step"
        )


def token_texts(folder: Path, size: int = 0) -> list[str]:
    """The text of each token alone, by its id; `size` of them at least, those beyond the tokenizer's empty.

    Raises:
        FolderError: there is no tokenizer.
    """
    path = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise FolderError(f"{path} is missing or not a valid tokenizer file") from error
    n_tokens = tokenizer.get_vocab_size()
    texts = tokenizer.decode_batch([[token] for token in range(n_tokens)], skip_special_tokens=False)
    return texts + [""] * (size - n_tokens)


def tokens_with(folder: Path, text: str) -> tuple[int, ...]:
    """The tokens whose own text holds `text`.

    Raises:
        FolderError: there is none, or no tokenizer.
    """
    if not (found := tuple(token for token, own in enumerate(token_texts(folder)) if text in own)):
        raise FolderError(f"the tokenizer in {folder} has no token that holds {text!r}, which closes a step")
    return found
