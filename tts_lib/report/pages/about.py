"""What a page says of its own study: which, by what code, when and where; and whether it can conclude anything."""

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import tts_lib
from tts_lib.study import progress
from tts_lib.study.profile import profile_of

FEW = 100  # test questions; the interval of a share is then 20 points wide


@dataclass(frozen=True)
class About:
    """The sentence at the foot of each page, and a warning at its head or nothing."""

    foot: str
    warning: str


def about(root: Path, n_questions: int) -> About:
    """What is to be said of the study in `root`, which was judged on that many test questions."""
    seconds = progress.last_seconds(root)
    parts = [
        f"Study {profile_of(root)}",
        _commit(),
        f"{datetime.now(UTC):%Y-%m-%d}",
        f"{os.cpu_count()} cores, {platform.machine()} {platform.system()}",
        f"{progress.in_words(sum(seconds.values()))}, the last runs of its {len(seconds)} stages together"
        " (what a run found in the store took no time)"
        if seconds
        else "",
    ]
    warning = f"{n_questions} test questions: enough to see that everything runs, too few to conclude anything."
    return About(" · ".join(filter(None, parts)), warning if n_questions < FEW else "")


def _commit() -> str:
    """The commit of the code, where it is known, and whether the code is another by now; a study's outputs may be."""
    place = Path(tts_lib.__file__).parent
    try:
        commit, changed = (
            subprocess.run(["git", *arguments], cwd=place, capture_output=True, text=True)
            for arguments in (("rev-parse", "--short", "HEAD"), ("diff", "--quiet", "HEAD", "--", "."))
        )
    except OSError:
        return ""
    if commit.returncode != 0:
        return ""
    return f"commit {commit.stdout.strip()}" + (", changed since" if changed.returncode else "")
