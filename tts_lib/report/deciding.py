"""What the contrasts of the claims can decide in a study, and of what parts their errors are made."""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from tts_lib.common import paths
from tts_lib.estimators.power import Components, Design, components, standard_error
from tts_lib.report.claims.contrast import Difference, chosen, generations
from tts_lib.report.claims.findings import Finding
from tts_lib.report.claims.registered import Claim, fingerprint, registered
from tts_lib.report.measured import draws
from tts_lib.report.pages import supplements
from tts_lib.report.results import NotMeasured, Results

TRAININGS = "trainings"  # the supplement that knows how far trainings differ


@dataclass(frozen=True)
class Decidable:
    """A contrast in points, as a study has measured it.

    Attributes:
        budget: generations of a draw of the pool; 0 where no draws are known.
        design: of the study at hand, for the questions that the contrast is on.
        share: of all questions that the contrast is on.
        parts: of its variance; with `question` alone where draws are not known, which then holds their noise too.
        searches: that it takes.
    """

    claim: Claim
    found: Finding
    budget: int
    design: Design
    share: float
    parts: Components
    searches: tuple[str, ...] = ()


def decidable(root: Path, results: Results) -> list[Decidable]:
    """The contrasts of all claims that the study in `root` has measured as differences of accuracy."""
    spreads, found = _spreads(root), []
    for claim in registered().claims:
        try:
            finding = claim.find(results)
        except NotMeasured:
            continue
        if finding.unit == "share":
            one = _in_parts(root, results, claim, finding)
            spread = spreads.get(claim.number)
            if spread is not None:
                own = standard_error(replace(one.parts, question=0.0), one.design)
                one = replace(one, parts=replace(one.parts, training=max(0.0, spread**2 - own**2)))
            found.append(one)
    return found


def _in_parts(root: Path, results: Results, claim: Claim, found: Finding) -> Decidable:
    contrast, n_all = claim.contrast, results.n_questions
    if isinstance(contrast, Difference) and not contrast.average:
        a, b = contrast.a.strategy, contrast.b.strategy
        budget = results.budget(generations(claim.budget), a, b)
        members, _ = chosen(results, contrast.bins)
        try:
            pool, runs = draws(root, results, a, b, budget)
        except NotMeasured:
            pool = runs = None
        if pool is not None or runs is not None:
            pool, runs = (None if part is None else part[members] for part in (pool, runs))
            design = Design(
                questions=int(members.sum()),
                draws=1 if pool is None else pool.shape[1],
                runs=1 if runs is None else runs.shape[1],
            )
            searches = tuple(one.rule for one in (a, b) if one.rule in results.search)
            parts = components(pool, runs)
            if standard_error(parts, design) > 0:
                return Decidable(claim, found, budget, design, float(members.mean()), parts, searches)
    # From its interval alone: all noise is counted as that of the questions.
    return Decidable(claim, found, 0, Design(n_all), 1.0, Components(found.error**2 * n_all))


def _spreads(root: Path) -> dict[str, float]:
    """Standard deviation between trainings of each claim's figure, where a supplement of this study knows it."""
    kept = [one for one in supplements.read(root, fingerprint()) if Path(one.page).parent.name == TRAININGS]
    if not kept or kept[0].differs:
        return {}
    table = pd.read_csv(root / paths.SUPPLEMENTS / TRAININGS / "claims.csv", dtype={"number": str})
    points = table.loc[table["unit"] == "share"]
    return dict(zip(points["number"], points["spread"].astype(float), strict=True))
