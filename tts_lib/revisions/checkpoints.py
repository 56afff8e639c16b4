"""Which checkpoint of a revision model is taken: the one that revises best on validation questions (paper App. H)."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from tts_lib.revisions.transitions import by_position


@dataclass(frozen=True, eq=False)
class Comparison:
    """Every checkpoint of a training, on the same validation questions.

    Attributes:
        table: a row for each checkpoint (from 1) and question: the share of right attempts at each position, and the
            checkpoint's validation loss.
        along: the means over questions of the loss, the first and the last position, by checkpoint.
        chosen: index of the checkpoint whose last attempts are right most often.
    """

    table: pd.DataFrame
    along: pd.DataFrame
    chosen: int


def compare(tried: Sequence[pd.DataFrame], losses: Sequence[float], n_positions: int) -> Comparison:
    """Compare checkpoints by the chains that each of them made.

    Args:
        tried: attempts of `over_questions.sample_chains`, of each checkpoint.
        losses: of each checkpoint, on trajectories that were held out.
    """
    parts = [
        by_position(attempts, n_positions).reset_index().assign(checkpoint=number, validation_loss=loss)
        for number, (attempts, loss) in enumerate(zip(tried, losses, strict=True), start=1)
    ]
    table = pd.concat(parts, ignore_index=True).rename(columns=str)
    last = str(n_positions)
    along = pd.DataFrame(table.groupby("checkpoint", as_index=False)[["validation_loss", "1", last]].mean())
    return Comparison(table, along, int(along[last].to_numpy().argmax()))
