"""How a measured figure is judged against a claim, and how it is written."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from tts_lib.estimators import intervals
from tts_lib.estimators.iso_accuracy import Bound
from tts_lib.report.results import Results

Verdict = Literal["supported", "contradicted", "inconclusive", "not measured"]
Rule = Literal["more", "less", "not_less", "not_more", "equal"]
Unit = Literal["points", "percent", "ratio", "steps"]

MARGIN = 0.01  # accuracy: a difference not worth speaking of where the paper says "at least as good as"
OUT_OF_REACH = 50_000  # questions
EQUAL_MARGIN = 0.02  # accuracy: the same where it says "about equal"
_SIGNS: dict[Bound, str] = {"exact": "", "at_least": "≥ ", "at_most": "≤ "}


@dataclass(frozen=True)
class Finding:
    """What this study found on one claim. `points` are of accuracy and kept as shares, `percent` as percent."""

    at: str  # the primary contrast, e.g. "N = 64"
    estimate: float
    low: float
    high: float
    unit: Unit
    verdict: Verdict
    questions_needed: float | None = None  # at which the distance from the threshold would be settled
    note: str = ""
    bounds: tuple[Bound, Bound, Bound] = ("exact", "exact", "exact")  # of estimate, low, high

    @property
    def text(self) -> str:
        """Value with its 95% interval."""
        value, low, high = (
            _SIGNS[bound] + _number(number, self.unit)
            for bound, number in zip(self.bounds, (self.estimate, self.low, self.high), strict=True)
        )
        name = {"points": " points", "percent": "", "ratio": "", "steps": " steps"}[self.unit]
        return f"{value}{name} [{low}, {high}]"

    @property
    def advice(self) -> str:
        """What would settle an open claim, and remarks."""
        parts = []
        if self.verdict == "inconclusive" and self.questions_needed is not None:
            within_reach = self.questions_needed <= OUT_OF_REACH
            about = f"about {_round_up(self.questions_needed):,}" if within_reach else f"more than {OUT_OF_REACH:,}"
            parts.append(f"{about} questions would settle it")
        return "; ".join([*parts, *([self.note] if self.note else [])])


def decide(rule: Rule, low: float, high: float, threshold: float = 0.0, margin: float = 0.0) -> Verdict:
    """The verdict on a claim about a figure whose 95% interval is [low, high].

    more / less: supported if the interval lies wholly on that side of the threshold, contradicted if on the other.
    not_less / not_more ("at least as good"): contradicted if the interval lies wholly on the other side of the
    threshold, supported if it also excludes anything worse than `margin`. equal: supported within ±margin.
    """
    low, high = low - threshold, high - threshold
    if rule in ("not_less", "not_more"):
        if rule == "not_more":
            low, high = -high, -low
        return "contradicted" if high < 0 else "supported" if low > -margin else "inconclusive"
    if rule == "equal":
        return intervals.verdict(low, high, 0, margin)
    return intervals.verdict(low, high, 1 if rule == "more" else -1)


def distance(rule: Rule, estimate: float, threshold: float = 0.0, margin: float = 0.0) -> float:
    """How far an estimate lies from where the verdict would change to `supported`."""
    deviation = estimate - threshold
    if rule == "equal":
        return margin - abs(deviation)
    if rule in ("not_less", "not_more"):
        return margin + deviation if rule == "not_less" else margin - deviation
    return deviation


def paired(
    results: Results,
    differences: Float[np.ndarray, " question"],
    at: str,
    rule: Rule,
    *,
    unit: Unit = "points",
    threshold: float = 0.0,
    margin: float = 0.0,
    note: str = "",
) -> Finding:
    """The mean of per-question differences with its bootstrap interval (BCa), judged."""
    interval = intervals.mean_interval(differences, results.weights(len(differences)))
    effect = distance(rule, interval.estimate, threshold, margin)
    return Finding(
        at,
        interval.estimate,
        interval.low,
        interval.high,
        unit,
        decide(rule, interval.low, interval.high, threshold, margin),
        _if_more(intervals.questions_needed(differences, effect=abs(effect)), len(differences)),
        note,
    )


def from_interval(
    estimate: float,
    low: float,
    high: float,
    n_questions: int,
    at: str,
    rule: Rule,
    *,
    margin: float = 0.0,
    note: str = "",
    percent: tuple[float, float, float] | None = None,
) -> Finding:
    """A difference of accuracies read from a table, judged; shown as `percent` (value, low, high) where given."""
    shown, unit = ((estimate, low, high), "points") if percent is None else (percent, "percent")
    needed = settling_questions(n_questions, low, high, distance(rule, estimate, 0.0, margin))
    return Finding(at, *shown, unit, decide(rule, low, high, 0.0, margin), needed, note)


def from_ratio(
    ratio: float, low: float, high: float, bounds: tuple[Bound, Bound, Bound], at: str, threshold: float, note: str = ""
) -> Finding:
    """An iso-accuracy ratio claimed to exceed `threshold`; an end that is only a bound may lie anywhere beyond it."""
    lowest = 0.0 if bounds[1] == "at_most" else low
    highest = math.inf if bounds[2] == "at_least" else high
    return Finding(at, ratio, low, high, "ratio", decide("more", lowest, highest, threshold), None, note, bounds)


def settling_questions(n_questions: int, low: float, high: float, effect: float) -> float | None:
    """Questions at which an effect would be settled, from the width of an interval on n_questions (80% power)."""
    if effect == 0 or high <= low:
        return None
    z_level, z_power = 1.959964, 0.841621
    deviation = (high - low) / (2 * z_level) * math.sqrt(n_questions)
    return _if_more(float(max(2, math.ceil(((z_level + z_power) * deviation / effect) ** 2))), n_questions)


def _if_more(needed: float, n_questions: int) -> float | None:
    """No advice to ask fewer questions than were asked (the normal approximation behind it fails near 0 and 1)."""
    return needed if needed > n_questions else None


def _number(value: float, unit: Unit) -> str:
    if unit == "points":
        return points(value)
    if unit == "percent":
        return f"{value:+.1f}%".replace("-", "−")
    return f"{value:.3g}×" if unit == "ratio" else f"{value:+.2f}".replace("-", "−")


def points(difference: float) -> str:
    """A difference of two shares in points, with its sign."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def _round_up(n: float) -> int:
    """Two significant digits: more would pretend."""
    step = 10 ** max(0, int(math.log10(n)) - 1)
    return int(math.ceil(n / step) * step)
