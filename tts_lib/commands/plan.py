"""Say what a study will sample, read, train and store, how long that takes and what is missing, before it runs."""

import argparse

from tts_lib.commands import supplement
from tts_lib.common import paths
from tts_lib.plan import __main__ as plan
from tts_lib.plan import table
from tts_lib.plan.ahead import look


def add_arguments(parser: argparse.ArgumentParser) -> None:
    plan.add_arguments(parser)
    parser.add_argument("--supplement", metavar="NAME", help="its studies, whose folders are made if need be")


def run(given: argparse.Namespace) -> int:
    if given.supplement is None:
        return plan.run(given)
    beside = supplement.make(given.supplement, paths.find_root(given.folder))
    missing = False
    for name, place in beside.studies.items():
        ahead = look(place / "params.yaml", given.tokens_per_second, only=beside.declared.stages)
        print("\n".join([f"{given.supplement}, {name}", "", *table.lines(ahead), ""]))
        missing |= bool(ahead.missing)
    return 1 if missing else 0
