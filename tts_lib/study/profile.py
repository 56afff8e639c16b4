"""Which profile a study runs, and what its folder took from the project."""

import hashlib
import json
from pathlib import Path

PROFILE = Path(".dvc/profile")  # the name of the one that the folder was made by
COPIED = Path(".dvc/copied.json")  # what it took from the project: path -> SHA-256 as it was taken


def sha256(content: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def taken(root: Path) -> dict[str, str]:
    """The record of the files that the folder took; empty where it took none."""
    return json.loads((root / COPIED).read_bytes()) if (root / COPIED).is_file() else {}


def profile_of(root: Path) -> str:
    """The profile that the study in `root` runs, and whether its settings were changed since."""
    settings = (root / "params.yaml").read_bytes()
    if (root / PROFILE).is_file():
        name = (root / PROFILE).read_text(encoding="utf-8")
        same = taken(root).get("params.yaml") == sha256(settings)
        return name if same else f"{root.resolve().name} (from {name}, changed)"
    equal = [path.stem for path in (root / "profiles").glob("*.yaml") if path.read_bytes() == settings]
    return equal[0] if equal else root.resolve().name
