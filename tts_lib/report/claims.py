"""The paper's claims (Snell et al. 2024) and what this study finds on each.

Fixed before any result was seen: the direction of each claim, one primary contrast for it, and the margins. Primary
budgets are 16 generations where the paper speaks of few, 256 where it speaks of many, 64 otherwise; a study whose grid
lacks one takes the next smaller. "At least as good" tolerates a loss of 1 point of accuracy, "about equal" means within
2 points (tts_lib.report.findings). Other budgets stand in the note without a verdict. Intervals are 95%, paired, over
questions; nothing is corrected for the number of claims: of 20 true nulls one would be expected to seem decided.
Of the claims on revisions (§6), 20-24, 26 and 27 are not covered yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from tts_lib.report import claims_policy, claims_revisions, claims_search, claims_verifier
from tts_lib.report.findings import Finding
from tts_lib.report.registry import Claim
from tts_lib.report.results import NotMeasured, Results

COLUMNS = [
    *("number", "claim", "measure", "paper", "contrast", "ours", "verdict", "note"),
    *("estimate", "low", "high", "unit", "questions_needed"),
]
CLAIMS: tuple[Claim, ...] = (
    *claims_verifier.CLAIMS,
    *claims_search.CLAIMS,
    *claims_policy.CLAIMS,
    *claims_revisions.CLAIMS,
)


@dataclass(frozen=True)
class Later:
    """A claim that this study does not cover yet."""

    number: str
    claim: str
    paper: str


LATER = (
    Later("20", "Sequential revisions beat parallel samples", "about 41% vs 39% at N = 64"),
    Later("21", "The best sequential:parallel ratio is interior", "near 16:1, 44% vs 40%"),
    Later("22", "Easy questions want sequences, hard ones a mixture", "yes"),
    Later("23", "Compute-optimal revisions need 4× less than parallel", "64 vs 256"),
    Later("24", "The revision ORM beats the base PRM; history helps", "about +1; 0 to +1"),
    Later("26", "A checkpoint after the validation optimum is better", "qualitative"),
    Later("27", "ReST-EM breaks revisions", "sharp decline"),
)
_NOT_COVERED = "this part of the revisions is not in the study yet"


def claims_table(results: Results, claims: Sequence[Claim] = CLAIMS) -> pd.DataFrame:
    """One row a claim, in the order of the paper; columns as COLUMNS, undefined numbers empty."""
    rows = [_row(claim, results) for claim in claims]
    rows += [
        {
            "number": later.number,
            "claim": later.claim,
            "paper": later.paper,
            "verdict": "not covered",
            "note": _NOT_COVERED,
        }
        for later in LATER
    ]
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
