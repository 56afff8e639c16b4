"""What ends a sample: a token that ends a text or closes a step, or a text, in whatever tokens it comes."""

import numpy as np

ENDS, CLOSES = 1, 2


def kinds(ends: np.ndarray, closes: np.ndarray, until_step: bool) -> np.ndarray:
    """ENDS, CLOSES or 0 of each token, uint8 (vocabulary,), from whether it ends a text and closes a step."""
    return np.where(ends, ENDS, np.where(closes & until_step, CLOSES, 0)).astype(np.uint8)


def moves(end: str | None, texts: list[str]) -> np.ndarray:
    """How much of the text `end` is there after a token, uint8 (state, token), from how much was there before it.

    State s says that the first s characters of `end` were written last; its length says that all of it is there. It is
    the automaton of Knuth, Morris and Pratt, over tokens. Without such a text there is one state.

    Args:
        texts: the text of each token alone.
    """
    if end is None:
        return np.zeros((1, len(texts)), np.uint8)
    return np.array([[_after(end, end[:state] + text) for text in texts] for state in range(len(end))], np.uint8)


def _after(end: str, written: str) -> int:
    if end in written:
        return len(end)
    longest = min(len(end) - 1, len(written))
    return next((n for n in range(longest, 0, -1) if written.endswith(end[:n])), 0)
