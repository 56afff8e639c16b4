"""The nano tokenizer read without the library, and all others by it."""

import random

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from tts_lib.models.tokenizer import PAD, TokenCodec, build

SYMBOLS = [PAD, "$", "\n", "=", *"0123456789", "a", "A", *(f"{number:02d}" for number in range(100))]
ALPHABET = ["$", "\n", "=", *"0123456789", *"0123456789", "a", "A", "_", "é", "z", " ", "\r", "٣", "Ⅷ", "\U0001f600"]


@pytest.mark.parametrize("tokenizer", [build(SYMBOLS), Tokenizer.from_str(build(SYMBOLS).to_str())])
def test_reading_symbols_is_what_the_library_does(tokenizer: Tokenizer) -> None:
    draw = random.Random(0)
    texts = ["", *("".join(draw.choices(ALPHABET, k=draw.randrange(40))) for _ in range(2000))]
    codec = TokenCodec(tokenizer)
    found = codec.encode(texts)
    known = [each.ids for each in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    assert [each.tolist() for each in found] == known
    assert {each.dtype for each in found} == {np.dtype(np.int32)}
    drawn = [np.array(draw.choices(range(len(SYMBOLS) + 5), k=20), np.int32) for _ in range(200)]  # some of nobody
    assert codec.decode(drawn) == tokenizer.decode_batch([each.tolist() for each in drawn])


def test_another_tokenizer_of_words_is_read_by_the_library() -> None:
    words = Tokenizer(models.WordLevel({PAD: 0, "one": 1, "two": 2}, unk_token=PAD))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    assert [each.tolist() for each in TokenCodec(words).encode(["one two three"])] == [[1, 2, 0]]
    late = build([symbol for symbol in SYMBOLS if symbol != PAD] + [PAD])  # what is unknown is not its first entry
    assert TokenCodec(late).encode(["é"])[0].tolist() == [len(SYMBOLS) - 1]
