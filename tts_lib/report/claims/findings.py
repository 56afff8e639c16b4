"""How a measured figure is judged against a claim, and how it is written."""

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from tts_lib.estimators import intervals
from tts_lib.estimators.bounded import Bound
from tts_lib.estimators.intervals import Interval

Verdict = Literal["supported", "contradicted", "no difference", "inconclusive", "not testable"]
Direction = Literal["more", "less", "at_least", "at_most", "equal"]
# What the number is: a share of the questions more or less (read in points), a share, so many percent of another
# accuracy more or less, a factor, a rank correlation more or less.
Unit = Literal["share", "rate", "percent", "ratio", "correlation"]

LEVEL = 0.05  # of every test
OUT_OF_REACH = 50_000  # questions
NOTHING_VARIES = "there is no difference on any question: nothing varies"
_ROUNDING = 1e-9
_Z, _Z_ONE_SIDED, _Z_POWER = 1.959964, 1.644854, 0.841621  # two-sided and one-sided 5%, a power of .8
_SIGNS: dict[Bound, str] = {"exact": "", "at_least": "≥ ", "at_most": "≤ "}


@dataclass(frozen=True)
class Demand:
    """What a figure must show for a claim to hold: its direction, margin and threshold, as registered."""

    direction: Direction
    margin: float  # a deviation from the threshold that is not worth speaking of
    threshold: float = 0.0

    def judge(self, low: float, high: float, comparator: float = math.nan) -> "Judgement":
        """The verdict on a figure whose 95% interval is [low, high], and the probability behind it.

        The margin is tested first. more, less: *no difference* if the figure lies within the margin of the threshold
        (two one-sided tests at 5%), else supported if it lies on that side of the threshold, contradicted if on the
        other (two-sided test at 5%). at_least, at_most: supported if it is no worse than the margin, else contradicted
        if it is worse than the threshold. equal: supported within the margin, contradicted beyond it.

        Args:
            comparator: the accuracy that is to be surpassed, where it leaves no room for more than the margin.
        """
        room = 1.0 - comparator if self.direction == "more" else comparator
        if self.direction in ("more", "less") and room <= self.margin:
            limit = "right" if self.direction == "more" else "wrong"
            return Judgement("not testable", math.nan, f"its comparator is {limit} on all but {max(room, 0):.1%}")
        sign = -1.0 if self.direction in ("less", "at_most") else 1.0
        centre, error = sign * ((low + high) / 2 - self.threshold), (high - low) / (2 * _Z)
        within = _beyond(self.margin - abs(centre), error, 1)
        tests: dict[str, tuple[tuple[Verdict, float], ...]] = {
            "more": (
                ("no difference", within),
                ("supported", _beyond(centre, error, 2)),
                ("contradicted", _beyond(-centre, error, 2)),
            ),
            "at_least": (
                ("supported", _beyond(centre + self.margin, error, 2)),
                ("contradicted", _beyond(-centre, error, 2)),
            ),
            "equal": (("supported", within), ("contradicted", _beyond(abs(centre) - self.margin, error, 2))),
        }
        found = tests[{"less": "more", "at_most": "at_least"}.get(self.direction, self.direction)]
        for verdict, p in found:
            if p < LEVEL:
                return Judgement(verdict, p)
        return Judgement("inconclusive", min(p for _, p in found))

    def questions_needed(self, low: float, high: float, n_questions: int) -> float | None:
        """Questions at which this figure, if it is the truth, would be settled with a power of .8."""
        centre, error = (low + high) / 2 - self.threshold, (high - low) / (2 * _Z)
        if self.direction in ("less", "at_most"):
            centre = -centre
        steps = {"more": [(abs(centre), _Z), (self.margin - abs(centre), _Z_ONE_SIDED)]}
        steps |= {"at_least": [(self.margin + centre, _Z), (-centre, _Z)]}
        steps |= {"equal": [(self.margin - abs(centre), _Z_ONE_SIDED), (abs(centre) - self.margin, _Z)]}
        open_steps = steps[{"less": "more", "at_most": "at_least"}.get(self.direction, self.direction)]
        needed = [n_questions * ((z + _Z_POWER) * error / step) ** 2 for step, z in open_steps if step > 0]
        least = float(math.ceil(min(needed, default=math.inf))) if needed else math.inf
        return least if n_questions < least < math.inf else None


def _beyond(distance: float, error: float, sides: int) -> float:
    """Probability of an estimate as far beyond a limit as this, if the limit were the truth."""
    if distance <= 0 or error == 0:
        return 0.0 if distance > 0 else 1.0
    return float(sides * ndtr(-distance / error))


@dataclass(frozen=True)
class Judgement:
    """A verdict, the probability of the test behind it, and the reason where there is none."""

    verdict: Verdict
    p: float
    reason: str = ""

    def withheld(self, reason: str) -> "Judgement":
        """None, for this reason; the one that was there already stays."""
        return Judgement("not testable", math.nan, self.reason or reason)


