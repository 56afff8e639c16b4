"""Chooses the study to run: `python -m tts_lib.study.profiles smoke` makes profiles/smoke.yaml the params.yaml."""

import shutil
import sys
from pathlib import Path

from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.common.files import write_atomically
from tts_lib.study.config import loading

_REPORTED = ("executed", "figures", "metrics", "pages", "tables")


def activate(name: str, root: Path) -> None:
    """Copy profiles/<name>.yaml over params.yaml.

    Raises:
        StudyError: no such profile, a broken one, or params.yaml holds settings that no profile has (and would lose).
    """
    profiles = {path.stem: path for path in sorted((root / "profiles").glob("*.yaml"))}
    if name not in profiles:
        raise StudyError(f"There is no profile {name!r}; profiles/ has {', '.join(profiles) or 'none'}.")
    loading.load(profiles[name])
    wanted, active = profiles[name].read_bytes(), root / "params.yaml"
    current = active.read_bytes()
    if current == wanted:
        return
    if all(path.read_bytes() != current for path in profiles.values()):
        raise StudyError("params.yaml holds settings of your own; save it as profiles/<a name>.yaml first.")
    write_atomically(active, wanted)
    for name in _REPORTED:  # of the other study; what this one has made before comes back from DVC's cache
        shutil.rmtree(root / "reports" / name, ignore_errors=True)


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        sys.exit("usage: python -m tts_lib.study.profiles NAME")
    try:
        activate(arguments[0], paths.find_root())
    except StudyError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
