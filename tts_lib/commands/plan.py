"""Say what a study will sample, read, train and store, how long that takes and what is missing, before it runs."""

import argparse

from tts_lib.common import paths
from tts_lib.plan import __main__ as plan
from tts_lib.plan import table
from tts_lib.plan.ahead import look
from tts_lib.plan.beside import look as in_the_study


def add_arguments(parser: argparse.ArgumentParser) -> None:
    plan.add_arguments(parser)
    parser.add_argument("--supplement", metavar="NAME", help="its parts, or its studies (makes their folders)")


def run(given: argparse.Namespace) -> int:
    if given.supplement is None:
        return plan.run(given)
    from tts_lib.commands import supplement  # loads every kind of them: seconds

    root = paths.find_root(given.folder)
    beside = supplement.make(given.supplement, root)
    missing, rate = False, given.tokens_per_second
    for name, place in beside.studies.items():
        ahead = look(place / "params.yaml", rate, only=beside.declared.stages)
        print("\n".join([f"{given.supplement}, {name}", "", *table.lines(ahead), ""]))
        missing |= bool(ahead.missing)
    if not beside.studies:
        ahead = in_the_study(root / "params.yaml", beside.declared.efforts, supplement.unrun(root), rate)
        print("\n".join([f"{given.supplement}, in the study itself", "", *table.lines(ahead)]))
        missing = bool(ahead.missing)
    return 1 if missing else 0