@dataclass(frozen=True)
class Finding:
    """What this study found on one claim."""

    at: str  # the primary contrast, e.g. "N = 64"
    estimate: float
    low: float
    high: float
    unit: Unit
    judged: Judgement
    questions_needed: float | None = None
    note: str = ""
    bounds: tuple[Bound, Bound, Bound] = field(default=("exact", "exact", "exact"))  # of estimate, low, high
    beside: str = ""  # what a ratio must not stand without
    demand: Demand | None = None  # that it was judged by; of a ratio, in logarithms

    @property
    def error(self) -> float:
        """Half the interval's width as a standard error; of a ratio, that of its logarithm."""
        low, high = (math.log(self.low), math.log(self.high)) if self.unit == "ratio" else (self.low, self.high)
        return (high - low) / (2 * _Z)

    def withheld(self, reason: str) -> "Finding":
        """The same without a verdict; see `Judgement.withheld`."""
        return replace(self, judged=self.judged.withheld(reason))

    @property
    def text(self) -> str:
        """Value with its 95% interval."""
        value, low, high = (
            _SIGNS[bound] + written(number, self.unit)
            for bound, number in zip(self.bounds, (self.estimate, self.low, self.high), strict=True)
        )
        name = {"share": " points", "correlation": " of rank correlation"}.get(self.unit, "")
        return f"{value}{name} [{low}, {high}]" + (f"; {self.beside}" if self.beside else "")

    @property
    def advice(self) -> str:
        """Why there is no verdict or what would settle it, and remarks."""
        parts = [self.judged.reason] if self.judged.reason else []
        if self.judged.verdict == "inconclusive" and self.questions_needed is not None:
            within_reach = self.questions_needed <= OUT_OF_REACH
            about = f"about {_round_up(self.questions_needed):,}" if within_reach else f"more than {OUT_OF_REACH:,}"
            parts.append(f"{about} questions would settle it")
        return "; ".join([*parts, *([self.note] if self.note else [])])


def paired(
    differences: Float[np.ndarray, " question"], at: str, demand: Demand, note: str = "", comparator: float = math.nan
) -> Finding:
    """The mean of per-question differences of shares with its t interval, judged."""
    interval = intervals.difference_interval(differences)
    found = from_interval(interval, len(differences), at, demand, note, comparator=comparator)
    return found.withheld(NOTHING_VARIES) if np.abs(differences).max() <= _ROUNDING else found


def from_interval(
    interval: Interval,
    n_questions: int,
    at: str,
    demand: Demand,
    note: str = "",
    percent: Interval | None = None,
    comparator: float = math.nan,
    unit: Unit = "share",
) -> Finding:
    """A difference of accuracies (or of what `unit` says) with its interval, judged; shown as `percent` where given.

    An interval without a width is too sure, and gives way to that of as many equal differences; of nothing but zeros
    there is no verdict.
    """
    varies = interval.high - interval.low > _ROUNDING
    if not varies and n_questions > 1:
        same = 0.0 if abs(interval.estimate) <= _ROUNDING else interval.estimate
        interval = intervals.difference_interval(np.full(n_questions, same), interval.level)
    shown, unit = (interval, unit) if percent is None else (percent, "percent")
    judged = demand.judge(interval.low, interval.high, comparator)
    if not varies and interval.estimate == 0:
        judged = judged.withheld(NOTHING_VARIES)
    needed = demand.questions_needed(interval.low, interval.high, n_questions)
    return Finding(at, shown.estimate, shown.low, shown.high, unit, judged, needed, note, demand=demand)


def from_ratio(
    ratio: float, low: float, high: float, bounds: tuple[Bound, Bound, Bound], at: str, demand: Demand
) -> Finding:
    """An iso-accuracy ratio, judged on its logarithm; the margin is a share of the threshold.

    An end that is only a bound may lie anywhere beyond it, so that a verdict can rest on the other end alone. There is
    none where an end is exactly 1, as it is where resamples find one curve on the other, or where all resamples agree.
    """
    log = Demand(demand.direction, math.log1p(demand.margin), math.log(demand.threshold))
    closed = bounds[1] != "at_most", bounds[2] != "at_least"
    if closed == (True, True):
        judged = log.judge(math.log(low), math.log(high))
    elif closed == (False, False):
        judged = Judgement("inconclusive", 1.0)
    else:  # as wide towards the open end as it is needed to say nothing there
        end, centre = math.log(low if closed[0] else high), math.log(ratio)
        above, below = closed[0] and end > log.threshold, closed[1] and end < log.threshold
        p = _beyond(abs(centre - log.threshold), max(abs(end - centre) / _Z, 1e-9), 2)
        verdict: Verdict = "supported" if above else "contradicted" if below else "inconclusive"
        judged = Judgement(verdict, min(p, LEVEL) if above or below else 1.0)
    if any(is_closed and math.isclose(end, 1.0) for is_closed, end in zip(closed, (low, high), strict=True)):
        judged = judged.withheld("an end of its interval is exactly 1, where one curve lies on the other")
    elif set(bounds) == {"exact"} and math.isclose(low, high):
        judged = judged.withheld("every resample of the questions finds this ratio: nothing varies")
    return Finding(at, ratio, low, high, "ratio", judged, None, "", bounds, demand=log)


def written(value: float, unit: Unit) -> str:
    """A number of this unit as it is read; only differences have a sign."""
    if unit == "share":
        return points(value)
    if unit == "rate":
        return f"{value:.1%}"
    form = {"ratio": f"{value:.3g}×", "percent": f"{value:+.1f}%", "correlation": f"{value:+.3f}"}
    return form[unit].replace("-", "−")


def in_points(difference: float, low: float, high: float, unit: str = " points") -> str:
    """A difference of two shares with its interval, in points."""
    return f"{points(difference)}{unit} [{points(low)}, {points(high)}]"


def points(difference: float) -> str:
    """A difference of two shares in points, with its sign; what is 0 but for rounding is +0.0 on any processor."""
    return f"{round(100 * difference, 9) + 0.0:+.1f}".replace("-", "−")


def _round_up(n: float) -> int:
    """Two significant digits: more would pretend."""
    step = 10 ** max(0, int(math.log10(n)) - 1)
    return int(math.ceil(n / step) * step)
