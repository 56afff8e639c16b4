"""Models that exist already: which are on this disk, which must be downloaded, and who may."""

import os
from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import constants

from tts_lib.common import paths
from tts_lib.models import checkpoint, packages
from tts_lib.models.folder import FolderError
from tts_lib.study.config.checkpoint import Package, Source
from tts_lib.study.config.study import Study

GATED = ("meta-llama/", "google/gemma")  # beginnings of names whose licence must be accepted on the hub
STORED = 2  # bytes a parameter in today's repositories: bfloat16


def sources(study: Study) -> dict[str, Source]:
    """The models that a study takes, by name; the PRM that it declares is `prm`."""
    declared = study.verifier.declared if study.verifier else None
    return {**study.taken, **({"prm": declared} if declared else {})}


def names(study: Study) -> set[str]:
    """The repositories of the hub among them."""
    return {source.model for source in sources(study).values() if source.model}


def local(source: Source, folder: Path) -> Path | None:
    """The folder of a model whose weights are all on this disk.

    Args:
        folder: from which the study's files are seen.
    """
    if source.package:
        return packages.known(source.package.model_dump(), folder)
    if source.gguf:  # made of the file within seconds
        return None
    here = folder / source.folder if source.folder else _snapshot(source)
    try:
        checkpoint.weight_files(here)
    except FolderError:
        return None
    return here


def cache() -> Path:
    """Where downloads go."""
    return Path(constants.HF_HUB_CACHE)


def missing(study: Study, folder: Path) -> Iterator[str]:
    """A sentence for each model that is not here and cannot be fetched."""
    for name, source in sources(study).items():
        if local(source, folder) is not None:
            continue
        place = "verifier.declared" if name == "prm" else f"checkpoints.{name}"
        if source.gguf:
            if not (folder / source.gguf).is_file():
                yield f"{place}.gguf: there is no file {folder / source.gguf}."
        elif source.package:
            yield from _no_way_to(source.package, place, folder)
        elif source.folder:
            try:
                checkpoint.weight_files(folder / source.folder)
            except FolderError as error:
                yield f"{place}.folder: {error}."
        elif constants.HF_HUB_OFFLINE:
            yield f"{place}: {source.model} is not in {cache()}, and HF_HUB_OFFLINE forbids to fetch it."
        elif (source.model or "").startswith(GATED) and not _logged_in():
            yield (
                f"{place}: {source.model} is gated. Accept its licence at https://huggingface.co/{source.model}, then "
                "log in with `hf auth login` or set HF_TOKEN."
            )


def downloads(study: Study, folder: Path) -> dict[str, str]:
    """The models that must be fetched: name in the study (`prm`: the declared one) -> repository."""
    return {
        name: source.model for name, source in sources(study).items() if source.model and local(source, folder) is None
    }


def _no_way_to(package: Package, place: str, folder: Path) -> Iterator[str]:
    """A sentence if a wheel is neither here nor can be fetched: pip is told by its own settings to stay offline."""
    if os.environ.get("PIP_NO_INDEX") and packages.wheel_at_hand(package.model_dump(), folder) is None:
        yield (
            f"{place}.package: the wheel of {package.name} {package.version} is not here, and PIP_NO_INDEX forbids to "
            f"fetch it. Put it into {folder / paths.WHEELS}."
        )


def _snapshot(source: Source) -> Path:
    """Where the hub's own cache keeps a commit."""
    assert source.model and source.revision
    return cache() / f"models--{source.model.replace('/', '--')}" / "snapshots" / source.revision


def _logged_in() -> bool:
    return "HF_TOKEN" in os.environ or Path(constants.HF_TOKEN_PATH).is_file()
