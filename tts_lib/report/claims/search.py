"""Claims 6-12: beam search and lookahead against best-of-N weighted, by budget and by difficulty (§5.2-5.3)."""

import numpy as np

from tts_lib.common.strategy import COVERAGE, MAJORITY, WEIGHTED, Strategy
from tts_lib.report.claims.claim import FEW, LARGEST, MANY, MIDDLE, Check, Claim, contrast, growth
from tts_lib.report.claims.findings import LESS, MORE, NOT_MORE, Demand, Finding, Unit, paired
from tts_lib.report.results import NotMeasured, Results

_BEAM, _BEAM_SQRT = Strategy("beam_4"), Strategy("beam_sqrt")
_IMMOVABLE = 0.05  # accuracy gained in the hardest bin that would count as progress


def _hardest_bin(results: Results) -> Finding:
    """Gain over pass@1 of whatever does best in the hardest bin; the choice after the fact flatters it."""
    members = results.in_bins([max(results.difficulty["oracle_bin"])])
    known = [one for one in (WEIGHTED, MAJORITY, *map(Strategy, results.search)) if one in results.accuracy]
    n = results.budget(MANY, *known)
    means = {strategy: results.of(strategy, n)[members].mean() for strategy in known}
    best = max(means, key=lambda strategy: means[strategy])
    pass_at_1 = results.of(COVERAGE, 1)[members]
    note = f"best of {len(known)}: {best.name} with {means[best]:.1%}; pass@1 {pass_at_1.mean():.1%}"
    gain, demand = results.of(best, n)[members] - pass_at_1, Demand("less", threshold=_IMMOVABLE)
    return paired(results, gain, f"N = {n} in the hardest bin", demand, note=note)


def _change(column: str, what: str, unit: Unit, demand: Demand) -> Check:
    """Change of a diagnostic of beam search from the smallest to the largest budget."""

    def check(results: Results) -> Finding:
        low, high = results.span(4, LARGEST, _BEAM)
        few, many = (results.diagnostic(_BEAM.rule, column, n) for n in (low, high))
        known = ~np.isnan(few) & ~np.isnan(many)
        if known.sum() < 2:
            raise NotMeasured(f"{column} of {_BEAM.name} is undefined")
        note = f"{few[known].mean():.2f} at N = {low}, {many[known].mean():.2f} at {high} ({what})"
        if n_unknown := int((~known).sum()):
            note += f"; {n_unknown} questions without a finished candidate left out"
        return paired(results, (many - few)[known], f"N = {low} to {high}", demand, unit, note)

    return check


CLAIMS = (
    Claim(
        "6",
        "Beam search beats best-of-N at low budgets",
        "paired difference, beam M = 4",
        "about 34% vs 29% at 16 (Fig. 3)",
        contrast(_BEAM, WEIGHTED, FEW, MORE),
    ),
    Claim(
        "7",
        "At high budgets beam search is no better than best-of-N",
        "paired difference, beam M = 4",
        "37% vs about 37.5% at 256; M = √N 33.5% (Fig. 3)",
        contrast(_BEAM, WEIGHTED, MANY, NOT_MORE),
    ),
    Claim(
        "8a",
        "Lookahead k = 3 loses to its beam at equal cost",
        "paired difference, M = 4, cost N(k+1)",
        "yes, nearly everywhere (Fig. 3)",
        contrast(Strategy("lookahead_3"), _BEAM, MIDDLE, LESS),
    ),
    Claim(
        "8b",
        "Lookahead k = 1 loses to its beam at equal cost",
        "paired difference, M = √N, cost N(k+1)",
        "yes, nearly everywhere (Fig. 3)",
        contrast(Strategy("lookahead_1"), _BEAM_SQRT, MIDDLE, LESS),
    ),
    Claim(
        "9",
        "On easy questions beam search gets worse with budget",
        "change of accuracy, bins 1-2",
        "falls (Fig. 3 right)",
        growth(_BEAM, None, 4, MANY, LESS, bins=(1, 2)),
    ),
    Claim(
        "10",
        "On harder questions beam search beats best-of-N",
        "paired difference, bins 3-4, mean over budgets",
        "better (Fig. 3 right)",
        contrast(_BEAM, WEIGHTED, MIDDLE, MORE, bins=(3, 4), average=True),
    ),
    Claim(
        "11",
        "No method makes progress in the hardest bin",
        "best gain over pass@1 below 5 points",
        "0 to 3% (Fig. 3 right)",
        _hardest_bin,
    ),
    Claim(
        "12a",
        "Searching more makes solutions repeat themselves",
        "change of the share of repeated lines, beam M = 4",
        "qualitative (Fig. 29)",
        _change("repetition", "share of repeated lines in the chosen solution", "points", MORE),
    ),
    Claim(
        "12b",
        "Searching more makes solutions too short",
        "change of the mean number of steps, beam M = 4",
        "qualitative: 1-2 steps",
        _change("mean_steps", "steps of a finished candidate", "steps", LESS),
    ),
)
