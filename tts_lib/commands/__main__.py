"""`tts new|samples|run|plan|power|verify|lab|serve|seconds`: what can be done with a study."""

import argparse
import sys
from collections.abc import Sequence

from tts_lib.commands import lab, new, plan, power, run, samples, seconds, serve, verify
from tts_lib.common.errors import StudyError

COMMANDS = {
    **{"new": new, "samples": samples, "run": run, "plan": plan, "power": power},
    **{"verify": verify, "lab": lab, "serve": serve, "seconds": seconds},
}


def make_parser() -> argparse.ArgumentParser:
    """The command line with all its commands."""
    parser = argparse.ArgumentParser(prog="tts", description="Studies of what test-time compute is worth.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        words = (module.__doc__ or "").partition("\n")[0]
        command = commands.add_parser(name, help=words, description=words)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    given = make_parser().parse_args(arguments)
    try:
        return given.run(given)
    except (StudyError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
