"""The cheap control of a tuned verifier: a head on what the model it was tuned from makes of a solution, untouched."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import transformers
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tts_lib.models import pretrained
from tts_lib.models.layout import Laid

STRENGTH = 3e-4  # of a regression on thousands of channels: fitted for solutions of one study, kept for all


def features(checkpoint: Path, laid: Sequence[Laid], device: str, batch_size: int) -> np.ndarray:
    """The last hidden states of each solution up to its last step: their mean, and the last; (solution, 2 * width)."""
    body = pretrained.load(transformers.AutoModel, checkpoint, device).eval()
    texts = [each.tokens[: each.places[-1] + 1] for each in laid]
    found = np.zeros((len(texts), 2 * body.config.hidden_size), np.float32)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        tokens = np.zeros((len(batch), len(texts[batch[-1]])), np.int64)  # causal: padding on the right is not seen
        for row, i in zip(tokens, batch, strict=True):
            row[: len(texts[i])] = texts[i]
        with torch.inference_mode():
            hidden = body(torch.from_numpy(tokens).to(device)).last_hidden_state.float().cpu().numpy()
        for states, i in zip(hidden, batch, strict=True):
            own = states[: len(texts[i])]
            found[i] = np.concatenate([own.mean(0), own[-1]])
    return found


def scores(known: np.ndarray, correct: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """P(right) of each solution in `asked` (solution, channel), from what `known` ones with their outcome teach.

    Raises:
        ValueError: the known solutions are all right or all wrong.
    """
    head = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=1000))
    return head.fit(known, correct).predict_proba(asked)[:, 1]
