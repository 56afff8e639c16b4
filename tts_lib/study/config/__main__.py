"""`python -m tts_lib.study.config [FILE]`: check params.yaml, or another study file, as a whole."""

from tts_lib.study import forks

if __name__ == "__main__":
    forks.go_on_there("tts_lib.study.config")  # before the rest is loaded

import sys

from tts_lib.common.errors import StudyError
from tts_lib.study.config import loading


def main(file: str = "params.yaml") -> None:
    """Exits with one sentence where the file is refused."""
    try:
        loading.load(file)
    except StudyError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:2])
