"""The nano tokenizer: one token per symbol of the world, lossless, saved as an ordinary fast tokenizer."""

import hashlib
import re
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from tts_lib.common.errors import StudyError

PAD = "_"
VALUE_OR_SYMBOL = r"\d\d|[\s\S]"


def build(vocabulary: list[str]) -> Tokenizer:
    """A word-level tokenizer: two digits are a value, anything else is a token by itself.

    The vocabulary's order gives the ids; its first entry, the padding token, also stands for unknown text.
    """
    ids = {token: i for i, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=PAD))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(VALUE_OR_SYMBOL), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


class _Ids(dict[str, int]):
    """Token ids by symbol; 0, the first entry of the vocabulary, for what is not there."""

    def __missing__(self, symbol: str) -> int:
        return 0


class TokenCodec:
    """Texts to int32 token arrays and back: the tokens of the text alone, the text without special tokens."""

    def __init__(self, tokenizer: Tokenizer):
        self._tokenizer = tokenizer
        self._symbols, self._ids = None, _Ids()  # of a tokenizer of `build`: read without it, in a third of the time
        if isinstance(tokenizer.model, models.WordLevel):
            ids = _Ids(tokenizer.get_vocab())
            symbols = sorted(ids, key=ids.__getitem__)
            if symbols[:1] == [PAD] and build(symbols).to_str() == tokenizer.to_str():
                self._symbols, self._ids = dict(enumerate(symbols)), ids

    @property
    def version(self) -> str:
        """SHA-256 (hex) of the tokenizer."""
        return hashlib.sha256(self._tokenizer.to_str().encode()).hexdigest()

    @classmethod
    def from_folder(cls, folder: Path) -> "TokenCodec":
        """The codec of a model folder's tokenizer.json.

        Raises:
            StudyError: the file is missing or no tokenizer.
        """
        try:
            return cls(Tokenizer.from_file(str(folder / "tokenizer.json")))
        except Exception as error:  # the library raises its own bare Exception
            raise StudyError(
                f"{folder / 'tokenizer.json'} is missing or not a tokenizer; repeat the stage that makes it"
            ) from error

    def encode(self, texts: list[str]) -> list[np.ndarray]:
        """The token ids of each text, int32 (T,), without special tokens around it."""
        if self._symbols is not None:
            find, id_of = re.compile(VALUE_OR_SYMBOL).findall, self._ids.__getitem__
            return [np.array([*map(id_of, find(text))], np.int32) for text in texts]
        return [
            np.array(e.ids, dtype=np.int32) for e in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        ]

    def decode(self, tokens: list[np.ndarray]) -> list[str]:
        """The text of each sequence of token ids, special tokens left out."""
        if self._symbols is not None:
            symbol_of = self._symbols.get
            return ["".join([symbol_of(token, "") for token in each.tolist()]) for each in tokens]
        return self._tokenizer.decode_batch([t.tolist() for t in tokens], skip_special_tokens=True)
