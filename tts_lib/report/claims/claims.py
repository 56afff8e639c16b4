"""The paper's claims (Snell et al. 2024) and what this study finds on each, with and without regard to their number.

What is tested stands in `registered.yaml`: direction, primary contrast, budget and margin of each, and since when. A
grid that lacks a budget is judged at the next smaller one. Intervals are 95%, over questions. Of twenty true nulls one
would seem decided: a second verdict keeps the share of false decisions among all to 5% (Benjamini and Hochberg 1995),
and the headline numbers the chance of any false one among them (Holm 1979).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from tts_lib.report.claims.findings import LEVEL
from tts_lib.report.claims.registered import Claim, registered
from tts_lib.report.results import NotMeasured, Results

COLUMNS = [
    *("number", "claim", "measure", "paper", "contrast", "ours", "verdict", "verdict_of_all", "note"),
    *("estimate", "low", "high", "unit", "questions_needed", "p", "history", "card", "verdict_of_cards"),
]
OPEN = ("inconclusive", "not testable")


def claims_table(results: Results, claims: Sequence[Claim] | None = None) -> pd.DataFrame:
    """One row a claim, in the order of the file; columns as COLUMNS, undefined numbers empty.

    `verdict_of_all` is the verdict after Benjamini and Hochberg over all claims, `verdict_of_cards` after Holm over
    those among the headline numbers (empty for others).
    """
    rows = [_row(claim, results) for claim in (registered().claims if claims is None else claims)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    p, verdicts = table["p"].to_numpy(np.float64), table["verdict"].to_numpy(str)
    cards = table["card"].ne("").to_numpy()
    table["verdict_of_all"] = _kept(verdicts, benjamini_hochberg(p))
    held = np.zeros(len(p), dtype=bool)
    held[cards] = holm(p[cards])
    table["verdict_of_cards"] = np.where(cards, _kept(verdicts, held), "")
    return table


def benjamini_hochberg(p: Float[np.ndarray, " test"], level: float = LEVEL) -> Bool[np.ndarray, " test"]:
    """Which tests are rejected at this false discovery rate; those without a probability (NaN) are no tests."""
    order = np.argsort(p, kind="stable")
    n = int((~np.isnan(p)).sum())
    below = np.flatnonzero(p[order][:n] <= level * np.arange(1, n + 1) / max(n, 1))
    rejected = np.zeros(len(p), dtype=bool)
    rejected[order[: below[-1] + 1 if len(below) else 0]] = True
    return rejected


def holm(p: Float[np.ndarray, " test"], level: float = LEVEL) -> Bool[np.ndarray, " test"]:
    """Which tests are rejected with this chance of any false rejection; NaN as `benjamini_hochberg`."""
    order = np.argsort(p, kind="stable")
    n = int((~np.isnan(p)).sum())
    failed = np.flatnonzero(p[order][:n] > level / np.arange(n, 0, -1))
    rejected = np.zeros(len(p), dtype=bool)
    rejected[order[: failed[0] if len(failed) else n]] = True
    return rejected


def _kept(verdicts: np.ndarray, rejected: Bool[np.ndarray, " test"]) -> np.ndarray:
    """The verdicts of which the test is rejected or which are none; the others are inconclusive."""
    return np.where(rejected | np.isin(verdicts, OPEN), verdicts, "inconclusive")


def _row(claim: Claim, results: Results) -> dict[str, object]:
    stated: dict[str, object] = {name: getattr(claim, name) for name in ("number", "claim", "measure", "paper", "card")}
    stated |= {"history": claim.history}
    try:
        found = claim.find(results)
    except NotMeasured as missing:
        return stated | {"verdict": "not testable", "note": str(missing)}
    return stated | {
        "contrast": found.at,
        "ours": found.text,
        "verdict": found.judged.verdict,
        "note": found.advice,
        "estimate": found.estimate,
        "low": found.low,
        "high": found.high,
        "unit": found.unit,
        "questions_needed": found.questions_needed,
        "p": found.judged.p,
    }
