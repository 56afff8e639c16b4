"""The supplements of a report, reports/supplements/NAME/, and whether they belong to the study at hand."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from tts_lib.common import paths, tables

_KEYS = ["title", "lead", "belongs", "claims"]


@dataclass(frozen=True)
class Kept:
    """A supplement as the report shows it.

    Attributes:
        page: its file, as seen from the report's first page.
        differs: what of it is not of the study at hand; empty if it belongs to it.
        claims: number of a claim -> what it adds there: text; a verdict, and by whom, if it has one.
        beside: the figure that it is linked from, if one.
    """

    title: str
    lead: str
    page: str
    differs: list[str]
    claims: dict[str, dict[str, str]]
    beside: str = ""


def fingerprint(root: Path, claims: str) -> dict[str, str]:
    """What a supplement belongs to: hashes of the settings' values, the models and the registered claims.

    Which budgets are drawn (`grid.budgets`) is no part of it, as nothing that was measured depends on them.

    Args:
        claims: the hash of the registered claims that the report is judged by.

    Raises:
        TableError: a record of a model is damaged.
    """
    values = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    (values.get("grid") or {}).pop("budgets", None)
    params = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
    found = {"params": params, "claims": claims}
    for path in sorted((root / paths.METRICS).glob("*.json")):
        record = tables.read_json(path)
        named = {path.stem: record} | {f"{path.stem}/{name}": part for name, part in record.items()}
        found |= {name: part["sha256"] for name, part in named.items() if isinstance(part, dict) and "sha256" in part}
    return found


def read(root: Path, claims: str) -> list[Kept]:
    """The supplements in the report of the study in `root`, in the order of their names; see `fingerprint`.

    Raises:
        TableError: a record is damaged.
    """
    found = []
    files = sorted((root / paths.SUPPLEMENTS).glob("*/summary.json"))
    now = fingerprint(root, claims) if files else {}
    for path in files:
        record = tables.read_json(path, _KEYS)
        then = record["belongs"]
        differs = sorted(part for part in now.keys() | then.keys() if now.get(part) != then.get(part))
        page = (path.parent / "index.html").relative_to(root / paths.REPORTS).as_posix()
        found.append(Kept(record["title"], record["lead"], page, differs, record["claims"], record.get("beside", "")))
    return found


def added(kept: Sequence[Kept]) -> dict[str, list[dict[str, str]]]:
    """Number of a claim -> what the study's own supplements add to it, in their order; see `Kept.claims`."""
    found: dict[str, list[dict[str, str]]] = {}
    for one in kept:
        for number, more in one.claims.items() if not one.differs else ():
            found.setdefault(number, []).append(more)
    return found


def over_trainings(kept: Sequence[Kept]) -> dict[str, dict[str, str]]:
    """Number of a claim -> what other trainings of the same models say of it, with this one: text, verdict."""
    of_each = added(kept).items()
    return {number: more for number, all_ in of_each for more in all_ if "verdict" in more and "by" not in more}
