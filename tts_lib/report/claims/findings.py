"""How a measured figure is judged against a claim, and how it is written."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from tts_lib.estimators import intervals
from tts_lib.estimators.intervals import Interval
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


@dataclass(frozen=True)
class Demand:
    """What a figure must show for a claim to hold."""

    rule: Rule
    margin: float = 0.0
    threshold: float = 0.0

    def verdict(self, low: float, high: float) -> Verdict:
        """The verdict on a figure whose 95% interval is [low, high].

        more / less: supported if the interval lies wholly on that side of the threshold, contradicted if on the other.
        not_less / not_more ("at least as good"): contradicted if the interval lies wholly on the other side of the
        threshold, supported if it also excludes anything worse than `margin`. equal: supported within ±margin.
        """
        low, high = low - self.threshold, high - self.threshold
        if self.rule in ("not_less", "not_more"):
            if self.rule == "not_more":
                low, high = -high, -low
            return "contradicted" if high < 0 else "supported" if low > -self.margin else "inconclusive"
        if self.rule == "equal":
            return intervals.verdict(low, high, 0, self.margin)
        return intervals.verdict(low, high, 1 if self.rule == "more" else -1)

    def distance(self, estimate: float) -> float:
        """How far an estimate lies from where the verdict would change to `supported`."""
        deviation = estimate - self.threshold
        if self.rule == "equal":
            return self.margin - abs(deviation)
        if self.rule in ("not_less", "not_more"):
            return self.margin + deviation if self.rule == "not_less" else self.margin - deviation
        return deviation


MORE, LESS = Demand("more"), Demand("less")
NOT_LESS, NOT_MORE, EQUAL = Demand("not_less", MARGIN), Demand("not_more", MARGIN), Demand("equal", EQUAL_MARGIN)


def paired(
    results: Results,
    differences: Float[np.ndarray, " question"],
    at: str,
    demand: Demand,
    unit: Unit = "points",
    note: str = "",
) -> Finding:
    """The mean of per-question differences with its bootstrap interval (BCa), judged."""
    interval = intervals.mean_interval(differences, results.weights(len(differences)))
    effect = abs(demand.distance(interval.estimate))
    verdict = demand.verdict(interval.low, interval.high)
    needed = _if_more(intervals.questions_needed(differences, effect=effect), len(differences))
    return Finding(at, interval.estimate, interval.low, interval.high, unit, verdict, needed, note)


def from_interval(
    interval: Interval,
    n_questions: int,
    at: str,
    demand: Demand,
    note: str = "",
    percent: Interval | None = None,
) -> Finding:
    """A difference of accuracies read from a table, judged; shown as `percent` where given."""
    shown, unit = (interval, "points") if percent is None else (percent, "percent")
    needed = settling_questions(n_questions, interval.low, interval.high, demand.distance(interval.estimate))
    verdict = demand.verdict(interval.low, interval.high)
    return Finding(at, shown.estimate, shown.low, shown.high, unit, verdict, needed, note)


def from_ratio(
    ratio: float, low: float, high: float, bounds: tuple[Bound, Bound, Bound], at: str, threshold: float, note: str = ""
) -> Finding:
    """An iso-accuracy ratio claimed to exceed `threshold`; an end that is only a bound may lie anywhere beyond it."""
    lowest = 0.0 if bounds[1] == "at_most" else low
    highest = math.inf if bounds[2] == "at_least" else high
    verdict = Demand("more", threshold=threshold).verdict(lowest, highest)
    return Finding(at, ratio, low, high, "ratio", verdict, None, note, bounds)


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
