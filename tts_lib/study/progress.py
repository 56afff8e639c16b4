"""How far a run of a study has come: which stage of how many, for how long, and how much is left at this pace."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tts_lib.common.files import write_atomically
from tts_lib.study.stages import Stage

RUN = Path("logs/run.json")  # the run under way, as `begin` wrote it
STAGES = Path("logs/stages.jsonl")  # a line for each stage that has ended
BELIEVED = 60.0  # seconds of expected work that the expectation itself counts for: short stages say little of the pace


def begin(folder: Path, stages: Sequence[Stage], seconds: Mapping[str, float]) -> None:
    """Note that a run of these stages begins, and how long each is expected to take where that is known."""
    record = {
        "started": time.time(),
        "stages": [{"name": s.name, "outs": s.outs, "seconds": seconds.get(s.name)} for s in stages],
    }
    write_atomically(folder / RUN, json.dumps(record).encode())


def end(folder: Path) -> None:
    """The run is over, however it ended."""
    (folder / RUN).unlink(missing_ok=True)


def line(target: Path) -> str | None:
    """What to say as the stage begins that writes `target`; None outside of a run."""
    try:
        record = json.loads(RUN.read_bytes())
        stages, started = record["stages"], record["started"]
        number = next(i for i, stage in enumerate(stages) if target.as_posix() in stage["outs"])
    except (OSError, ValueError, KeyError, StopIteration):
        return None
    so_far = time.time() - started
    words = f"Stage {number + 1} of {len(stages)}: {stages[number]['name']}; {in_words(so_far)} so far"
    left = _left(stages, number, started)
    return words if left is None else f"{words}, about {in_words(left)} left"


def in_words(seconds: float) -> str:
    """A time as people say it: 40 s, 3 min, 2 h 10 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def last_seconds(folder: Path) -> dict[str, float]:
    """How long the executed notebook of each name took when it was last made here."""
    return {name: seconds for name, seconds, _ in _ended(folder)}


def _left(stages: Sequence[Mapping[str, Any]], number: int, started: float) -> float | None:
    """Expected seconds from this stage on, at the pace of those that this run has made."""
    if any(stage["seconds"] is None for stage in stages[number:]):
        return None
    expected = {Path(out).stem: stage["seconds"] for stage in stages for out in stage["outs"]}
    made = [(expected.get(name), seconds) for name, seconds, ended in _ended(Path()) if ended >= started]
    known = [(e, seconds) for e, seconds in made if e]
    pace = (sum(seconds for _, seconds in known) + BELIEVED) / (sum(e for e, _ in known) + BELIEVED)
    return pace * sum(stage["seconds"] for stage in stages[number:])


def _ended(folder: Path) -> list[tuple[str, float, float]]:
    """Name, seconds and time of each stage that has succeeded, in order; lines that were cut short are left out."""
    found = []
    path = folder / STAGES
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            entry = json.loads(text)
            if entry["succeeded"]:
                found.append((entry["stage"], float(entry["wall_s"]), float(entry["ended"])))
        except (ValueError, KeyError, TypeError):
            continue
    return found
