"""A server of a study's fitted choice, measured: `python -m benchmarks.serving FOLDER [PART ...]`.

    answers     test questions under their own ids: each answer against that of the stored samples, usage against the
                tokens that the engines were asked for
    worth       accuracy of the table by each way to know difficulty, with and without stopping early, against
                best-of-N per 1,000 tokens and at the same tokens, paired over questions; at which budgets it pays
    throughput  processor time and requests a second at 1, 16 and 64 clients, against the library given the same
                requests without a server, and against the engines given the same tokens
    soak        many requests, mixed with hang-ups, oversized and hostile ones: statuses, memory, what a hang-up costs
    kill        the server is killed under load and started again; then the sample store is verified

FOLDER is a study of the nano world that has been run; of it nothing is changed. All figures are of this machine as it
is: `load` is what else was running.
"""

import argparse
import json
import os
import time
from pathlib import Path

from benchmarks.serving.answers import answers
from benchmarks.serving.kill import kill
from benchmarks.serving.soak import soak
from benchmarks.serving.throughput import throughput
from benchmarks.serving.worth import worth

PARTS = {"answers": answers, "worth": worth, "throughput": throughput, "soak": soak, "kill": kill}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--requests", type=int, default=200, help="of the soak (default: 200)")
    parser.add_argument("--budget", type=int, default=64, help="of throughput (default: 64)")
    options = parser.parse_args()
    for part in options.parts:
        begun = time.perf_counter()
        found = PARTS[part](options)
        found |= {"seconds": round(time.perf_counter() - begun, 1), "load": round(os.getloadavg()[0], 1)}
        print(json.dumps({part: found}, indent=1, default=float), flush=True)


if __name__ == "__main__":
    main()
