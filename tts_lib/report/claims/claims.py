"""The paper's claims (Snell et al. 2024) and what this study finds on each.

Fixed before any result was seen: the direction of each claim, one primary contrast for it, and the margins. Primary
budgets are 16 generations where the paper speaks of few, 256 where it speaks of many, 64 otherwise; a study whose grid
lacks one takes the next smaller. "At least as good" tolerates a loss of 1 point of accuracy, "about equal" means within
2 points (`findings`). Other budgets stand in the note without a verdict. Intervals are 95%, paired, over
questions; nothing is corrected for the number of claims: of 20 true nulls one would be expected to seem decided.
"""

from collections.abc import Sequence

import pandas as pd

from tts_lib.report.claims import revisions, search, strategies, verifier
from tts_lib.report.claims.claim import Claim
from tts_lib.report.claims.findings import Finding
from tts_lib.report.results import NotMeasured, Results

COLUMNS = [
    *("number", "claim", "measure", "paper", "contrast", "ours", "verdict", "note"),
    *("estimate", "low", "high", "unit", "questions_needed"),
]
CLAIMS: tuple[Claim, ...] = (
    *verifier.CLAIMS,
    *search.CLAIMS,
    *strategies.CLAIMS,
    *revisions.CLAIMS,
)


def claims_table(results: Results, claims: Sequence[Claim] = CLAIMS) -> pd.DataFrame:
    """One row a claim, in the order of the paper; columns as COLUMNS, undefined numbers empty."""
    rows = [_row(claim, results) for claim in claims]
    table = pd.DataFrame(rows, columns=COLUMNS)
    order = table["number"].str.extract(r"(?P<number>\d+)(?P<part>\D*)").astype({"number": int})
    return table.loc[order.sort_values(["number", "part"], kind="stable").index].reset_index(drop=True)


def _row(claim: Claim, results: Results) -> dict[str, object]:
    stated: dict[str, object] = {name: getattr(claim, name) for name in ("number", "claim", "measure", "paper")}
    try:
        found: Finding = claim.check(results)
    except NotMeasured as missing:
        return stated | {"verdict": "not measured", "note": str(missing)}
    return stated | {
        "contrast": found.at,
        "ours": found.text,
        "verdict": found.verdict,
        "note": found.advice,
        "estimate": found.estimate,
        "low": found.low,
        "high": found.high,
        "unit": found.unit,
        "questions_needed": found.questions_needed,
    }
