"""Outputs held against dvc.lock, in the folder and in DVC's cache."""

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from tts_lib.common.errors import StudyError
from tts_lib.study import verify


def kept(root: Path, content: bytes, suffix: str = "") -> str:
    """Put an object into the cache; returns its name there."""
    md5 = hashlib.md5(content).hexdigest()
    path = root / ".dvc/cache/files/md5" / md5[:2] / f"{md5[2:]}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return md5 + suffix


@pytest.fixture
def study(tmp_path):
    files = {"data/a.parquet": b"a" * 100, "models/prm/w.safetensors": b"w" * 100, "models/prm/config.json": b"{}"}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
        kept(tmp_path, content)
    inside = {Path(name).name: hashlib.md5(c).hexdigest() for name, c in files.items() if "prm" in name}
    listing = json.dumps([{"md5": inside[name], "relpath": name} for name in sorted(inside)]).encode()
    stages = {
        "select": {"outs": [{"path": "data/a.parquet", "md5": hashlib.md5(files["data/a.parquet"]).hexdigest()}]},
        "verifier@trained": {"outs": [{"path": "models/prm", "md5": kept(tmp_path, listing, ".dir")}]},
    }
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    return tmp_path


def test_a_whole_study_has_nothing_to_complain_of(study):
    assert verify.complaints(study) == ([], 3)


def test_a_changed_and_a_missing_output_are_named_with_their_stage(study):
    (study / "data/a.parquet").write_bytes(b"a" * 99 + b"b")
    (study / "models/prm/config.json").unlink()
    assert verify.complaints(study)[0] == [
        "data/a.parquet is not what select made; run `dvc repro select`, which puts it back",
        "models/prm/config.json is missing; run `dvc repro verifier@trained`",
    ]


def test_a_rotten_copy_in_the_cache_is_found_and_goes(study):
    rotten = next(p for p in (study / ".dvc/cache").rglob("*") if p.is_file() and p.read_bytes() == b"w" * 100)
    rotten.chmod(0o644)
    rotten.write_bytes(b"w" * 50 + b"x" * 50)
    rotten.chmod(0o444)
    words = (
        "models/prm/w.safetensors: its copy in DVC's cache was damaged and is gone; run `dvc repro -f verifier@trained`"
    )
    assert verify.complaints(study)[0] == [words]
    assert not rotten.exists()
    assert verify.complaints(study)[0] == []


def test_a_damaged_list_of_a_folder_is_named(study):
    listing = next(p for p in (study / ".dvc/cache").rglob("*.dir"))
    listing.write_bytes(b"[]")
    words = "models/prm cannot be held against its list of files; run `dvc repro -f verifier@trained`"
    assert verify.complaints(study)[0] == [words]


def test_a_folder_that_the_cache_keeps_no_list_of_is_held_against_its_own_hash(study):
    """Outputs with `cache: false`, as the pages."""
    next(p for p in (study / ".dvc/cache").rglob("*.dir")).unlink()
    assert verify.complaints(study) == ([], 3)
    (study / "models/prm/config.json").write_bytes(b"[]")
    (words,) = verify.complaints(study)[0]
    assert words.startswith("models/prm cannot be held against")


@pytest.mark.parametrize(
    ("content", "words"), [(None, "has not run yet"), ("{", "cannot be read"), ("a: 1", "cannot be read")]
)
def test_a_study_without_a_lock_is_one_sentence(tmp_path, content, words):
    if content is not None:
        (tmp_path / "dvc.lock").write_text(content)
    with pytest.raises(StudyError, match=words):
        verify.complaints(tmp_path)
