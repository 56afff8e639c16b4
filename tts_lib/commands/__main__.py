"""`tts new|samples|run|plan|power|verify|lab|serve|seconds`: what can be done with a study."""

import argparse
import ast
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from tts_lib.common.errors import StudyError

COMMANDS = ("new", "samples", "run", "plan", "power", "verify", "lab", "serve", "seconds")


def make_parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """The command line with all its commands; of these only the one that is chosen is loaded, and takes arguments."""
    parser = argparse.ArgumentParser(prog="tts", description="Studies of what test-time compute is worth.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        words = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
        command = commands.add_parser(name, help=words, description=words)
        if name == chosen:
            module = import_module(f"tts_lib.commands.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    given = make_parser(words[0] if words else None).parse_args(words)
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
