"""`python -m tts_lib.answers.store verify|stats|gc [--path .tts_store]`: look after the sample store."""

import argparse
import sys
from pathlib import Path

from tts_lib.answers.store.errors import StoreError
from tts_lib.answers.store.upkeep import collect_garbage, stats, verify
from tts_lib.common.files import WriteError


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status: 1 where the store is damaged or cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m tts_lib.answers.store", description=__doc__)
    parser.add_argument(
        "command",
        choices=["verify", "stats", "gc"],
        help="verify: check all SHA-256 sums; stats: what the store holds; gc: remove leftovers, merge small shards",
    )
    parser.add_argument("--path", type=Path, default=Path(".tts_store"), help="the store (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        if options.command == "verify":
            complaints, summary = verify(options.path)
            print("\n".join([*complaints, summary]), file=sys.stderr if complaints else sys.stdout)
            return 1 if complaints else 0
        print(stats(options.path) if options.command == "stats" else collect_garbage(options.path))
    except (StoreError, WriteError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
