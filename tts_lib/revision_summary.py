"""What a study says of one revision model: accuracy along its chains, and what follows an attempt, in words."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float

from tts_lib import revision_chains, stats
from tts_lib.revision_chains import Rate

COLUMNS = ["strategy", "position", "accuracy", "low", "high"]
SAID = {
    "right_to_wrong": "of the right attempts are followed by a wrong one (paper: 38%)",
    "wrong_to_right": "of the wrong ones by a right one",
    "new_after_wrong": "of the attempts after nothing but wrong ones are right",
    "independent": "of fresh samples of the same questions would be",
    "without_repeats": "of fresh samples that never repeat an answer shown",
    "same_again": "of the wrong answers are given once more",
    "same_by_chance": "would be by chance",
}


def accuracy_by_position(
    attempts: pd.DataFrame, n_positions: int, weights: Float[np.ndarray, "resample problem"], pairing: str
) -> pd.DataFrame:
    """One row (COLUMNS) for each position 1..n_positions: share of right attempts with its bootstrap interval.

    Args:
        attempts: of `revision_chains.sample_chains`.
        weights: bootstrap weights over the questions, in the order of their ids.
        pairing: of the revision model.
    """
    right = revision_chains.by_position(attempts, n_positions)
    rows = []
    for position in right.columns:
        mean = stats.mean_interval(right[position].to_numpy(), weights)
        rows.append((pairing, position, mean.estimate, mean.low, mean.high))
    return pd.DataFrame(rows, columns=COLUMNS)


def in_words(pairing: str, steps: pd.DataFrame, rates: Mapping[str, Rate]) -> str:
    """Markdown: the first and the last of `accuracy_by_position`, and `revision_chains.transitions`."""
    first, last = steps.iloc[0], steps.iloc[-1]
    text = f"**{pairing}**: {first['accuracy']:.1%} of the first attempts are right, {last['accuracy']:.1%} of those "
    text += f"at position {last['position']:.0f}. "
    known = ((rates[what], words) for what, words in SAID.items() if what in rates)
    return text + "; ".join(f"{r.rate:.1%} [{r.low:.1%}, {r.high:.1%}] {words}" for r, words in known) + "."
