"""Training examples of a reward model that reads solutions in a template of its own.

`tts_lib.verifiers.labels` finds a step's closing token by encoding its pieces apart, which holds for tokenizers that
never merge across steps. Here the places are given: those at which the declared verifier will read its scores.
"""

from collections.abc import Sequence

import numpy as np

from tts_lib.common.examples import Examples


def placed_examples(
    tokens: Sequence[np.ndarray], places: Sequence[np.ndarray], labels: Sequence[np.ndarray]
) -> Examples:
    """One example a solution, with a soft label at each of its places.

    Args:
        tokens: whole numbers (T,) each, the solution laid out in its template.
        places: whole numbers (step,) each, positions in the tokens.
        labels: (step,) each, in [0, 1]; NaN leaves a step out.

    Raises:
        ValueError: the numbers of labels and places differ, or a label or place is out of range.
    """
    offsets = np.r_[0, np.cumsum([len(each) for each in tokens])].astype(np.int64)
    target, weight = np.zeros((2, offsets[-1]), np.float32)
    for i, (each, at, label) in enumerate(zip(tokens, places, labels, strict=True)):
        if len(at) != len(label):
            raise ValueError(f"solution {i} has {len(at)} places but {len(label)} labels")
        known = ~np.isnan(label)
        if ((at < 0) | (at >= len(each))).any() or ((label[known] < 0) | (label[known] > 1)).any():
            raise ValueError(f"solution {i} of {len(each)} tokens has places {at} and labels {label}")
        target[offsets[i] + at[known]], weight[offsets[i] + at[known]] = label[known], 1
    return Examples(np.concatenate([*tokens, np.zeros(0, np.int32)]).astype(np.int32), offsets, weight, target)
