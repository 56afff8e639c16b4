"""What the paper's claims are on, by their numbers, and which of them a study says nothing on."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

NOT_MEASURED = "not measured"
_KINDS = {  # on what -> first and last number
    "verifiers": (1, 5),
    "searches": (6, 12),
    "the compute-optimal choice": (13, 17),
    "revisions": (18, 27),
    "the larger model": (28, 30),
}


def left_out(claims: Iterable[Mapping[str, str]]) -> str:
    """One sentence on the claims that were not measured, empty if all were.

    Args:
        claims: number and verdict of all.
    """
    every, unmeasured = Counter[str](), Counter[str]()
    for claim in claims:
        kind = _kind(claim["number"])
        every[kind] += 1
        unmeasured[kind] += claim["verdict"] == NOT_MEASURED
    parts = [
        f"{'all ' if n == every[kind] else ''}{n}{'' if n == every[kind] else f' of {every[kind]}'} on {kind}"
        for kind, n in unmeasured.items()
        if n
    ]
    return f"Left out, since nothing here measures them: {', '.join(parts)}." if parts else ""


def _kind(number: str) -> str:
    place = int(re.split(r"\D", number)[0])
    return next(kind for kind, (first, last) in _KINDS.items() if first <= place <= last)
