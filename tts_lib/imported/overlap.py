"""How independent "independent" samples are: exact duplicates, and prefixes shared with earlier samples."""

import bisect
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

COLUMNS = [
    "n_questions",
    "n_samples",
    "duplicate_share",
    "lcp_mean",
    "lcp_max",
    "questions_with_duplicates",
    "questions_with_long_prefixes",
]
LONG_PREFIX = 0.5  # of a text; independent solutions share an opening phrase, not half of themselves


def shared_prefixes(texts: Sequence[str]) -> Float[np.ndarray, " sample"]:
    """The largest share of each text that is also the beginning of an earlier one; 0 for the first.

    The longest common prefix with any earlier text is that with one of its two neighbours in sorted order.
    """
    shares = np.zeros(len(texts))
    earlier: list[str] = []
    for i, text in enumerate(texts):
        at = bisect.bisect_left(earlier, text)
        longest = max((_common(text, other) for other in earlier[max(at - 1, 0) : at + 1]), default=0)
        if earlier:
            shares[i] = longest / len(text) if text else 1.0  # an empty text is the beginning of any other
        earlier.insert(at, text)
    return shares


def overlap(samples: pd.DataFrame) -> pd.DataFrame | None:
    """One row (COLUMNS) about a raw pool; None where it has neither all texts nor all recorded shares.

    Shares are of the samples that have an earlier one of the same question (NaN where none has). Where the file holds
    no texts but their recorded `lcp`, a sample counts as a duplicate if it is wholly the beginning of an earlier one.
    """
    groups = samples.groupby("question_key", sort=False)
    later = groups.cumcount() > 0
    if samples["text"].notna().to_numpy().all():
        lcp = pd.Series(0.0, samples.index)
        for rows in groups.indices.values():
            lcp.iloc[rows] = shared_prefixes(samples["text"].iloc[rows].tolist())
        duplicate = samples.duplicated(["question_key", "text"])
    elif samples["lcp"].notna().to_numpy().all():
        lcp = samples["lcp"].astype("float64")
        duplicate = later & (lcp == 1)
    else:
        return None
    keys = samples["question_key"]
    row = {
        "n_questions": keys.nunique(),
        "n_samples": len(samples),
        "duplicate_share": duplicate[later].mean(),
        "lcp_mean": lcp[later].mean(),
        "lcp_max": lcp[later].max(),
        "questions_with_duplicates": keys.where(duplicate).nunique(),
        "questions_with_long_prefixes": keys.where(later & (lcp >= LONG_PREFIX)).nunique(),
    }
    return pd.DataFrame([row], columns=COLUMNS)


def _common(a: str, b: str) -> int:
    """Length of the longest common prefix, by bisection."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
