"""Words shared by every room of the library."""

import difflib
from collections.abc import Iterable


class StudyError(Exception):
    """A mistake the reader of the message can mend: its text is one sentence naming what, where and what is allowed."""


def listed(name: str, known: Iterable[str]) -> str:
    """The known names in a row, for a sentence about a name that is none of them; the nearest is pointed to."""
    names = [*known]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.65) if len(names) > 1 else []
    return (", ".join(names) or "nothing") + (f" (nearest: {near[0]})" if near else "")


def one_line(error: Exception) -> str:
    """What another library says, to be quoted inside a sentence."""
    return " ".join(str(error).split()).rstrip(".")
