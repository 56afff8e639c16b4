"""More than one training: the claims at other seeds of base and verifiers, on the same questions."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from pydantic import AfterValidator, Field

from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.common.strategy import COVERAGE, MAJORITY, WEIGHTED
from tts_lib.estimators.trainings import two_level_interval
from tts_lib.report.claims.findings import Finding, written
from tts_lib.report.claims.registered import Claim, registered
from tts_lib.report.claims.search import HardestBin
from tts_lib.report.figures.figure import Drawing
from tts_lib.report.measured import results_of
from tts_lib.report.results import NotMeasured, Results
from tts_lib.report.supplements.declared import Collected, Supplement
from tts_lib.report.supplements.drawn import draw_each

OWN = "study"  # the training that the study itself made
QUOTED = {"pass@1": (COVERAGE, 1), "majority of 64": (MAJORITY, 64), "best of 64, weighted": (WEIGHTED, 64)}
CLAIM_COLUMNS = [
    "number",
    "claim",
    "contrast",
    "unit",
    "mean",
    "low",
    "high",
    "spread",
    "text",
    "verdict",
    "one_training",
]
EACH_COLUMNS = ["number", "training", "estimate", "low", "high", "verdict"]


def _differ(seeds: list[int]) -> list[int]:
    if twice := sorted({seed for seed in seeds if seeds.count(seed) > 1}):
        raise ValueError(f"seed {twice[0]} is given twice")
    return seeds


class Trainings(Supplement):
    """A study for each seed: base and verifiers are trained anew, world and questions stay.

    Samples are drawn anew as well, so that the spread between trainings holds their noise too.
    """

    kind: Literal["trainings"]
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**63)]], Field(min_length=1), AfterValidator(_differ)]

    def studies(self, seed: int) -> dict[str, dict[str, Any]]:
        if seed in self.seeds:
            raise StudyError(f"seeds hold {seed}, which is the study's own: that training is there already")
        return {f"seed_{each}": {"seed": each, "problems.nano.seed": seed} for each in self.seeds}

    def collect(self, root: Path, studies: Mapping[str, Path]) -> Collected:
        folders = {OWN: root, **studies}
        found = {name: results_of(folder) for name, folder in folders.items()}
        if any(other.question_ids != found[OWN].question_ids for other in found.values()):
            raise StudyError("the trainings answer other questions than the study; run the supplement anew")
        rows, each, left_out = [], [], {}
        for claim in registered().claims:
            try:
                if among_all(claim) and any(
                    set(other.accuracy) != set(found[OWN].accuracy) for other in found.values()
                ):
                    raise NotMeasured("the trainings know fewer strategies to choose from")
                findings = {name: claim.find(results) for name, results in found.items()}
                rows.append(over_trainings(claim, list(findings.values())))
            except NotMeasured as reason:
                left_out[claim.number] = str(reason)
                continue
            each += [
                {"number": claim.number, "training": name, "verdict": one.judged.verdict}
                | {end: getattr(one, end) for end in ("estimate", "low", "high")}
                for name, one in findings.items()
            ]
        claims, trainings = pd.DataFrame(rows, columns=CLAIM_COLUMNS), pd.DataFrame(each, columns=EACH_COLUMNS)
        seeds = ", ".join(str(results.seed) for results in found.values())
        return Collected(
            title=f"{len(found)} trainings",
            lead=f"Base and verifiers trained {len(found)} times, with seeds {seeds} and equal recipes, and asked the "
            f"same {found[OWN].n_questions} test questions. Intervals are for another training and other questions: "
            "Student's t over the trainings, on top of the error over questions, which they share.",
            tables={"claims": claims, "trainings": trainings, "models": models(found, folders)},
            figures=[figure(claims, trainings)],
            claims={row["number"]: {"text": row["text"], "verdict": row["verdict"]} for row in rows},
            left_out=left_out,
            facts={"trainings": {name: results.seed for name, results in found.items()}},
        )


def among_all(claim: Claim) -> bool:
    """Whether the claim is on a choice among all strategies of a study and not those that it names."""
    return isinstance(claim.contrast, HardestBin) or getattr(claim.contrast, "menu", "paper") not in (
        "primary",
        "paper",
    )


def over_trainings(claim: Claim, findings: Sequence[Finding]) -> dict[str, Any]:
    """One claim over all trainings, columns as CLAIM_COLUMNS; the first finding is the study's own.

    A ratio is averaged, and its spread taken, in logarithms: the spread is the factor of one standard deviation.

    Raises:
        NotMeasured: the trainings were not judged at one contrast, or one of them only bounds its figure.
    """
    first = findings[0]
    if len(places := dict.fromkeys(one.at for one in findings)) > 1:
        raise NotMeasured(f"judged at {' and at '.join(places)}")
    if any(bound != "exact" for one in findings for bound in one.bounds):
        raise NotMeasured("a training's ratio, or an end of its interval, lies beyond the grid")
    if first.unit == "percent" or first.demand is None:
        raise NotMeasured("a relative difference is not averaged")
    log, exp = (np.log, math.exp) if first.unit == "ratio" else (np.asarray, float)
    estimates = log([one.estimate for one in findings])
    interval = two_level_interval(estimates, np.array([one.error for one in findings]))
    spread = exp(float(estimates.std(ddof=1)))
    judged = first.demand.judge(interval.low, interval.high)
    if untestable := [one for one in findings if one.judged.verdict == "not testable"]:
        judged = judged.withheld(untestable[0].judged.reason)
    mean, low, high = (exp(end) for end in (interval.estimate, interval.low, interval.high))
    whole = Finding(first.at, mean, low, high, first.unit, judged)
    each = ", ".join(written(one.estimate, first.unit) for one in findings)
    spreads = {"ratio": f"a factor of {spread:.2f}", "share": f"{100 * spread:.1f} points"}
    spread_in_words = spreads.get(first.unit, f"{spread:.3f}")
    text = f"over {len(findings)} trainings {whole.text}, each {each}; spread {spread_in_words}"
    return {
        **{"number": claim.number, "claim": claim.claim, "contrast": first.at, "unit": first.unit},
        **{"mean": mean, "low": low, "high": high, "spread": spread, "text": text},
        **{"verdict": judged.verdict, "one_training": first.judged.verdict},
    }


def models(found: Mapping[str, Results], folders: Mapping[str, Path]) -> pd.DataFrame:
    """Of each training's base: accuracy by the simplest means, how honest its checks are, the hash of its weights."""
    rows = []
    for name, results in found.items():
        row: dict[str, Any] = {"training": name, "seed": results.seed}
        if "greedy" in results.difficulty:
            row["greedy"] = results.difficulty.loc[results.question_ids, "greedy"].mean()
        known = {what: of for what, of in QUOTED.items() if of[0] in results.accuracy}
        row |= {what: results.of(one, results.budget(n, one)).mean() for what, (one, n) in known.items()}
        base = tables.read_json(folders[name] / paths.metrics("model-base"), ["sha256"])
        honesty = {name: base[name] for name in ("untrue_images", "misses_as_hits") if name in base}
        rows.append(row | honesty | {"sha256": base["sha256"]})
    return pd.DataFrame(rows)


def figure(claims: pd.DataFrame, trainings: pd.DataFrame) -> Drawing:
    """Differences of accuracy: each training, and the interval over them."""
    kept = claims.loc[claims["unit"] == "share", ["number", "mean", "low", "high"]]
    data = kept.merge(trainings[["number", "training", "estimate"]], "left", "number")
    caption = (
        "A bar that reaches over 0 says that another training might decide otherwise. Dots: one training each, filled "
        "the study's own. Bars: 95% for another training and other questions."
    )
    return Drawing("claims", "Differences of accuracy, training by training", caption, data, draw)


def draw(data: pd.DataFrame, ax: Axes) -> None:
    """A dot a training, a bar over all of them."""
    draw_each(data, ax, "training", OWN)
