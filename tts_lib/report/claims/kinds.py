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
}


def spoken_of(claims: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """The claims on things of which the study measures any.

    Args:
        claims: number and estimate of all; no text where a claim was not measured.
    """
    measured = {_kind(claim["number"]) for claim in claims if claim["estimate"]}
    return [claim for claim in claims if _kind(claim["number"]) in measured]


def left_out(claims: Sequence[Mapping[str, str]]) -> str:
    """One sentence on the other claims, empty if there are none."""
    shown = {claim["number"] for claim in spoken_of(claims)}
    counts = Counter(_kind(claim["number"]) for claim in claims if claim["number"] not in shown)
    parts = [f"all {n} on {kind}" for kind, n in counts.items()]
    return f"Left out, since nothing here measures them: {', '.join(parts)}." if parts else ""


def _kind(number: str) -> str:
    place = int(re.split(r"\D", number)[0])
    return next(kind for kind, (first, last) in _KINDS.items() if first <= place <= last)
