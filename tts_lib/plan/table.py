"""A plan as lines of text: a row for each stage, their sum, what the numbers rest on, and what is missing."""

from tts_lib.plan.ahead import Ahead
from tts_lib.plan.ledger import Work
from tts_lib.plan.work import total
from tts_lib.study.progress import in_words

HEADER = ("stage", "generations", "sampled", "prefilled", "verifier", "trained", "FLOPs", "storage", "minutes")
MADE, UNKNOWN = "made", "?"


def lines(ahead: Ahead) -> list[str]:
    """The whole plan."""
    rows: list[tuple[str, ...]] = [HEADER]
    for stage in ahead.stages:
        seconds = MADE if stage.name in ahead.made else _minutes(ahead.seconds.get(stage.name))
        rows.append(_row(stage.name, ahead.work.get(stage.name, Work()), seconds))
    rows.append(_row("in all", total(list(ahead.work.values())), _minutes(_all_seconds(ahead))))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    found = [f"{row[0]:{widths[0]}}" + "".join(f"  {row[i]:>{widths[i]}}" for i in range(1, len(row))) for row in rows]
    found.insert(-1, "-" * len(found[0]))
    found += ["", f"Time: {time(ahead)}.", "", "What this rests on:"]
    found += [f"  {what}: {value}" for what, value in ahead.notes.items()]
    if ahead.missing:
        found += ["", "Missing:", *(f"  - {sentence}" for sentence in ahead.missing)]
    return found


def time(ahead: Ahead) -> str:
    """How long the study will take, in words."""
    todo = [stage.name for stage in ahead.stages if stage.name not in ahead.made]
    if not todo:
        return "none, as every stage is made"
    seconds, pace = _all_seconds(ahead), ahead.pace
    if seconds is None or pace is None:
        return "not known; state the pace of the base model by --tokens-per-second"
    limits = any("upper limit" in value for value in ahead.notes.values())
    words = f"about {in_words(seconds)} for {len(todo)} stages on {pace.n} x {pace.device}"
    return f"{words}; less where numbers stand at their upper limits" if limits else words


def _all_seconds(ahead: Ahead) -> float | None:
    names = {stage.name for stage in ahead.stages} - ahead.made
    return sum(ahead.seconds.values()) if names == set(ahead.seconds) else None


def _minutes(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else f"{seconds / 60:,.1f}"


def _row(name: str, work: Work, minutes: str) -> tuple[str, ...]:
    asked = work.asked
    counts = (asked.generations, asked.sampled, asked.prefilled, asked.verified, work.trained)
    return (
        name,
        *(f"{count:,.0f}" if count else "-" for count in counts),
        f"{work.flops:.3g}" if work.flops else "-",
        f"{work.storage / 2**20:,.1f} MiB" if work.storage else "-",
        minutes,
    )
