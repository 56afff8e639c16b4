"""A study is a folder: settings, pipeline, notebooks, and all that running them makes.

A folder of its own holds copies of the project's notebooks and dvc.yaml, which may be changed at will, and links to its
library and its sample store. DVC's cache is the project's, so that what two studies have in common is computed once.
"""

import json
import os
from pathlib import Path

import yaml

import tts_lib
from tts_lib.common.errors import StudyError, listed
from tts_lib.common.files import write_atomically
from tts_lib.study.config import loading
from tts_lib.study.profile import COPIED, PROFILE, sha256, taken

_FROM_FOLDERS = ("questions", "replay", "checkpoints", "verifier")  # sections whose `folder` is seen from the study's
_DVC = """\
[core]
    analytics = false
    check_update = false
    no_scm = true
[cache]
    dir = {cache}
"""
_README = """\
# A study: {profile}

Made from `profiles/{profile}.yaml` of the project in `{project}`. What is asked, with which models, questions and
budgets, stands in `params.yaml`; a mistake in it is answered with one sentence.

    tts run .        # or `dvc repro`: what is not there yet is trained, sampled, fitted; a killed run goes on
    tts plan .       # what that takes, how long, and what is missing, before it runs
    tts lab .        # the notebooks in JupyterLab, on this study; results go to scratch/ unless they are to be kept
    tts verify .     # whether every output is what it was when it was made

Then open `reports/index.html`. To change the study, edit `params.yaml`: new budgets (`grid.budgets`) make the report
anew, as all that the samples suffice for are measured; more samples (`generate`) or another search (`options` and
`grid.methods`) draw only what is missing. The notebooks in `notebooks/` are yours to change, each of them a stage of
`dvc.yaml`.

`tts_lib` and `.tts_store` are links to the project's library and samples.
"""


def project() -> Path:
    """The project whose library this is: the folder with its notebooks and profiles.

    Raises:
        StudyError: the library was installed without them.
    """
    root = Path(tts_lib.__file__).resolve().parents[1]
    if not (root / "dvc.yaml").is_file():
        raise StudyError(f"{root} has no dvc.yaml and notebooks; install the project from a checkout: pip install -e .")
    return root


def profile_names(root: Path) -> list[str]:
    """Names of the profiles of a project, in alphabetical order."""
    return sorted(path.stem for path in (root / "profiles").glob("*.yaml"))


def create(folder: Path, profile: str) -> list[str]:
    """Make `folder` a study of its own by a profile of the project, or bring one that was made so up to date.

    Files that were changed there since are left as they are.

    Returns:
        The names of these files.

    Raises:
        StudyError: no such profile or a broken one, or the folder holds something else.
        WriteError: disk full, no permission.
    """
    root = project()
    source = root / "profiles" / f"{profile}.yaml"
    if profile not in profile_names(root):
        raise StudyError(f"There is no profile {profile!r}; profiles/ has {listed(profile, profile_names(root))}.")
    loading.load(source)
    return make(folder, profile, source.read_text(encoding="utf-8"), root)


def make(folder: Path, profile: str, settings: str, seen_from: Path) -> list[str]:
    """As `create`, with these settings, whose relative folders are seen from `seen_from`.

    Raises:
        StudyError: the folder holds something else.
        WriteError: disk full, no permission.
    """
    root = project()
    if folder.exists() and any(folder.iterdir()) and not (folder / COPIED).is_file():
        raise StudyError(f"{folder} is not empty and no study made here; choose another folder.")
    folder = folder.resolve()
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.glob("notebooks/*.ipynb"))}
    files |= {name: (root / name).read_bytes() for name in ("dvc.yaml", ".dvcignore")}
    files["params.yaml"] = _moved(settings, seen_from, folder).encode()
    files["README.md"] = _README.format(profile=profile, project=root).encode()
    files[PROFILE.as_posix()] = profile.encode()
    files[".dvc/config"] = _DVC.format(cache=root / ".dvc" / "cache").encode()
    own = _take(folder, files)
    (root / ".tts_store").mkdir(exist_ok=True)
    for name, target in (("tts_lib", Path(tts_lib.__file__).resolve().parent), (".tts_store", root / ".tts_store")):
        if not (folder / name).exists():
            (folder / name).symlink_to(target)
    return own


def _take(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Write the files that are not there or unchanged since they were taken; return those that were changed."""
    record, own = taken(folder), []
    for name, content in files.items():
        path = folder / name
        now = sha256(path.read_bytes()) if path.is_file() else None
        if now not in (None, sha256(content), record.get(name)):
            own.append(name)
            continue
        if now != sha256(content):
            write_atomically(path, content)
        record[name] = sha256(content)
    write_atomically(folder / COPIED, json.dumps(record, indent=1, sort_keys=True).encode())
    return own


def _moved(text: str, root: Path, folder: Path) -> str:
    """The settings with their relative folders seen from `folder` and not from `root`; the rest as it is written."""
    document = yaml.compose(text, Loader=yaml.SafeLoader)
    places = []
    for section, body in document.value:
        for _, entry in body.value if isinstance(body, yaml.MappingNode) else []:
            for key, value in entry.value if isinstance(entry, yaml.MappingNode) else []:
                is_path = (
                    key.value in ("folder", "gguf")
                    and section.value in _FROM_FOLDERS
                    and isinstance(value, yaml.ScalarNode)
                )
                if is_path and value.tag.endswith(":str") and not os.path.isabs(value.value):
                    places.append((value.start_mark.index, value.end_mark.index, value.value))
    for start, end, value in reversed(places):
        text = text[:start] + json.dumps(os.path.relpath(root.resolve() / value, folder)) + text[end:]
    return text
