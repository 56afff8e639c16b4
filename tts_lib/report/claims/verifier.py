"""Claims 1-5: aggregation of step scores, weighted voting, PRM against ORM and majority (§5.1, App. E and F)."""

from tts_lib.report.claims.claim import FEW, LARGEST, MIDDLE, Claim, contrast, growth
from tts_lib.report.claims.findings import MARGIN

_PRM, _ORM, _MATCHED = "weighted:prm_last", "weighted:orm", "weighted:orm_matched"
_DELTA = "paired difference, best-of-N weighted"

CLAIMS = (
    Claim(
        "1a",
        "The PRM's last step score is at least as good as the minimum",
        _DELTA,
        "last best at all N (Fig. 13)",
        contrast(_PRM, "weighted:prm_min", MIDDLE, "not_less", MARGIN),
    ),
    Claim(
        "1b",
        "The PRM's last step score is at least as good as the product",
        _DELTA,
        "last best at all N (Fig. 13)",
        contrast(_PRM, "weighted:prm_prod", MIDDLE, "not_less", MARGIN),
    ),
    Claim(
        "2a",
        "Weighted best-of-N is at least as good as plain (PRM)",
        "paired difference",
        "yes, by little (ICLR Fig. 13)",
        contrast(_PRM, "best_of_n:prm_last", MIDDLE, "not_less", MARGIN),
    ),
    Claim(
        "2b",
        "Weighted best-of-N is at least as good as plain (ORM)",
        "paired difference",
        "yes (ICLR Fig. 13)",
        contrast(_ORM, "best_of_n:orm", MIDDLE, "not_less", MARGIN),
    ),
    Claim(
        "3",
        "Plain best-of-N with an ORM gets worse at high N",
        "change of accuracy from N = 64 on",
        "declines (ICLR Fig. 13)",
        growth("best_of_n:orm", None, MIDDLE, LARGEST, "less"),
    ),
    Claim(
        "4a",
        "The PRM beats an ORM trained on the same solutions",
        _DELTA,
        "about +1 at 16, +3.5 at 512 (Fig. 14)",
        contrast(_PRM, _ORM, MIDDLE, "more"),
    ),
    Claim(
        "4b",
        "The PRM's lead over the ORM grows with N",
        "change of the paired difference",
        "about +1 at 16, +3.5 at 512 (Fig. 14)",
        growth(_PRM, _ORM, FEW, LARGEST, "more"),
    ),
    Claim(
        "4c",
        "The PRM beats an ORM that saw as many labels",
        _DELTA,
        "not reported",
        contrast(_PRM, _MATCHED, MIDDLE, "more"),
    ),
    Claim(
        "5",
        "Best-of-N weighted by the PRM beats majority",
        "paired difference",
        "29% vs 23% at 16, 38% vs 29% at 512 (Fig. 3)",
        contrast(_PRM, "majority", MIDDLE, "more"),
    ),
)
