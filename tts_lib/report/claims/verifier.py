"""Claims 1-5: aggregation of step scores, weighted voting, PRM against ORM and majority (§5.1, App. E and F)."""

from tts_lib.common.strategy import MAJORITY, PLAIN, WEIGHTED, Strategy
from tts_lib.report.claims.claim import FEW, LARGEST, MIDDLE, Claim, contrast, growth
from tts_lib.report.claims.findings import LESS, MORE, NOT_LESS

_PRM_MIN, _PRM_PROD, _ORM, _MATCHED = (
    Strategy("weighted", score) for score in ("prm_min", "prm_prod", "orm", "orm_matched")
)
_PLAIN_ORM = Strategy("best_of_n", "orm")
_DELTA = "paired difference, best-of-N weighted"

CLAIMS = (
    Claim(
        "1a",
        "The PRM's last step score is at least as good as the minimum",
        _DELTA,
        "last best at all N (Fig. 13)",
        contrast(WEIGHTED, _PRM_MIN, MIDDLE, NOT_LESS),
    ),
    Claim(
        "1b",
        "The PRM's last step score is at least as good as the product",
        _DELTA,
        "last best at all N (Fig. 13)",
        contrast(WEIGHTED, _PRM_PROD, MIDDLE, NOT_LESS),
    ),
    Claim(
        "2a",
        "Weighted best-of-N is at least as good as plain (PRM)",
        "paired difference",
        "yes, by little (ICLR Fig. 13)",
        contrast(WEIGHTED, PLAIN, MIDDLE, NOT_LESS),
    ),
    Claim(
        "2b",
        "Weighted best-of-N is at least as good as plain (ORM)",
        "paired difference",
        "yes (ICLR Fig. 13)",
        contrast(_ORM, _PLAIN_ORM, MIDDLE, NOT_LESS),
    ),
    Claim(
        "3",
        "Plain best-of-N with an ORM gets worse at high N",
        "change of accuracy from N = 64 on",
        "declines (ICLR Fig. 13)",
        growth(_PLAIN_ORM, None, MIDDLE, LARGEST, LESS),
    ),
    Claim(
        "4a",
        "The PRM beats an ORM trained on the same solutions",
        _DELTA,
        "about +1 at 16, +3.5 at 512 (Fig. 14)",
        contrast(WEIGHTED, _ORM, MIDDLE, MORE),
    ),
    Claim(
        "4b",
        "The PRM's lead over the ORM grows with N",
        "change of the paired difference",
        "about +1 at 16, +3.5 at 512 (Fig. 14)",
        growth(WEIGHTED, _ORM, FEW, LARGEST, MORE),
    ),
    Claim(
        "4c",
        "The PRM beats an ORM that saw as many labels",
        _DELTA,
        "not reported",
        contrast(WEIGHTED, _MATCHED, MIDDLE, MORE),
    ),
    Claim(
        "5",
        "Best-of-N weighted by the PRM beats majority",
        "paired difference",
        "29% vs 23% at 16, 38% vs 29% at 512 (Fig. 3)",
        contrast(WEIGHTED, MAJORITY, MIDDLE, MORE),
    ),
)
