"""What a study will take and what it lacks, before anything runs: `python -m tts_lib.plan [FOLDER]`, or `tts plan`.

What only a run can tell is taken from the metrics of an earlier run beside the settings, if there are any, and else
stands at its upper limit; the plan says which. Time comes from earlier runs in the folder and from recorded paces, or
else from one figure: the tokens a second that the base model writes, stated or measured here.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.plan import table
from tts_lib.plan.ahead import look
from tts_lib.study.config import loading


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="of the study, or a file of settings")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--tokens-per-second", type=_positive, metavar="N", help="that the base model writes here")
    pace.add_argument("--probe", type=_positive, metavar="SECONDS", help="measure them on models/base")


def run(given: argparse.Namespace) -> int:
    """Print the plan; 1 if something is missing.

    Raises:
        StudyError: the settings are broken, or there is no model to measure.
    """
    file = given.folder if given.folder.is_file() else paths.find_root(given.folder) / "params.yaml"
    file = file.resolve()
    rate, source = (measured(file, given.probe), "measured") if given.probe else (given.tokens_per_second, "stated")
    ahead = look(file, rate, source)
    print("\n".join(table.lines(ahead)))
    return 1 if ahead.missing else 0


def measured(file: Path, seconds: float) -> float:
    """Tokens a second of the base model of a study.

    Raises:
        StudyError: there is none yet.
    """
    study, folder = loading.load(file), file.parent / "models" / "base"
    if not folder.is_dir() or study.engine is None or study.sampling is None:
        raise StudyError(f"{folder} is not there yet, so nothing can be measured: leave out --probe.")
    from tts_lib.engines.opening import open_policy
    from tts_lib.models import pointer
    from tts_lib.models.folder import STEP_TEXT
    from tts_lib.models.vocabulary import Vocabulary
    from tts_lib.plan.probe import tokens_per_second

    target = pointer.resolve(folder)
    vocab_size = Vocabulary.of(target.weights, target.step or STEP_TEXT).size
    policy = open_policy(folder, study.engine.model_dump())
    return tokens_per_second(policy, vocab_size, study.sampling.max_tokens, seconds)


def main(arguments: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tts_lib.plan", description="What a study will take and lacks.")
    add_arguments(parser)
    try:
        return run(parser.parse_args(arguments))
    except StudyError as error:
        print(error, file=sys.stderr)
        return 1


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
