"""What the paper's claims are on, by their numbers, and which of these things a study says nothing on."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

_KINDS = {  # on what -> first and last number
    "verifiers": (1, 5),
    "searches": (6, 12),
    "the compute-optimal choice": (13, 17),
    "revisions": (18, 27),
    "the larger model": (28, 30),
    "budgets per question": (31, 32),
    "difficulty without a sample": (33, 34),
}


def spoken_of(claims: Sequence[Mapping[str, str]], ran_whole: bool) -> list[Mapping[str, str]]:
    """The claims that a report shows: all if every part of the study ran, else those that were measured.

    Args:
        claims: number and estimate of all; no text where a claim was not measured.
    """
    return [claim for claim in claims if ran_whole or claim["estimate"]]


def left_out(claims: Sequence[Mapping[str, str]], shown: Sequence[Mapping[str, str]]) -> str:
    """One sentence on the claims that are not shown, empty if all are."""
    every, there = (Counter(_kind(claim["number"]) for claim in some) for some in (claims, shown))
    parts = [
        f"{'all ' if there[kind] == 0 else ''}{n - there[kind]}{f' of {n}' if there[kind] else ''} on {kind}"
        for kind, n in every.items()
        if there[kind] < n
    ]
    return f"Left out, since nothing here measures them: {', '.join(parts)}." if parts else ""


def _kind(number: str) -> str:
    place = int(re.split(r"\D", number)[0])
    return next(kind for kind, (first, last) in _KINDS.items() if first <= place <= last)
