"""The pretraining corpus: examples of a wanted number of tokens from an endless stream of texts."""

from collections.abc import Iterator

import numpy as np

from tts_lib.answers.protocols import Codec
from tts_lib.common.examples import Examples

BATCH = 20_000  # corpus texts tokenised at a time


def build_corpus(
    texts: Iterator[tuple[str, str]], codec: Codec, n_tokens: int, n_validation: int, max_length: int
) -> tuple[Examples, Examples, list[str]]:
    """Training examples of at least `n_tokens`, validation examples of at least `n_validation`, and some texts to show.

    Texts longer than `max_length` tokens, the models' window, are left out.
    """
    validation, shown = _take(texts, codec, n_validation, max_length)
    training, _ = _take(texts, codec, n_tokens, max_length)
    return training, validation, shown


def _take(texts: Iterator[tuple[str, str]], codec: Codec, n_tokens: int, max_length: int) -> tuple[Examples, list[str]]:
    problems: list[np.ndarray] = []
    solutions: list[np.ndarray] = []
    shown: list[str] = []
    n = 0
    while n < n_tokens:
        chunk = [next(texts) for _ in range(BATCH)]
        shown = shown or [problem + solution for problem, solution in chunk]
        for problem, solution in zip(
            codec.encode([p for p, _ in chunk]), codec.encode([s for _, s in chunk]), strict=True
        ):
            if n >= n_tokens:
                break
            if len(problem) + len(solution) <= max_length:
                problems.append(problem)
                solutions.append(solution)
                n += len(problem) + len(solution)
    return Examples.language(problems, solutions), shown
