"""A policy that writes what a function says, for tests of what is done with its texts."""

from collections.abc import Callable

import numpy as np

from tts_lib.answers.protocols import FINISH_END, FINISH_LENGTH, Samples
from tts_lib.models.tokenizer import TokenCodec, build
from tts_lib.questions.nano.world import END, World

WORLD = World.build(n_maps=8, n_values=20, zipf_offset=1.0, seed=0)
CODEC = TokenCodec(build(WORLD.vocabulary))


class ScriptedPolicy:
    """`write(prefix, seeds)` gives the texts that follow a prefix, one a seed. Keeps the prefixes it was asked for."""

    version = "scripted"

    def __init__(self, write: Callable[[str, list[int]], list[str]]) -> None:
        self.write = write
        self.prefixes: list[str] = []

    def sample(self, requests, sampling):
        results = []
        for request in requests:
            (prefix,) = CODEC.decode([request.prefix])
            self.prefixes.append(prefix)
            texts = self.write(prefix, request.seeds.tolist())
            tokens = CODEC.encode(texts)
            finish = np.array([FINISH_END if t.endswith(END) else FINISH_LENGTH for t in texts], np.uint8)
            offsets = np.cumsum([0, *map(len, tokens)])
            results.append(Samples(np.concatenate(tokens), offsets, finish, None))
        return results
