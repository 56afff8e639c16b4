"""Every output of a study held against what dvc.lock says it was when it was made, in the folder and in DVC's cache.

DVC restores a rotten copy from its cache without a word; what this names is gone from the cache, so that the stage that
made it makes it again.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tts_lib.study import dvc_lock


def complaints(root: Path) -> tuple[list[str], int]:
    """One sentence for each output that is not what it was, with what to do; and the number of files looked at.

    Raises:
        StudyError: there is no dvc.lock, or it cannot be read.
    """
    found: list[str] = []
    cache, n_files = _cache(root), 0
    for stage, out in _outputs(root):
        path, made = root / out["path"], out["md5"]
        files = _listed(cache, path, made) if made.endswith(".dir") else {"": made}
        if files is None:
            found.append(f"{out['path']} cannot be held against its list of files; run `dvc repro -f {stage}`")
            continue
        for name, expected in files.items():
            n_files += 1
            here = path / name if name else path
            copy = cache / expected[:2] / expected[2:]
            place = out["path"] + (f"/{name}" if name else "")
            if copy.is_file() and dvc_lock.md5(copy) != expected:
                copy.chmod(0o644)
                copy.unlink()
                found.append(f"{place}: its copy in DVC's cache was damaged and is gone; run `dvc repro -f {stage}`")
            elif not here.is_file():
                found.append(f"{place} is missing; run `dvc repro {stage}`")
            elif dvc_lock.md5(here) != expected:
                found.append(f"{place} is not what {stage} made; run `dvc repro {stage}`, which puts it back")
    return found, n_files


def _outputs(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for stage, record in dvc_lock.read(root).items():
        for out in record.get("outs", []):
            yield stage, out


def _cache(root: Path) -> Path:
    """The folder of DVC's cache: the one that .dvc/config names, or .dvc/cache."""
    for name in ("config.local", "config"):
        config = root / ".dvc" / name
        for line in config.read_text(encoding="utf-8").splitlines() if config.is_file() else []:
            key, _, value = line.partition("=")
            if key.strip() == "dir":
                return (root / ".dvc" / value.strip()) / "files" / "md5"
    return root / ".dvc" / "cache" / "files" / "md5"


def _listed(cache: Path, folder: Path, made: str) -> dict[str, str] | None:
    """The files of a folder by their paths in it: as DVC's cache lists them, or as they lie there.

    DVC keeps no list of a folder that it keeps no copies of; the folder itself then has the hash or has not.
    """
    listing = cache / made[:2] / made[2:]
    try:
        content = listing.read_bytes() if listing.is_file() else _list(folder)
        if hashlib.md5(content).hexdigest() != made.removesuffix(".dir"):
            return None
        return {entry["relpath"]: entry["md5"] for entry in json.loads(content)}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _list(folder: Path) -> bytes:
    """What DVC writes down of a folder: its files by their paths, each with its hash."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    entries = [{"md5": dvc_lock.md5(files[name]), "relpath": name} for name in sorted(files)]
    return json.dumps(entries).encode()
